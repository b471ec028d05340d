//! What an import is given, and what it answers.

use std::path::PathBuf;

use gugus_files::Store;
use gugus_spec::Job;
use indicatif::ProgressBar;
use serde::Serialize;

/// What to import, and where to.
#[derive(Clone, Debug)]
pub struct Config {
    /// Types the columns and limits the batches.
    pub job: Job,
    /// The folder of batches.
    pub store: Store,
    /// CSV, JSON lines (both also packed by gzip) or Parquet, told by the names' endings, in this order.
    pub files: Vec<PathBuf>,
    /// How batches are cut.
    pub cut: Cut,
    /// What becomes of files that were imported before.
    pub repeat: Repeat,
    /// Its length and position are bytes of all files.
    pub progress: ProgressBar,
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

/// What becomes of files that were imported before, in full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Repeat {
    /// They are refused, and nothing is begun.
    #[default]
    Refuse,
    /// Their records are imported once more.
    Again,
}

/// What an import did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Files of which records were read.
    pub files: u64,
    /// Batches committed.
    pub batches: u64,
    /// Records in them.
    pub records: u64,
    /// Records kept aside.
    pub rejected: u64,
}
