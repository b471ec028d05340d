//! The configuration of an import, and its summary.

use std::path::PathBuf;

use gugus_files::Store;
use gugus_progress::Progress;
use gugus_spec::Job;
use serde::Serialize;

/// Which files to import, and where to.
#[derive(Clone, Debug)]
pub struct Config {
    /// Types the columns and limits the batches.
    pub job: Job,
    /// The folder of batches.
    pub store: Store,
    /// The files, in this order: CSV, JSON lines (both also packed by gzip) or Parquet. The endings of the names tell which.
    pub files: Vec<PathBuf>,
    /// How batches are cut.
    pub cut: Cut,
    /// Whether files that were imported before are imported again.
    pub repeat: Repeat,
    /// Counts bytes of all files.
    pub progress: Progress,
}

/// How batches are cut.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cut {
    /// By the job's limits; a batch may span files.
    #[default]
    ByRows,
    /// Each file is one batch.
    PerFile,
}

/// Whether files that were imported before, to their end, are imported again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Repeat {
    /// Such a file is refused, and nothing is begun.
    #[default]
    Refuse,
    /// Their records are imported once more.
    Again,
}

/// The result of an import.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Files whose records were read.
    pub files: u64,
    /// Batches committed.
    pub batches: u64,
    /// Records in them.
    pub records: u64,
    /// Records kept aside.
    pub rejected: u64,
    /// Why the first of them was rejected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_reason: Option<String>,
}

impl Summary {
    /// Whether every record was rejected. Then the job file or the files are wrong.
    pub fn is_all_rejected(&self) -> bool {
        self.records == 0 && self.rejected > 0
    }
}
