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

    /// Names one more model, and forgets those that are not there any more.
    pub(crate) fn insert(&self, name: &str, is_there: impl Fn(&str) -> bool) {
        let mut names = self.0.write().unwrap_or_else(PoisonError::into_inner);
        names.retain(|name| is_there(name));
        names.insert(name.to_owned());
    }

    pub(crate) fn remove(&self, name: &str) {
        let mut names = self.0.write().unwrap_or_else(PoisonError::into_inner);
        names.remove(name);
    }
}
