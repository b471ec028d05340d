//! What verifying tells.

use gugus_spec::BatchNumber;
use serde::Serialize;

use crate::JumpReason;

/// What [`verify`](crate::verify) found. Serialises to the JSON that scripts read.
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
