//! The job file: one TOML text that describes one stream and its models, parsed and then validated.
//!
//! # What it guarantees
//! * A [`Job`] exists only when the whole file was understood. Whoever holds one need not check it again: names fit in
//!   file names and topics, numbers are in their range, formats of timestamps can be followed, no name appears twice.
//! * Nothing in a file is passed over. A key that has no meaning is refused with its line, its table and the key that
//!   was probably meant, since a mistyped `max_itr` that is silently skipped costs a night of training.
//! * Every message says where (file and line), which key, what stands there and what may stand there.
//! * Columns keep the order of the file; nothing depends on a hash.
//!
//! # What it is not
//! It does not read SQL: expressions and `where` are kept as text, and the crate that plans them tells whether they mean
//! anything. It does not know DataFusion, Kafka or a store, so that every other crate may depend on it.
//!
//! # Why not `#[derive(Deserialize)]` with `deny_unknown_fields`
//! serde's message names neither the table nor the nearest key, says `invalid type` where a person wants to know what
//! is allowed, and stops at types: ranges and names would need a second pass that has lost the lines. Walking the
//! parsed table by hand is one pass, and a key that is read without being on the list of allowed ones fails the tests.
//!
//! # Example
//! ```
//! use gugus_spec::{ColumnType, Job};
//!
//! let job = Job::parse(
//!     r#"
//!     name = "crime"
//!     [source]
//!     topic = "crime-topic"
//!     [source.columns]
//!     "LAT" = { type = "float64", required = true }
//!     "LON" = { type = "float64", required = true }
//!     [batches]
//!     max_age = "30s"
//!     [[models]]
//!     name = "location"
//!     features = ["LAT", "LON"]
//!     k = 5
//!     "#,
//!     "crime.toml",
//! )?;
//! assert_eq!(job.source.columns[0].data_type, ColumnType::Float64);
//! assert_eq!(job.models[0].features[0].sql, "\"LAT\"");
//! assert_eq!(job.batches.rows.get(), 100);
//!
//! let error = Job::parse("name = \"crime\"\n[source]\ntopik = \"t\"\n", "crime.toml").unwrap_err();
//! assert_eq!(error.to_string(), "crime.toml line 3: unknown key \"topik\" in [source], did you mean \"topic\"");
//! # Ok::<(), gugus_spec::Error>(())
//! ```

mod batch;
mod column;
mod error;
mod format;
mod job;
mod names;
mod parse;
mod scope;
mod summary;
mod timestamp;

pub use batch::{BatchNumber, CommitId, NotABatchNumber, NotACommitId, OffsetRange};
pub use column::{Column, ColumnType, Nullability};
pub use error::{Error, Place};
pub use format::{CsvFormat, Format};
pub use gugus_clusters::Algorithm;
pub use gugus_kmeans::HandleInvalid;
pub use job::{BatchLimits, Feature, Job, Model, OtherColumns, Source, quote_identifier};
pub use names::{JobName, ModelName, NameError};
pub use scope::{Period, Scope, Window};
pub use timestamp::{TimestampFormat, parse_iso_timestamp};

/// Names of the columns that a batch adds to those of the job; a job must not use them for its own.
pub const RESERVED_COLUMNS: [&str; 3] = ["_partition", "_offset", "_timestamp"];
