//! What goes wrong with a batch log, by what the caller can do about it.

use parquet::errors::ParquetError;

use gugus_files::{Altered, StoreError};
use gugus_spec::BatchNumber;

/// A failure of a batch log. Every text names the file and says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// The folder or object store itself failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The folder to read is not there.
    #[error("there is no batch folder {folder}; ingest or import into it first, or name another")]
    NoFolder {
        /// The folder.
        folder: String,
    },
    /// The log was opened with [`BatchLog::read`](crate::BatchLog::read).
    #[error("{folder} was opened to read; open the log for a job to append to it")]
    OpenedToRead {
        /// The folder.
        folder: String,
    },
    /// A Parquet file is named like a batch but lacks our footer.
    #[error(
        "{file} is named like a batch but has no footer entry gugus.batch; move it out of the folder"
    )]
    NotABatch {
        /// The file.
        file: String,
    },
    /// A file is torn, cut off, or not Parquet at all.
    #[error(
        "{file} is not a whole parquet file; restore it from a copy, or move it away if it is none of ours"
    )]
    Damaged {
        /// The file.
        file: String,
        /// What the Parquet reader said.
        #[source]
        source: ParquetError,
    },
    /// A file was changed after it was written, by a disk, a network or somebody.
    #[error("{file} is not as it was written; restore it from a copy")]
    Altered {
        /// The file.
        file: String,
        /// Which part.
        #[source]
        source: Altered,
    },
    /// The footer's JSON is not what this crate writes.
    #[error("the footer entry gugus.batch of {file} cannot be read; restore the file from a copy")]
    FooterText {
        /// The file.
        file: String,
        /// What is the matter.
        #[source]
        source: serde_json::Error,
    },
    /// A newer version of gugus wrote the file.
    #[error(
        "the footer of {file} has version {version}, newer than this gugus reads; upgrade gugus"
    )]
    FooterVersion {
        /// The file.
        file: String,
        /// The footer's version.
        version: u32,
    },
    /// A file was renamed.
    #[error("{file} says that it is batch {number}; give it its own name back")]
    Misnumbered {
        /// The file.
        file: String,
        /// The number in its footer.
        number: BatchNumber,
    },
    /// The folder belongs to another job or topic.
    #[error(
        "{file} belongs to {what} {found:?}, not {expected:?}; name another folder for this {what}"
    )]
    Foreign {
        /// The file.
        file: String,
        /// `job` or `topic`.
        what: &'static str,
        /// What the footer says.
        found: String,
        /// What the log was opened for.
        expected: String,
    },
    /// Numbers are missing between batches. Someone removed a file, which cut the log in two.
    #[error(
        "{missing} is missing while {newest} is there; restore it, or move away every batch after the gap"
    )]
    Gap {
        /// The first file that is missing.
        missing: String,
        /// The newest file.
        newest: String,
    },
    /// The batch that was asked for is not there.
    #[error("there is no {file}; list the batches that are there")]
    NoBatch {
        /// The file.
        file: String,
    },
    /// A footer names a reject file that cannot be a reject file's name.
    #[error(
        "the footer of {file} names {reject:?} as its reject file, which is outside rejected/; restore the batch from a copy"
    )]
    RejectPath {
        /// The batch file.
        file: String,
        /// The name.
        reject: String,
    },
    /// A reject file was changed, or is another's.
    #[error("{file} does not have the checksum that batch {batch} gives; restore it from a copy")]
    Checksum {
        /// The reject file.
        file: String,
        /// The batch that names it.
        batch: BatchNumber,
    },
    /// A folder is fed by a topic or by imports, never both.
    #[error("{folder} is fed by {found}, so {refused} cannot be added; name another folder")]
    FedBy {
        /// The folder.
        folder: String,
        /// What feeds it.
        found: &'static str,
        /// What was to be added.
        refused: &'static str,
    },
    /// A range does not start where the log ends: appending would leave a gap or an overlap.
    #[error(
        "offset {first} of partition {partition} does not continue the log, which ends at {end}; seek to {end}"
    )]
    NotAtEnd {
        /// The partition.
        partition: i32,
        /// Where the range starts.
        first: i64,
        /// Where the log ends.
        end: i64,
    },
    /// A draft contradicts itself, which is a mistake in the program.
    #[error(
        "the draft of a batch contradicts itself: {reason}; this is a mistake in gugus, report it"
    )]
    Draft {
        /// The contradiction, with column, partition and offset.
        reason: String,
    },
    /// Rows could not be encoded.
    #[error("encoding {file} failed")]
    Encode {
        /// The file that was to be written.
        file: String,
        /// What the Parquet writer said.
        #[source]
        source: ParquetError,
    },
    /// Several tries to commit failed. Whether the last one took effect shows when the log is opened again.
    #[error(
        "{file} could not be committed in {tries} tries; when the store works again, open the log anew and go on from its end"
    )]
    Commit {
        /// The file.
        file: String,
        /// How many tries were made.
        tries: u32,
        /// The error of the last try.
        #[source]
        source: Option<Box<LogError>>,
    },
}

impl LogError {
    /// The error of a draft that contradicts itself.
    pub(crate) fn contradiction(reason: impl Into<String>) -> Self {
        Self::Draft {
            reason: reason.into(),
        }
    }

    /// The error of a file that cannot be read.
    pub(crate) fn unreadable(file: String, source: ParquetError) -> Self {
        let altered = match source {
            ParquetError::External(source) => source.downcast::<Altered>(),
            source => return Self::Damaged { file, source },
        };
        match altered {
            Ok(source) => Self::Altered {
                file,
                source: *source,
            },
            Err(source) => Self::Damaged {
                file,
                source: ParquetError::External(source),
            },
        }
    }

    /// Whether a file is not whole. Perhaps somebody is still copying it into the folder.
    pub fn is_torn(&self) -> bool {
        matches!(self, Self::Damaged { .. })
    }

    /// Whether trying again later may help, because the store failed and no file is wrong.
    pub(crate) fn may_pass(&self) -> bool {
        matches!(self, Self::Store(e) if e.may_pass())
    }
}
