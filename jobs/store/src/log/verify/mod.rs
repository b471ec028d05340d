//! Proving from the files that every offset is in exactly one batch or reject file.
//!
//! Each file is checked by itself first ([`batch`]), several at a time; then the chain of footers ([`chain`]), in order.

mod batch;
mod chain;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use futures::{StreamExt, stream};
use serde::Serialize;

use self::{
    batch::{Checked, check},
    chain::Chain,
};
use super::{LogError, append::REJECTED, listing};
use crate::{BatchNumber, Store, files::Sizes};

/// Batches read at a time: enough to keep two cores decoding while the next files arrive, and few in memory.
const AT_ONCE: usize = 4;

/// What [`verify`] found. Serialises to the JSON that scripts read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Verification {
    /// Batches that were read.
    pub batches: u64,
    /// Accepted records.
    pub records: u64,
    /// Rejected records.
    pub rejected: u64,
    /// What the log holds of each partition.
    pub partitions: Vec<VerifiedPartition>,
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
    /// The first offset that the batches which are there account for.
    pub first: i64,
    /// The first offset that the log has not.
    pub next: i64,
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
    let mut named = BTreeSet::new();
    let mut checked = stream::iter(numbers)
        .map(|number| async move { (number, check(store, number).await) })
        .buffered(AT_ONCE);
    while let Some((number, Checked { footer, problems })) = checked.next().await {
        result.problems.extend(problems);
        match footer {
            Some(footer) => {
                result.records += footer.rows;
                result.rejected += footer.rejected_rows();
                named.extend(footer.rejected.as_ref().map(|reject| reject.file.clone()));
                chain.add(&footer, &mut result.problems);
            }
            None => chain.lose(),
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
    let rejects = store.list(REJECTED, Sizes::Skip).await?.unwrap_or_default();
    let unnamed =
        |name: &str| name.ends_with(".parquet") && !named.contains(&format!("{REJECTED}/{name}"));
    result.unreferenced_rejects = rejects
        .files
        .iter()
        .filter(|file| unnamed(&file.name))
        .count() as u64;
    Ok(result)
}
