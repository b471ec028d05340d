//! The batch log: a folder of numbered Parquet files that is its own commit log.
//!
//! # What it is for
//! Records must get into batches exactly once, even if processes are killed and several processes write. `gugus-ingest`
//! appends batches with a [`BatchLog`]; training and the commands read them.
//!
//! # What it guarantees
//! * **Every offset is in exactly one batch or reject file**, whichever writers are killed and however many race.
//!   [`BatchLog::append`] creates the next number only if nothing has it, and that creation is the only commit. There is no
//!   lock, no coordinator and no catalogue to lose or to repair. A replayed reject is still in its reject file, and in the
//!   one batch that names this file under `replayed`.
//! * **The newest footer is the whole state.** It has the end of every partition. So opening a log of any length lists the
//!   folder and reads the end of one file.
//! * **A committed batch is durable.** In a local folder, its bytes and its name are synced before an append returns. In a
//!   bucket, it is durable when the store has answered. A store that ignores the condition of a creation is refused when the
//!   log is opened to append.
//! * **Nothing is skipped silently.** A range begins where the log ends. If the topic no longer holds the next record
//!   ([`JumpReason`]), a draft may say so with a [`Jump`], which the footer keeps and [`verify`] lists. Because of
//!   [`PartitionEnd::last`], a topic that was made anew is noticed even if it was filled past our end.
//! * **Numbers and offsets never begin anew.** [`BatchLog::prune`] removes the first batches and never the newest. If it is
//!   stopped, the log has no gap.
//! * **No change goes unnoticed.** Each batch has the hashes of all its bytes ([`Footer::hash`]), and the hash of the footer
//!   before. So the log is a chain, and every reader refuses what is not as it was written.
//! * [`verify`] proves the first guarantee and the last from the files alone. [`verify_footers`] reads only footers.
//!
//! # Replays
//! Reject files never change. After the job file was corrected, [`BatchLog::rejects`] lists the records that are still
//! rejected, and [`BatchLog::rejected_records`] gives them as they came. A [`ReplayDraft`] appends them as a batch of its own.
//! Each row keeps the partition, offset and timestamp of its record. A replay moves no end.
//!
//! # What it is not
//! It is no query engine, but it gives paths to one ([`Store::object_path`](gugus_files::Store::object_path)). It is no
//! consumer: `gugus-ingest` decides from [`BatchLog::end_of`] where to seek. It prunes only on request. Commits of one folder
//! are serial, about as many per second as the store creates files.
//!
//! # Why not a table format, or a transaction in Kafka
//! A table format brings a catalogue or a log of its own beside the files, and a client for it. It solves problems that we do
//! not have: updates, many tables, schemas that change under a reader. Offsets in Kafka would be a second place that has to
//! agree with the files after every crash. Here a batch and its offsets are one file, and cannot disagree.
//!
//! # Example
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use std::sync::Arc;
//! use arrow::array::{ArrayRef, Float64Array, Int32Array, Int64Array, RecordBatch, TimestampMillisecondArray};
//! use gugus_batches::{Appended, BatchLog, OFFSET, PARTITION, TIMESTAMP, TopicDraft};
//! use gugus_files::Store;
//! use gugus_spec::OffsetRange;
//!
//! let rows = RecordBatch::try_from_iter([
//!     ("LAT", Arc::new(Float64Array::from(vec![34.1, 34.2])) as ArrayRef),
//!     (PARTITION, Arc::new(Int32Array::from(vec![0, 0]))),
//!     (OFFSET, Arc::new(Int64Array::from(vec![5, 6]))),
//!     (TIMESTAMP, Arc::new(TimestampMillisecondArray::from(vec![Some(1), None]).with_timezone("UTC"))),
//! ])?;
//! let ranges = vec![OffsetRange { partition: 0, first: 5, next: 7 }];
//! let draft = TopicDraft::new(rows, ranges);
//!
//! let mut log = BatchLog::open(Store::in_memory(), &"crime".parse()?, "crime-topic").await?;
//! match log.append(&draft).await? {
//!     Appended::Committed(footer) => assert_eq!(footer.number.file_name(), "batch_00000001.parquet"),
//!     Appended::Lost { head } => println!("another writer is ahead, at batch {}", head.number),
//! }
//! assert_eq!(log.end_of(0), Some(7));
//! assert!(log.verify(|_| ()).await?.problems.is_empty());
//! # Ok(()) }
//! ```

mod append;
mod arrivals;
mod columns;
mod contents;
mod continuity;
mod draft;
mod encode;
mod ends;
mod error;
mod footer;
mod listing;
mod log;
mod numbers;
mod prune;
mod reject_path;
mod rejects;
mod retry;
mod tail;
mod verify;

pub use append::Appended;
pub use arrivals::{Arrivals, MOST_ARRIVALS, arrivals};
pub use columns::{OFFSET, PARTITION, TIMESTAMP};
pub use continuity::Discontinuity;
pub use draft::{Draft, ImportDraft, RejectedRecord, ReplayDraft, TopicDraft};
pub use ends::{Jump, JumpReason, LastRecord, PartitionEnd, record_hash};
pub use error::LogError;
pub use footer::{
    FOOTER_KEY, FOOTER_VERSION, FedBy, Footer, ImportedPart, RejectFile, ReplayedFile, SchemaField,
};
pub use listing::{BatchFile, Reach};
pub use log::BatchLog;
pub use prune::{Keep, Prune, Pruned};
pub use rejects::Rejects;
pub use retry::Retry;
pub use verify::{Verification, VerifiedJump, VerifiedPartition, verify, verify_footers};
