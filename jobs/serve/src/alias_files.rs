//! The files of aliases in the store.
//!
//! Invariant: a file that was written again is read again. A file is left unread only while the store is looked through, and
//! only if it has the stamp that it had last time: the listing has its content then, or newer content that somebody told.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::StreamExt;
use gugus_models::ModelStore;
use gugus_spec::ModelName;

use crate::listing::{AT_ONCE, Aliasing, Listing};

/// The aliases of models, by their names.
pub(crate) type Aliases = BTreeMap<Arc<str>, Aliasing>;

/// The files of aliases in a store.
pub(crate) struct AliasFiles {
    models: ModelStore,
    /// Their stamps when the store was looked through last.
    stamps: tokio::sync::Mutex<BTreeMap<ModelName, String>>,
}

impl AliasFiles {
    pub(crate) fn new(models: ModelStore) -> Self {
        Self {
            models,
            stamps: tokio::sync::Mutex::default(),
        }
    }

    /// The aliases of models. If they cannot be read, these are the aliases that are listed.
    pub(crate) async fn read(
        &self,
        models: BTreeSet<ModelName>,
        listing: &Listing,
    ) -> Vec<(Arc<str>, Aliasing)> {
        let read = async |model: ModelName| {
            let aliasing = match self.models.aliases(&model).await {
                Ok(aliases) => Aliasing::from(aliases),
                Err(error) => listing.aliasing(model.as_str()).and_now(&model, error),
            };
            (model.as_str().into(), aliasing)
        };
        let read = futures::stream::iter(models).map(read);
        read.buffered(AT_ONCE).collect().await
    }

    /// Takes those models away whose files are as they were when this was called last, and returns their listed aliases.
    pub(crate) async fn unchanged(
        &self,
        models: &mut BTreeSet<ModelName>,
        listing: &Listing,
    ) -> Aliases {
        let mut stamps = self.stamps.lock().await;
        let look = async |model: ModelName| {
            let stamp = self.models.aliases_stamp(&model).await;
            (model, stamp.ok().flatten())
        };
        let looked = futures::stream::iter(std::mem::take(models)).map(look);
        let looked: Vec<_> = looked.buffered(AT_ONCE).collect().await;
        let mut unchanged = Aliases::new();
        let mut now = BTreeMap::new();
        for (model, stamp) in looked {
            let aliasing = listing.aliasing(model.as_str());
            if stamp.is_some() && stamp.as_ref() == stamps.get(&model) && aliasing.wrong.is_none() {
                unchanged.insert(model.as_str().into(), aliasing);
            } else {
                models.insert(model.clone());
            }
            now.extend(stamp.map(|stamp| (model, stamp)));
        }
        *stamps = now;
        unchanged
    }
}
