//! Files that a command writes.

use std::error::Error;
use std::path::{Path, PathBuf};

use crate::exit::Failure;

#[derive(Debug, thiserror::Error)]
#[error("{} could not be written", path.display())]
struct WriteError {
    path: PathBuf,
    #[source]
    source: Box<dyn Error + Send + Sync>,
}

/// A file that could not be written, and why.
pub(crate) fn not_written(path: &Path, source: impl Into<Box<dyn Error + Send + Sync>>) -> Failure {
    Failure::failed(WriteError {
        path: path.to_owned(),
        source: source.into(),
    })
}
