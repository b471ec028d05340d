//! Which models of a chain stay, and which batches want one.
//!
//! Invariant: a model stays only while it went on from the one that stands before it, by batch and uid. One that a batch did
//! not give (its rows allow none) is passed by; one that was removed, or trained again, makes those after it old.

use std::collections::{BTreeMap, BTreeSet};

use gugus_models::{CarriedFrom, ModelJson};
use gugus_spec::BatchNumber;

/// The models of one model's batches, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Chain {
    /// Batches that want a model.
    pub(crate) wanted: BTreeSet<BatchNumber>,
    /// The uids of models that stay.
    kept: BTreeMap<BatchNumber, String>,
}

/// What becomes of the model of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Link {
    /// It stays.
    Kept,
    /// There is none, or it went on from another than the one before it.
    Wanted,
}

impl Chain {
    /// Begins with the newest model of a batch that is gone, or with a model that is gone: the next batch goes on from it.
    pub(crate) fn begin(&mut self, batch: BatchNumber, uid: &str) {
        self.kept.insert(batch, uid.to_owned());
    }

    /// Adds the next batch and the model that is there of it.
    pub(crate) fn add(&mut self, batch: BatchNumber, there: Option<&ModelJson>) -> Link {
        match there {
            Some(about) if about.carried_from == self.before(batch) => {
                self.kept.insert(batch, about.uid.clone());
                Link::Kept
            }
            _ => {
                self.wanted.insert(batch);
                Link::Wanted
            }
        }
    }

    /// The model that one of `batch` goes on from.
    pub(crate) fn before(&self, batch: BatchNumber) -> Option<CarriedFrom> {
        let (before, uid) = self.kept.range(..batch).next_back()?;
        Some(CarriedFrom {
            batch: *before,
            uid: uid.clone(),
        })
    }

    /// Keeps only the newest model that stays, if no batch wants one: that is the one that the next batch goes on from.
    pub(crate) fn forget_old(&mut self) {
        if self.wanted.is_empty()
            && let Some((newest, uid)) = self.kept.pop_last()
        {
            self.kept = BTreeMap::from([(newest, uid)]);
        }
    }

    /// A model was written. Those that stood after it did not go on from it, and are wanted again: they are returned.
    pub(crate) fn trained(&mut self, batch: BatchNumber, uid: String) -> Vec<BatchNumber> {
        self.wanted.remove(&batch);
        let later: Vec<BatchNumber> = self.kept.split_off(&batch).into_keys().collect();
        self.kept.insert(batch, uid);
        self.wanted.extend(&later);
        later
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(number: u64) -> BatchNumber {
        BatchNumber::new(number).unwrap()
    }

    /// A model that is there: its batch, its uid, and the batch and uid that it went on from.
    type There<'a> = (u64, &'a str, Option<(u64, &'a str)>);

    /// A chain of so many batches, some of which have a model.
    fn chain(batches: u64, there: &[There<'_>]) -> Chain {
        let mut chain = Chain::default();
        for batch in (1..=batches).map(number) {
            let model = there.iter().find(|(n, ..)| number(*n) == batch);
            let json = model.map(|(_, uid, from)| about(uid, *from));
            chain.add(batch, json.as_ref());
        }
        chain
    }

    fn about(uid: &str, from: Option<(u64, &str)>) -> ModelJson {
        let from = from.map(|(batch, uid)| serde_json::json!({"batch": batch, "uid": uid}));
        serde_json::from_value(serde_json::json!({
            "version": 1, "job": "j", "model": "m", "batch": 1, "features": [], "algorithm": "minibatch",
            "params": {}, "k": 2, "seed": 0, "rows": 1, "iterations": 0, "training_cost": 0.0, "sizes": [],
            "carried_from": from, "uid": uid, "trained_at": "", "gugus_version": "", "checksums": {},
        }))
        .unwrap()
    }

    fn wanted(chain: &Chain) -> Vec<u64> {
        chain.wanted.iter().map(|n| n.get()).collect()
    }

    #[test]
    fn models_stay_while_each_went_on_from_the_one_before() {
        let complete = [(1, "a", None), (2, "b", Some((1, "a")))];
        assert_eq!(wanted(&chain(4, &complete)), [3, 4]);
        let retrained = [(1, "z", None), (2, "b", Some((1, "a")))];
        assert_eq!(wanted(&chain(3, &retrained)), [2, 3]);
        let gap = [
            (1, "a", None),
            (3, "c", Some((2, "b"))),
            (4, "d", Some((3, "c"))),
        ];
        assert_eq!(wanted(&chain(4, &gap)), [2, 3, 4]);
        let headless = [(2, "b", Some((1, "a")))];
        assert_eq!(wanted(&chain(2, &headless)), [1, 2]);
    }

    #[test]
    fn a_batch_that_gave_no_model_is_passed_by_until_it_gives_one() {
        let passed = [(1, "a", None), (3, "c", Some((1, "a")))];
        let mut chain = chain(4, &passed);
        assert_eq!(wanted(&chain), [2, 4]);
        assert_eq!(chain.trained(number(2), "b".to_owned()), [number(3)]);
        assert_eq!(wanted(&chain), [3, 4]);
        assert_eq!(chain.before(number(4)).unwrap().batch, number(2));
        assert_eq!(chain.trained(number(3), "e".to_owned()), []);
        assert_eq!(chain.before(number(4)).unwrap().uid, "e");
    }

    #[test]
    fn the_first_batch_goes_on_from_one_that_is_gone() {
        let mut chain = Chain::default();
        chain.begin(number(7), "g");
        assert_eq!(chain.add(number(8), None), Link::Wanted);
        let next = about("i", Some((7, "g")));
        assert_eq!(chain.add(number(9), Some(&next)), Link::Kept);
    }
}
