//! The result of verifying.

use gugus_spec::BatchNumber;
use serde::Serialize;

use crate::JumpReason;

/// The result of [`verify`](crate::verify). Serialises to the JSON that scripts read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Verification {
    /// Batches that were read.
    pub batches: u64,
    /// Accepted records, which are the rows of all batches, including replays.
    pub records: u64,
    /// Records that are still rejected: those in reject files of the remaining batches, without the replayed ones.
    pub rejected: u64,
    /// Rejected records that a later batch took again.
    pub replayed: u64,
    /// The offsets of each partition in the log.
    pub partitions: Vec<VerifiedPartition>,
    /// Where the log goes on elsewhere than at its end, because a user chose so. Jumps are no problem.
    pub jumps: Vec<VerifiedJump>,
    /// All problems, each with file, partition and offset; empty when all is well.
    pub problems: Vec<String>,
    /// Batches of earlier builds, which have no hash. Changes of their rows may not show. They are no problem.
    pub without_hash: u64,
    /// Reject files that no footer names. Writers that lost or were killed leave such files, and they are no problem.
    #[serde(skip)]
    pub unreferenced_rejects: u64,
}

/// The offsets of one partition in a log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VerifiedPartition {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// The first offset in the remaining batches, since the topic was last made anew.
    pub first: i64,
    /// The first offset that is not in the log.
    pub next: i64,
}

/// A step of the log over records that its topic no longer held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VerifiedJump {
    /// The batch that begins after the jump.
    pub batch: BatchNumber,
    /// The partition.
    pub partition: i32,
    /// The end of the log before the jump.
    pub from: i64,
    /// The offset where the log goes on.
    pub to: i64,
    /// Why.
    pub reason: JumpReason,
}
