//! Proves from the files that every offset is in exactly one batch or reject file, and that no file was changed.
//!
//! Each file is checked by itself first ([`batch`]), several at a time. Then the footers are checked in order ([`chain`]).

mod batch;
mod chain;
mod found;
mod replay;
#[cfg(test)]
mod tests;

use futures::{StreamExt, stream};
use gugus_files::{Sizes, Store};
use gugus_spec::BatchNumber;

pub use self::found::{Verification, VerifiedJump, VerifiedPartition};
use self::{
    batch::{check, check_footer},
    chain::Chain,
    replay::Replays,
};
use crate::{LogError, listing, log::FOOTERS_AT_ONCE, reject_path::REJECTED};

/// How many batches are read at a time: enough for two cores to decode while the next files arrive, and few in memory.
const AT_ONCE: usize = 4;

/// How much of a log is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Depth {
    /// The footers of batches.
    Footers,
    /// All files.
    Everything,
}

/// Reads every batch and reject file of a log and checks them against each other.
///
/// `progress` is called after each batch with the number of batches that are done.
///
/// # Errors
/// Only those of listing the folder, such as [`LogError::NoFolder`]. Everything else is a problem in the result.
pub async fn verify(store: &Store, progress: impl FnMut(u64)) -> Result<Verification, LogError> {
    read(store, Depth::Everything, progress).await
}

/// Reads only the footers of a log, and checks their hashes and each footer against the one before. Changes of rows and of
/// reject files do not show.
///
/// # Errors
/// As [`verify`].
pub async fn verify_footers(
    store: &Store,
    progress: impl FnMut(u64),
) -> Result<Verification, LogError> {
    read(store, Depth::Footers, progress).await
}

async fn read(
    store: &Store,
    depth: Depth,
    mut progress: impl FnMut(u64),
) -> Result<Verification, LogError> {
    let run = listing::run(store, Sizes::Skip).await?;
    let run = run.ok_or_else(|| LogError::NoFolder {
        folder: store.to_string(),
    })?;
    let numbers: Vec<BatchNumber> = run.files.iter().map(|file| file.number).collect();
    let mut result = Verification::default();
    let mut chain = Chain::default();
    let mut replays = Replays::default();
    let at_once = match depth {
        Depth::Footers => FOOTERS_AT_ONCE,
        Depth::Everything => AT_ONCE,
    };
    let mut checked = stream::iter(numbers)
        .map(|number| async move {
            let checked = match depth {
                Depth::Footers => check_footer(store, number).await,
                Depth::Everything => check(store, number).await,
            };
            (number, checked)
        })
        .buffered(at_once);
    while let Some((number, checked)) = checked.next().await {
        result.problems.extend(checked.problems);
        match checked.footer {
            Some(footer) => {
                result.records = result.records.saturating_add(footer.rows);
                result.without_hash += u64::from(footer.hash.is_none());
                chain.add(&footer, &mut result.problems);
                let records = (depth == Depth::Everything).then_some(store);
                replays
                    .add(
                        records,
                        &footer,
                        checked.replayed.as_deref(),
                        &mut result.problems,
                    )
                    .await;
            }
            None => {
                chain.lose();
                replays.lose();
            }
        }
        result.batches += 1;
        progress(result.batches);
        debug_assert!(chain.newest.is_none_or(|newest| newest <= number));
    }
    if let Some(gap) = run.gap {
        result.problems.push(gap.to_string());
    }
    result.partitions = chain.partitions();
    result.rejected = replays.left();
    result.replayed = replays.replayed;
    result.jumps = chain.jumps;
    let rejects = store.list(REJECTED, Sizes::Skip).await?.unwrap_or_default();
    let unnamed =
        |name: &str| name.ends_with(".parquet") && !replays.names(&format!("{REJECTED}/{name}"));
    result.unreferenced_rejects = rejects
        .files
        .iter()
        .filter(|file| unnamed(&file.name))
        .count() as u64;
    Ok(result)
}
