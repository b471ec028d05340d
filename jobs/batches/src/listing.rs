//! Which batches are there.

use std::fmt;

use gugus_files::{About, Entry, Sizes, Store};
use gugus_spec::BatchNumber;
use object_store::path::Path as ObjectPath;

use crate::LogError;

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

/// A batch file that was listed, without its path. Making the paths of a long log would take longer than listing it, and
/// most callers need only the numbers.
#[derive(Clone, Copy)]
pub(crate) struct Found {
    pub(crate) number: BatchNumber,
    pub(crate) about: About,
}

impl Found {
    pub(crate) fn file(self, store: &Store) -> BatchFile {
        BatchFile {
            number: self.number,
            path: store.object_path(&self.number.file_name()),
            size: self.about.size,
        }
    }
}

/// The batches up to the first missing number.
pub(crate) struct Run {
    /// The batches without a gap, ascending. The first need not be number 1, because old batches may be pruned.
    pub(crate) files: Vec<Found>,
    pub(crate) gap: Option<GapAt>,
}

/// Where a log is cut in two.
pub(crate) struct GapAt {
    /// The first missing number.
    pub(crate) missing: BatchNumber,
    /// The newest batch.
    pub(crate) newest: BatchNumber,
    /// How many files are behind the gap.
    pub(crate) beyond: usize,
}

/// In words, as `verify` and readers say it.
impl fmt::Display for GapAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} is missing while {} is there: {} batches after the gap are not read by anybody",
            self.missing.file_name(),
            self.newest.file_name(),
            self.beyond
        )
    }
}

/// Which batches a log has: all numbers from the first one to the newest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reach {
    /// The first batch. It need not be number 1, because old batches may be pruned.
    pub first: BatchNumber,
    /// The newest batch before the first gap.
    pub newest: BatchNumber,
    /// Says in words that numbers are missing behind the newest batch, if they are.
    pub gap: Option<String>,
}

impl Run {
    pub(crate) fn reach(&self) -> Option<Reach> {
        Some(Reach {
            first: self.files.first()?.number,
            newest: self.files.last()?.number,
            gap: self.gap.as_ref().map(ToString::to_string),
        })
    }

    /// The batches of a log to append to, where a gap is an error.
    pub(crate) fn without_gap(self, store: &Store) -> Result<Vec<Found>, LogError> {
        match self.gap {
            None => Ok(self.files),
            Some(gap) => Err(LogError::Gap {
                missing: store.display(&gap.missing.file_name()),
                newest: store.display(&gap.newest.file_name()),
            }),
        }
    }
}

/// Lists the batches from the first one up to the first gap. `None` if there is no folder.
pub(crate) async fn run(store: &Store, sizes: Sizes) -> Result<Option<Run>, LogError> {
    let Some(listed) = store.list("", sizes).await? else {
        return Ok(None);
    };
    let number = |entry: &Entry| {
        Some(Found {
            number: BatchNumber::from_file_name(&entry.name)?,
            about: entry.about,
        })
    };
    let mut found: Vec<Found> = listed.files.iter().filter_map(number).collect();
    found.sort_unstable_by_key(|file| file.number);
    let newest = found.last().map(|file| file.number);
    let mut files: Vec<Found> = Vec::with_capacity(found.len());
    let total = found.len();
    for (index, file) in found.into_iter().enumerate() {
        // A listing is no snapshot. While batches are committed, it may miss a file and contain the next one. So a
        // missing number is looked for by name before it counts as missing.
        while let Some(last) = files.last().copied()
            && last.number.next() < file.number
        {
            let missing = last.number.next();
            if let Some(head) = store.head(&missing.file_name()).await? {
                files.push(Found {
                    number: missing,
                    about: head.about,
                });
                continue;
            }
            // Pruning goes from the first batch upwards. While it runs, a listing may contain a file that was removed
            // before the missing one.
            if !store.exists(&last.number.file_name()).await? {
                files.clear();
                break;
            }
            let gap = newest.map(|newest| GapAt {
                missing,
                newest,
                beyond: total - index,
            });
            return Ok(Some(Run { files, gap }));
        }
        files.push(file);
    }
    Ok(Some(Run { files, gap: None }))
}
