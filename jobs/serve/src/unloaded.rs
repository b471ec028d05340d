//! The models that were unloaded by the Open Inference Protocol.

use std::collections::BTreeSet;
use std::sync::{PoisonError, RwLock};

/// The names of the models that were unloaded. Each was in the listing at that time.
#[derive(Debug, Default)]
pub(crate) struct Unloaded(RwLock<BTreeSet<String>>);

impl Unloaded {
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .contains(name)
    }

    pub(crate) fn insert(&self, name: &str) {
        let mut names = self.0.write().unwrap_or_else(PoisonError::into_inner);
        names.insert(name.to_owned());
    }

    pub(crate) fn remove(&self, name: &str) {
        let mut names = self.0.write().unwrap_or_else(PoisonError::into_inner);
        names.remove(name);
    }
}
