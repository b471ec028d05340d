//! Which batches are there.

use object_store::path::Path as ObjectPath;

use super::LogError;
use crate::{
    BatchNumber, Store,
    files::{Entry, Sizes},
};

/// A batch file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchFile {
    /// Its number.
    pub number: BatchNumber,
    /// Where it is in [`Store::object_store`].
    pub path: ObjectPath,
    /// Bytes.
    pub size: u64,
}

/// Numbers that are there, up to the first that is not.
pub(super) struct Run {
    /// Without a gap, ascending. The first need not be number 1, for old batches may be pruned.
    pub(super) files: Vec<BatchFile>,
    pub(super) gap: Option<GapAt>,
}

/// Where a log is cut in two.
pub(super) struct GapAt {
    /// The first number that is not there.
    pub(super) missing: BatchNumber,
    /// The newest that is.
    pub(super) newest: BatchNumber,
    /// How many files are behind the gap.
    pub(super) beyond: usize,
}

impl Run {
    /// The run of a log that is to be appended to: there a gap is an error.
    pub(super) fn without_gap(self, store: &Store) -> Result<Vec<BatchFile>, LogError> {
        match self.gap {
            None => Ok(self.files),
            Some(gap) => Err(LogError::Gap {
                missing: store.display(&gap.missing.file_name()),
                newest: store.display(&gap.newest.file_name()),
            }),
        }
    }
}

/// Lists the longest run of numbers without a gap from the first that is there. `None` when the folder is not there.
pub(super) async fn run(store: &Store, sizes: Sizes) -> Result<Option<Run>, LogError> {
    let Some(listed) = store.list("", sizes).await? else {
        return Ok(None);
    };
    let number = |entry: &Entry| Some((BatchNumber::from_file_name(&entry.name)?, entry.size));
    let mut found: Vec<(BatchNumber, u64)> = listed.files.iter().filter_map(number).collect();
    found.sort_unstable();
    let newest = found.last().map(|(number, _)| *number);
    let mut files: Vec<BatchFile> = Vec::with_capacity(found.len());
    let mut gap = None;
    let total = found.len();
    for (index, (number, size)) in found.into_iter().enumerate() {
        // A listing is no snapshot: one that runs while batches are committed may have missed a file and seen the
        // next. So a missing number is looked for by name before it is called missing.
        while let Some(next) = files
            .last()
            .map(|last| last.number.next())
            .filter(|next| *next < number)
        {
            match store.head(&next.file_name()).await? {
                Some((size, _)) => files.push(file(store, next, size)),
                None => {
                    gap = newest.map(|newest| GapAt {
                        missing: next,
                        newest,
                        beyond: total - index,
                    });
                    return Ok(Some(Run { files, gap }));
                }
            }
        }
        files.push(file(store, number, size));
    }
    Ok(Some(Run { files, gap }))
}

fn file(store: &Store, number: BatchNumber, size: u64) -> BatchFile {
    BatchFile {
        number,
        path: store.object_path(&number.file_name()),
        size,
    }
}
