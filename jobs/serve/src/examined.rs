//! Folders that were found to be models or not.
//!
//! A listing opens no file, so it cannot tell a model from a damaged folder. `GET /models` reads the models that were not
//! read yet, and the verdicts are kept.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use gugus_models::{Extent, ListedModel, ModelStore, Stamp};

use crate::listing::Key;

/// How many batches and how many windows of a model are read for a listing, the newest ones. Reading a model takes about a
/// millisecond, and a model may have ten thousand batches. Older ones are noticed when they are asked.
const NEWEST: usize = 100;

/// The verdicts about models.
#[derive(Default)]
pub(crate) struct Examined(Mutex<BTreeMap<Key, Verdict>>);

/// Whether a model can be served.
#[derive(Clone)]
pub(crate) enum Verdict {
    Usable,
    /// The reason, and the stamp of the folder, because a folder that is written again may be usable.
    Unusable(String, Option<Stamp>),
}

impl Examined {
    fn verdicts(&self) -> MutexGuard<'_, BTreeMap<Key, Verdict>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn get(&self, key: &Key) -> Option<Verdict> {
        self.verdicts().get(key).cloned()
    }

    pub(crate) fn set(&self, key: &Key, verdict: Verdict) {
        self.verdicts().insert(key.clone(), verdict);
    }

    pub(crate) fn forget(&self, key: &Key) {
        self.verdicts().remove(key);
    }

    /// The models that are not known to be usable: all that were found unusable, and the first `most` that were not examined.
    pub(crate) fn without_usable(&self, keys: impl Iterator<Item = Key>, most: usize) -> Vec<Key> {
        let verdicts = self.verdicts();
        let mut new = 0;
        let is_wanted = |key: &Key| match verdicts.get(key) {
            Some(Verdict::Usable) => false,
            Some(Verdict::Unusable(..)) => true,
            None => {
                new += 1;
                new <= most
            }
        };
        keys.filter(is_wanted).collect()
    }

    /// Forgets models that are gone.
    pub(crate) fn retain(&self, is_there: impl Fn(&Key) -> bool) {
        self.verdicts().retain(|key, _| is_there(key));
    }
}

/// The data of a model whose folders are read for a listing.
pub(crate) fn newest(listed: &ListedModel) -> impl Iterator<Item = Extent> {
    let batches = listed.batches.iter().rev().take(NEWEST);
    let windows = listed.windows.iter().rev().take(NEWEST);
    let all = listed.all.then_some(Extent::All);
    let batches = batches.copied().map(Extent::Batch);
    all.into_iter()
        .chain(batches)
        .chain(windows.cloned().map(Extent::Window))
}

/// The folder of a model, as a listing names it.
pub(crate) fn folder((model, extent): &Key) -> String {
    match model.parse() {
        Ok(name) => ModelStore::folder(&name, extent),
        Err(_) => model.to_string(),
    }
}
