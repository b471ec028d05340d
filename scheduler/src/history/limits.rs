//! How many records of jobs are kept.

use std::time::Duration;

/// How many records of Ballista jobs are kept, for how long, and in how many bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeepJobs {
    /// The most records.
    pub number: usize,
    /// How long after its job's end a record is kept.
    pub age: Duration,
    /// The most bytes of all records on disk.
    pub bytes: u64,
}

impl Default for KeepJobs {
    fn default() -> Self {
        Self {
            number: 10_000,
            age: Duration::from_secs(30 * 24 * 3600),
            bytes: 1 << 30,
        }
    }
}
