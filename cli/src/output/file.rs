//! Files that a command writes.

use std::error::Error;
use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

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

/// A folder for this process only, which ends with it.
pub(crate) fn private_folder() -> io::Result<TempDir> {
    tempfile::Builder::new()
        .prefix("gugus-")
        .permissions(Permissions::from_mode(0o700))
        .tempdir()
}
