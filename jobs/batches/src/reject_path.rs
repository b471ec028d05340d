//! The names of reject files.

use gugus_files::Store;
use gugus_spec::{BatchNumber, CommitId};

use crate::LogError;

/// The folder of reject files.
pub(crate) const REJECTED: &str = "rejected";

/// Checks the name of a reject file. A footer is text from a file, so a name in it must not lead out of the folder.
pub(crate) fn check_reject_path(
    store: &Store,
    number: BatchNumber,
    reject: &str,
) -> Result<(), LogError> {
    if is_reject_path(reject) {
        return Ok(());
    }
    Err(LogError::RejectPath {
        file: store.display(&number.file_name()),
        reject: reject.to_owned(),
    })
}

/// Whether Gugus gives such a name to a reject file.
pub(crate) fn is_reject_path(name: &str) -> bool {
    let id = name
        .strip_prefix(REJECTED)
        .and_then(|name| name.strip_prefix('/'))
        .and_then(|name| name.strip_suffix(".parquet"));
    id.is_some_and(|id| id.parse::<CommitId>().is_ok())
}
