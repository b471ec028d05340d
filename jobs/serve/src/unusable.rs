//! The folders that cannot be served, with the reasons.

use std::sync::Arc;

use futures::StreamExt;
use gugus_models::{ModelError, UnusableFolder};

use crate::catalogue::Catalogue;
use crate::examined::{self, Verdict};
use crate::listing::{Key, Listing};
use crate::problem::LoadError;

/// How many folders are examined at a time.
const AT_ONCE: usize = 8;

/// How many folders are examined for one answer. Reading a model takes about a millisecond, and a store may have a hundred
/// thousand. The next answer examines the next ones.
const MOST: usize = 1_000;

impl Catalogue {
    /// The folders that cannot be served, by name: of one model, or of all.
    pub(crate) async fn unusable(
        &self,
        listing: &Listing,
        of: Option<&str>,
    ) -> Vec<UnusableFolder> {
        let is_wanted = |model: &str| of.is_none_or(|of| of == model);
        let models = listing.models.iter().filter(|(name, _)| is_wanted(name));
        let keys = models.flat_map(|(name, listed)| {
            examined::newest(listed).map(|extent| (Arc::clone(name), extent))
        });
        let keys = self.stock.memory.examined.without_usable(keys, MOST);
        let found = futures::stream::iter(keys)
            .map(async |key| Some((self.examine(&key).await?, key)))
            .buffer_unordered(AT_ONCE)
            .filter_map(async |found| found);
        let mut unusable: Vec<UnusableFolder> = found
            .map(|(reason, key)| UnusableFolder {
                folder: examined::folder(&key),
                model: key.0.to_string(),
                extent: key.1,
                reason,
            })
            .collect()
            .await;
        unusable.extend(listing.unusable(of).cloned());
        unusable.sort_unstable_by(|one, other| one.folder.cmp(&other.folder));
        unusable.dedup_by(|one, other| one.folder == other.folder);
        unusable
    }

    /// The reason why a model cannot be served; none if it can be, or if the store fails.
    async fn examine(&self, key: &Key) -> Option<String> {
        let (model, extent) = key;
        let stamp = self.stock.models.stamp(model, extent.clone()).await.ok()?;
        if let Some(Verdict::Unusable(reason, known)) = self.stock.memory.examined.get(key)
            && stamp == known
        {
            return Some(reason);
        }
        let examined = &self.stock.memory.examined;
        match self.stock.memory.read(key).await {
            Ok(_) => examined.set(key, Verdict::Usable),
            Err(LoadError::Store(ModelError::Store(_) | ModelError::NotFound { .. })) => {
                return None;
            }
            Err(error) => {
                let reason = error.reason();
                examined.set(key, Verdict::Unusable(reason.clone(), stamp));
                return Some(reason);
            }
        }
        // The folder may have been replaced before this verdict was there, and a usable model is not examined again.
        let now = self.stock.models.stamp(model, extent.clone()).await;
        if now.ok() != Some(stamp) {
            examined.forget(key);
        }
        None
    }
}
