//! The ways of records into a folder of batches: CSV to Kafka, Kafka to batches, and files to batches.
//!
//! # What it is for
//! * [`produce`](mod@produce) sends the rows of a CSV file to a topic, as JSON objects keyed by column name.
//! * [`ingest`](mod@ingest) cuts a topic's records into numbered Parquet batches.
//! * [`import`](mod@import) does the same with files, without Kafka.
//! * [`replay`](mod@replay) takes rejected records again, after the job file was corrected.
//! * [`infer`](mod@infer) proposes a job file for a CSV file.
//!
//! # What it guarantees
//! * **Every record is in exactly one batch or reject file**, even if processes are killed. The folder of batches is its own
//!   commit log (`gugus-batches`): a batch and its offsets appear in one step. On every assignment, reading goes on where the
//!   newest batch ends. Offsets in Kafka are committed afterwards, and only for tools that show the lag.
//! * **No record is thrown away.** A record that does not parse is kept as it came, with its reason, in the same commit.
//! * **Memory is bounded** by the limits of a batch, by [16 MiB of fetched records](mod@ingest), and by a limit on rejects.
//! * **Nothing is skipped silently.** If the topic no longer holds the next record, `ingest` stops and says so.
//! * **Imports go by content.** A file that was imported before is known by its checksum, not by its name. An import that
//!   broke off is continued where it was.
//!
//! # What it is not
//! It does not guarantee that a *producer* sends each record once. `produce` is idempotent while it runs; started again, it
//! sends everything again. The crate trains nothing and never waits for a lock.
//!
//! # Why not a stream of futures
//! rdkafka's `StreamConsumer` answers rebalances in a callback, before the application can commit the records in memory.
//! Here one thread polls, and between two polls this thread alone decides when to commit, give partitions back, and seek.
//!
//! # Example
//! ```
//! use gugus_ingest::import::{self, Cut, Repeat};
//! # async fn example(folder: &std::path::Path) -> Result<(), Box<dyn std::error::Error>> {
//! let file = folder.join("points.csv");
//! std::fs::write(&file, "x,y\n1,2\n3,four\n5,6\n")?;
//! let job = gugus_spec::Job::parse(
//!     r#"
//!     name = "points"
//!     [source]
//!     topic = "points"
//!     [source.columns]
//!     x = { type = "float64", required = true }
//!     y = { type = "float64", required = true }
//!     "#,
//!     "points.toml",
//! )?;
//! let config = import::Config {
//!     job,
//!     store: gugus_files::Store::in_memory(),
//!     files: vec![file],
//!     cut: Cut::ByRows,
//!     repeat: Repeat::Refuse,
//!     progress: gugus_progress::Progress::default(),
//! };
//! let summary = import::run(config, Default::default()).await?;
//! assert_eq!((summary.records, summary.rejected), (2, 1));
//! # Ok(()) }
//! # let folder = tempfile::tempdir()?;
//! # tokio::runtime::Runtime::new()?.block_on(example(folder.path()))?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod error;
mod formats;
pub mod import;
pub mod infer;
pub mod ingest;
mod input;
mod kafka;
mod open_batch;
pub mod produce;
mod reject_limit;
pub mod replay;
mod worker;

pub use error::Error;
pub use gugus_error::Kind;
pub use ingest::{Start, StartError};
pub use kafka::properties::read_properties;
