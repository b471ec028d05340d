//! The job file: one TOML text that describes one stream and its models, parsed and then validated.
//!
//! # What it guarantees
//! * A [`Job`] exists only if the whole file was understood. No other code has to check it again: names are valid in file
//!   names and topics, numbers are in their range, formats of timestamps can be followed, and no name appears twice.
//! * Nothing in a file is ignored. An unknown key is refused with its line, its table and the most similar key, because a
//!   mistyped `max_itr` that is silently ignored costs a night of training.
//! * Every message names the place (file and line), the key, its value, and the values that are allowed.
//! * Columns keep the order of the file; nothing depends on a hash.
//!
//! # What it is not
//! It does not read SQL. It keeps expressions and `where` as text, and `gugus-features` finds out whether they are valid.
//! It does not know DataFusion, Kafka or a store, so that every other crate may depend on it.
//!
//! # Why not `#[derive(Deserialize)]` with `deny_unknown_fields`
//! serde's messages name neither the table nor the most similar key, and say `invalid type` where a person wants to know
//! the allowed values. serde also checks types only: ranges and names would need a second pass, which no longer knows the
//! lines. Walking the parsed table by hand takes one pass. If code reads a key that is not on the list of allowed keys, the
//! tests fail.
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
mod retrain;
mod scope;
mod summary;
mod timestamp;

pub use batch::{BatchNumber, CommitId, NotABatchNumber, NotACommitId, OffsetRange};
pub use column::{Column, ColumnType, Nullability, RESERVED_COLUMNS, quote_identifier};
pub use error::{Error, Place};
pub use format::{CsvFormat, Format};
pub use gugus_clusters::Algorithm;
pub use gugus_kmeans::HandleInvalid;
pub use job::{BatchLimits, Feature, Job, Kept, Model, OtherColumns, Promote, Source};
pub use names::{AliasName, JobName, ModelName, NameError};
pub use parse::nearest;
pub use retrain::Retrain;
pub use scope::{Period, Scope, Window};
pub use timestamp::{NotAnInstant, TimestampFormat, TimestampReader, parse_iso_timestamp};
