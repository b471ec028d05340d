//! The models that wait to be judged for an alias.
//!
//! A model is written first and judged second. In between, the run may be ended, or the cluster or a store may fail. So
//! `aliases.json` says which batches were judged. A model still waits if its batch is newer than the one that the alias stands
//! for, and `aliases.json` does not name the batch.

use std::collections::BTreeMap;

use gugus_models::BatchRange;
use gugus_progress::{ModelReport, Outcome};
use gugus_spec::BatchNumber;

use crate::batches::Batches;
use crate::error::{Error, Result};
use crate::run::Run;
use crate::work::ModelWork;

/// The batches whose models wait to be judged, each with its facts: a run that follows forgets those of old batches.
#[derive(Debug, Default)]
pub(crate) struct Candidates(BTreeMap<BatchNumber, Batches>);

impl Candidates {
    /// Those that an earlier run left.
    pub(crate) fn find(run: &Run, work: &ModelWork) -> Self {
        let mut found = Self::default();
        let name = &work.model.name;
        if let (Some(promotion), Some(aliases)) = (&work.promotion, run.aliases.get(name))
            && aliases.judged.contains_key(&promotion.alias)
        {
            let there = run.listed(name);
            let left = there.filter(|batch| !aliases.is_judged(&promotion.alias, *batch));
            for batch in left.filter(|batch| run.batches.get(*batch).is_some()) {
                found.add(run, batch);
            }
        }
        found
    }

    /// Those that were trained just now.
    pub(crate) fn extend(&mut self, run: &Run, work: &ModelWork, lines: &[ModelReport]) {
        if work.promotion.is_none() {
            return;
        }
        let name = work.model.name.as_str();
        let trained = lines
            .iter()
            .filter(|line| line.model == name && line.status == Outcome::Trained);
        for batch in trained.filter_map(|line| BatchNumber::new(line.batch?)) {
            self.add(run, batch);
        }
    }

    fn add(&mut self, run: &Run, batch: BatchNumber) {
        self.0.insert(batch, run.batches.only(batch..=batch));
    }

    /// Takes out the newest.
    pub(crate) fn pop(&mut self) -> Option<(BatchNumber, Batches)> {
        self.0.pop_last()
    }

    /// Takes back one that could not be judged.
    pub(crate) fn put_back(&mut self, batch: BatchNumber, batches: Batches) {
        self.0.insert(batch, batches);
    }

    /// Takes over those of another.
    pub(crate) fn append(&mut self, other: &mut Self) {
        self.0.append(&mut other.0);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Drops those of batches before this one: the batches were pruned, so nobody can read their rows.
    pub(crate) fn forget(&mut self, before: BatchNumber) {
        self.0 = self.0.split_off(&before);
    }
}

/// Remembers that models are judged for an alias from now on. Models that are there already do not wait.
pub(crate) async fn begin_judging(run: &Run, work: &ModelWork) -> Result {
    let name = &work.model.name;
    let (Some(promotion), Some(aliases)) = (&work.promotion, run.aliases.get(name)) else {
        return Ok(());
    };
    if aliases.judged.contains_key(&promotion.alias) {
        return Ok(());
    }
    let there = run.listed(name).max().map(BatchRange::up_to);
    let noted = run
        .models
        .note_judged(name, &promotion.alias, there.as_slice());
    let noted = noted.await;
    noted.map_err(Error::Models)
}
