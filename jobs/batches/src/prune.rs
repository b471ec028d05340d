//! Taking old batches away: the first ones, in ascending order, and never the newest, which is the whole state of the log.
//!
//! Invariant: whenever this stops, for whatever reason, what is left is a run without a gap.

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

/// Batches whose footers are in memory at a time, and after which the folder is synced. A sync takes milliseconds, so
/// one for a thousand files costs nothing.
const AT_ONCE: usize = 1_000;

/// How old a reject file that no footer names must be before it is removed.
///
/// A younger one may belong to a commit that is being written: rejects go first. That takes seconds, and a minute at worst
/// when the store fails; an hour leaves room for a process that was stopped, and for clocks that differ.
const UNREFERENCED_AFTER: Duration = Duration::from_secs(3600);

/// Which batches stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// So many of the newest.
    Newest(NonZeroU64),
    /// Those whose files were written at this time or later, and all after the first of these; and the newest.
    Since(SystemTime),
}

/// Whether batches are removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prune {
    /// Only find what would be removed.
    DryRun,
    /// Remove it.
    Delete,
}

/// What was removed, or would be.
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
    /// How many reject files that those batches name.
    pub rejects: u64,
    /// How many reject files that no batch names.
    pub unreferenced: u64,
}

impl BatchLog {
    /// Removes old batches with their reject files, and reject files that no batch names and that are an hour old.
    ///
    /// The newest batch always stays, so numbers and offsets go on. Models that were trained on a batch stay too. Others
    /// may append and read meanwhile; a reader may miss a batch that was there when it listed them. `progress` is told
    /// how many batches are done, and may say to stop: all up to there is done then, and nothing else.
    ///
    /// # Errors
    /// [`LogError::Gap`] for a log that is cut in two; and those of listing, of reading footers and of removing files. What
    /// was removed before stays removed.
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

/// How many of the first files go.
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
    /// Reject files of the batches that went.
    named: BTreeSet<String>,
}

impl Work<'_> {
    /// Some of the batches that go. Batches first, then their reject files: whoever is killed between leaves reject files
    /// that nobody names.
    async fn prune(
        &mut self,
        some: &[Found],
        progress: &mut impl FnMut(u64) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, LogError> {
        let store = &self.log.store;
        // A batch that somebody else has pruned since has no footer any more.
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
            // A power cut that undid a removal, and not the removal of what comes after, would leave a gap, or a batch
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

    /// Reject files that no batch names, neither one that went nor one of those `kept`.
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
        // Where every file is named, this ends at the newest batch that names an old one.
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
