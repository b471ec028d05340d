//! Proving from the files that every offset is in exactly one batch or reject file.
//!
//! Each file is checked by itself first ([`batch`]), several at a time; then the chain of footers ([`chain`]), in order.

mod batch;
mod chain;
mod replay;
#[cfg(test)]
mod tests;

use futures::{StreamExt, stream};
use gugus_files::{Sizes, Store};
use gugus_spec::BatchNumber;
use serde::Serialize;

use self::{batch::check, chain::Chain, replay::Replays};
use crate::{JumpReason, LogError, listing, rejects::REJECTED};

/// Batches read at a time: enough to keep two cores decoding while the next files arrive, and few in memory.
const AT_ONCE: usize = 4;

/// What [`verify`] found. Serialises to the JSON that scripts read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Verification {
    /// Batches that were read.
    pub batches: u64,
    /// Accepted records: rows of batches, those that replays added among them.
    pub records: u64,
    /// Records that are rejected still: those in the reject files of batches that are there, without the replayed ones.
    pub rejected: u64,
    /// Records that were rejected, and taken again by a later batch.
    pub replayed: u64,
    /// What the log holds of each partition.
    pub partitions: Vec<VerifiedPartition>,
    /// Where the log goes on elsewhere than where it ended, because a user chose so. They are no problem.
    pub jumps: Vec<VerifiedJump>,
    /// What is wrong, each naming file, partition and offset; empty when all is well.
    pub problems: Vec<String>,
    /// Reject files that no footer names: left by writers that lost or were killed. They are no problem.
    #[serde(skip)]
    pub unreferenced_rejects: u64,
}

/// What a log holds of a partition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VerifiedPartition {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// The first offset that the batches which are there account for; since the topic was last made anew.
    pub first: i64,
    /// The first offset that the log has not.
    pub next: i64,
}

/// A step of the log over what its topic no longer held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VerifiedJump {
    /// The batch that begins after it.
    pub batch: BatchNumber,
    /// The partition.
    pub partition: i32,
    /// Where the log ended before.
    pub from: i64,
    /// Where it goes on.
    pub to: i64,
    /// Why.
    pub reason: JumpReason,
}

/// Reads every batch and reject file of a log and checks them against each other.
///
/// `progress` is told how many batches are done, after each.
///
/// # Errors
/// Only those of listing the folder, [`LogError::NoFolder`] among them. All else is a problem in the result.
pub async fn verify(
    store: &Store,
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
    let mut checked = stream::iter(numbers)
        .map(|number| async move { (number, check(store, number).await) })
        .buffered(AT_ONCE);
    while let Some((number, checked)) = checked.next().await {
        result.problems.extend(checked.problems);
        match checked.footer {
            Some(footer) => {
                result.records += footer.rows;
                chain.add(&footer, &mut result.problems);
                replays
                    .add(
                        store,
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
        result.problems.push(format!(
            "{} is missing while {} is there: {} batches after the gap are not read by anybody",
            gap.missing.file_name(),
            gap.newest.file_name(),
            gap.beyond
        ));
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
