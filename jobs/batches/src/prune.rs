//! Removes old batches, from the first one upwards. The newest batch always stays, because it is the whole state of the log.
//!
//! Invariant: pruning may stop anywhere, and the remaining batches have no gap.

use std::{
    collections::{BTreeMap, BTreeSet},
    num::NonZeroU64,
    ops::ControlFlow,
    time::{Duration, SystemTime},
};

use futures::{StreamExt, TryStreamExt, stream};
use gugus_files::{Entry, Sizes};
use gugus_spec::BatchNumber;
use serde::Serialize;

use crate::{
    BatchLog, Footer, LogError,
    listing::{self, Found},
    log::FOOTERS_AT_ONCE,
    reject_path::{REJECTED, check_reject_path, is_reject_path},
    tail::read_footer,
};

/// How many footers are in memory at a time. After so many batches the folder is synced. A sync takes milliseconds, so one
/// for a thousand files costs nothing.
const AT_ONCE: usize = 1_000;

/// How old a reject file that no footer names must be before it is removed.
///
/// A younger file may belong to a commit in progress, because rejects are written first. A commit takes seconds, or a
/// minute while the store fails. An hour leaves room for a process that was stopped, and for clocks that differ.
const UNREFERENCED_AFTER: Duration = Duration::from_secs(3600);

/// Which batches stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// This many of the newest batches.
    Newest(NonZeroU64),
    /// All batches from the first one whose file was written at this time or later; and the newest batch.
    Since(SystemTime),
}

/// Whether batches are removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prune {
    /// Only count the files that would be removed.
    DryRun,
    /// Remove it.
    Delete,
}

/// The files that were removed, or would be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Pruned {
    /// How many batches.
    pub batches: u64,
    /// The first of them.
    pub first: Option<BatchNumber>,
    /// The last of them.
    pub last: Option<BatchNumber>,
    /// Bytes of all files: batches, their reject files, and reject files that no batch names.
    pub bytes: u64,
    /// The number of reject files of those batches.
    pub rejects: u64,
    /// The number of reject files that no batch names.
    pub unreferenced: u64,
}

impl BatchLog {
    /// Removes old batches with their reject files. Also removes reject files that no batch names, if they are an hour old.
    ///
    /// The newest batch always stays, so numbers and offsets go on. The models of a batch stay, too. Other processes may
    /// append and read meanwhile; a reader may miss a batch that it has listed. `progress` is called with the number of
    /// batches that are done, and may stop the pruning after them.
    ///
    /// # Errors
    /// [`LogError::Gap`] for a log with a gap; and those of listing, of reading footers and of removing files. Files that were
    /// removed before an error stay removed.
    pub async fn prune(
        &self,
        keep: Keep,
        mode: Prune,
        mut progress: impl FnMut(u64) -> ControlFlow<()>,
    ) -> Result<Pruned, LogError> {
        let run = listing::run(&self.store, Sizes::Read).await?;
        let run = run.ok_or_else(|| LogError::NoFolder {
            folder: self.store.to_string(),
        })?;
        let files = run.without_gap(&self.store)?;
        let (old, kept) = files.split_at(goes(&files, keep));
        let mut work = Work {
            log: self,
            mode,
            pruned: Pruned::default(),
            named: BTreeSet::new(),
        };
        for some in old.chunks(AT_ONCE) {
            if work.prune(some, &mut progress).await?.is_break() {
                return Ok(work.pruned);
            }
        }
        work.sweep(kept).await?;
        Ok(work.pruned)
    }
}

/// How many files are removed, from the first one on.
fn goes(files: &[Found], keep: Keep) -> usize {
    let all_but_newest = files.len().saturating_sub(1);
    match keep {
        Keep::Newest(count) => {
            let count = usize::try_from(count.get()).unwrap_or(usize::MAX);
            files.len().saturating_sub(count)
        }
        Keep::Since(time) => files
            .iter()
            .take_while(|found| found.about.modified < time)
            .count()
            .min(all_but_newest),
    }
}

/// One pruning.
struct Work<'a> {
    log: &'a BatchLog,
    mode: Prune,
    pruned: Pruned,
    /// The reject files of the removed batches.
    named: BTreeSet<String>,
}

impl Work<'_> {
    /// Removes some batches, and then their reject files. A process that is killed between the two leaves reject files that
    /// no batch names.
    async fn prune(
        &mut self,
        some: &[Found],
        progress: &mut impl FnMut(u64) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, LogError> {
        let store = &self.log.store;
        // Another process may have pruned a batch meanwhile. Then the batch has no footer any more.
        let footers: Vec<Option<Footer>> = stream::iter(some.to_vec())
            .map(|found| read_footer(store, found.number))
            .buffered(FOOTERS_AT_ONCE)
            .try_collect()
            .await?;
        let rejects = footers.iter().flatten();
        for (number, file) in rejects.filter_map(|f| Some((f.number, &f.rejected.as_ref()?.file))) {
            check_reject_path(store, number, file)?;
        }
        let mut flow = ControlFlow::Continue(());
        let mut rejects = Vec::new();
        for (found, footer) in some.iter().zip(footers) {
            let Some(footer) = footer else { continue };
            if self.mode == Prune::Delete {
                store.delete(&found.number.file_name()).await?;
            }
            self.pruned.first.get_or_insert(found.number);
            self.pruned.last = Some(found.number);
            self.pruned.batches += 1;
            self.pruned.bytes += found.about.size;
            rejects.extend(footer.rejected.map(|reject| reject.file));
            flow = progress(self.pruned.batches);
            if flow.is_break() {
                break;
            }
        }
        if self.mode == Prune::Delete {
            // A power cut may undo a removal and keep a later one. Without this sync, that would leave a gap, or a batch
            // without its rejects.
            store.sync("").await?;
        }
        for file in rejects {
            if let Some(head) = store.head(&file).await? {
                if self.mode == Prune::Delete {
                    store.delete(&file).await?;
                }
                self.pruned.rejects += 1;
                self.pruned.bytes += head.about.size;
            }
            self.named.insert(file);
        }
        Ok(flow)
    }

    /// Removes reject files that no batch names, neither a removed batch nor one of `kept`.
    async fn sweep(&mut self, kept: &[Found]) -> Result<(), LogError> {
        let store = &self.log.store;
        let listed = store.list(REJECTED, Sizes::Read).await?.unwrap_or_default();
        let now = SystemTime::now();
        let old = |entry: &Entry| {
            let age = now.duration_since(entry.about.modified);
            age.is_ok_and(|age| age > UNREFERENCED_AFTER)
        };
        let mut unnamed: BTreeMap<String, u64> = listed
            .files
            .iter()
            .filter(|entry| old(entry))
            .map(|entry| (format!("{REJECTED}/{}", entry.name), entry.about.size))
            .filter(|(file, _)| is_reject_path(file) && !self.named.contains(file))
            .collect();
        // If some batch names every file, this ends at the newest batch that names an old file.
        let mut footers = stream::iter(kept.to_vec())
            .map(|found| read_footer(store, found.number))
            .buffered(FOOTERS_AT_ONCE);
        while !unnamed.is_empty()
            && let Some(footer) = footers.try_next().await?
        {
            if let Some(reject) = footer.and_then(|footer| footer.rejected) {
                unnamed.remove(&reject.file);
            }
        }
        for (file, size) in unnamed {
            if self.mode == Prune::Delete {
                store.delete(&file).await?;
            }
            self.pruned.unreferenced += 1;
            self.pruned.bytes += size;
        }
        Ok(())
    }
}
