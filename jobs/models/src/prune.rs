//! Removes the models of old batches. The head of [`crate::Aliases`]' file says in which order, and why.

use std::{collections::BTreeSet, num::NonZeroU64, ops::ControlFlow, time::SystemTime};

use futures::{StreamExt, TryStreamExt, future::try_join_all, stream};
use gugus_files::{Sizes, StoreError};
use gugus_spec::{BatchNumber, ModelName};

use crate::{Aliases, Extent, ModelError, ModelStore, place::SUCCESS};

/// Folders that are looked at, or removed, at the same time.
const AT_ONCE: usize = 16;

/// Which models stay. The newest one and those with an alias stay whatever this says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// The models of this many of the newest batches.
    Newest(NonZeroU64),
    /// The models that were written at this time or later.
    Since(SystemTime),
}

/// Whether models are removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prune {
    /// Only find the models that would be removed.
    DryRun,
    /// Remove them.
    Delete,
}

/// The folder of a batch's model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Folder {
    batch: BatchNumber,
    /// When the model was written; `None` for a folder without its last mark.
    written: Option<SystemTime>,
}

impl ModelStore {
    /// Removes the models of a model's old batches, and gives those batches. Folders that Spark wrote stay, and so do models
    /// over all batches and of windows.
    ///
    /// Training leaves out the batches, and older ones without a model, from then on. A prune that was cut off is finished by
    /// the next one. `progress` is called with the number of models that are removed, and may stop the pruning.
    ///
    /// # Errors
    /// Those of listing, of `aliases.json`, and of removing. What was removed before an error stays removed.
    pub async fn prune(
        &self,
        model: &ModelName,
        keep: Keep,
        mode: Prune,
        mut progress: impl FnMut(u64) -> ControlFlow<()>,
    ) -> Result<Vec<BatchNumber>, ModelError> {
        let folders = self.batch_folders(model).await?;
        let old = old(&folders, keep);
        if mode == Prune::DryRun {
            let mut aliases = self.aliases(model).await?;
            return Ok(aliases.give_up(&folders, &old));
        }
        let going = self
            .change_aliases(model, |aliases| Ok(aliases.give_up(&folders, &old)))
            .await?;
        let mut removed = Vec::new();
        for some in going.chunks(AT_ONCE) {
            let removals = some.iter().copied().map(|batch| self.remove(model, batch));
            try_join_all(removals).await?;
            removed.extend(some);
            if progress(removed.len() as u64).is_break() {
                break;
            }
        }
        Ok(removed)
    }

    async fn remove(&self, model: &ModelName, batch: BatchNumber) -> Result<(), StoreError> {
        let folder = Self::folder(model, &Extent::Batch(batch));
        self.store.remove_folder(&folder, SUCCESS).await
    }

    /// The folders of a model's batches, ascending.
    async fn batch_folders(&self, model: &ModelName) -> Result<Vec<Folder>, StoreError> {
        let listed = self.store.list(model.as_str(), Sizes::Skip).await?;
        let names = listed.unwrap_or_default().folders.into_iter();
        let batches = names.filter_map(|name| BatchNumber::from_folder_name(&name));
        let looked_at = batches.map(|batch| async move {
            let folder = Self::folder(model, &Extent::Batch(batch));
            let head = self.store.head(&format!("{folder}/{SUCCESS}")).await?;
            let written = head.map(|head| head.about.modified);
            Ok::<_, StoreError>(Folder { batch, written })
        });
        let looked_at = stream::iter(looked_at).buffer_unordered(AT_ONCE);
        let mut folders: Vec<Folder> = looked_at.try_collect().await?;
        folders.sort_unstable_by_key(|folder| folder.batch);
        Ok(folders)
    }
}

/// The complete models that `keep` does not keep, without the newest.
fn old(folders: &[Folder], keep: Keep) -> BTreeSet<BatchNumber> {
    let complete = folders.iter().rev();
    let complete = complete.filter_map(|folder| Some((folder.batch, folder.written?)));
    let before_newest = complete.skip(1);
    match keep {
        Keep::Newest(count) => {
            let others = usize::try_from(count.get() - 1).unwrap_or(usize::MAX);
            before_newest.skip(others).map(|(batch, _)| batch).collect()
        }
        Keep::Since(time) => before_newest
            .filter(|(_, written)| *written < time)
            .map(|(batch, _)| batch)
            .collect(),
    }
}

impl Aliases {
    /// Counts old batches as pruned, and all before them without a model. Gives the folders that have to go.
    fn give_up(&mut self, folders: &[Folder], old: &BTreeSet<BatchNumber>) -> Vec<BatchNumber> {
        let aliased: BTreeSet<BatchNumber> = self.aliases.values().map(|of| of.batch).collect();
        let complete = folders.iter().filter(|folder| folder.written.is_some());
        let complete = complete.map(|folder| folder.batch);
        let newest = complete.clone().next_back();
        let last = old.difference(&aliased).last().copied();
        if let Some(last) = last {
            let young = complete.filter(|batch| !old.contains(batch) && !self.is_pruned(*batch));
            let stay: BTreeSet<BatchNumber> = young.chain(aliased).collect();
            self.prune_up_to(last, &stay);
        }
        let batches = folders.iter().map(|folder| folder.batch);
        let going = batches.filter(|batch| self.is_pruned(*batch) && Some(*batch) != newest);
        going.collect()
    }
}
