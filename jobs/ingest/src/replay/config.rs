//! The configuration of a replay, and its summary.

use gugus_files::Store;
use gugus_progress::Progress;
use gugus_spec::{BatchNumber, Job};
use serde::Serialize;

/// Which records to replay.
#[derive(Clone, Debug)]
pub struct Config {
    /// The corrected job file. Its `batches.rows` also limits the batches of the replay.
    pub job: Job,
    /// The folder of batches.
    pub store: Store,
    /// Replays only the rejects of this batch.
    pub batch: Option<BatchNumber>,
    /// Whether to write.
    pub mode: Mode,
    /// Counts records.
    pub progress: Progress,
}

/// Whether a replay writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Records that fit now are committed.
    #[default]
    Commit,
    /// Records that fit now are only counted.
    DryRun,
}

/// The result of a replay.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Records that fit now, and are in batches unless it was a dry run.
    pub replayed: u64,
    /// Batches committed.
    pub batches: u64,
    /// Records that still do not fit.
    pub rejected: u64,
    /// The reasons, the most frequent first.
    pub reasons: Vec<Still>,
}

/// Records that still do not fit, by kind of reason.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Still {
    /// The kind of reason, as in the metrics of `ingest`.
    pub kind: String,
    /// How many records.
    pub records: u64,
    /// The reason of one of them.
    pub example: String,
}
