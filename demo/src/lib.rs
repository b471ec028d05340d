//! The whole system in one process, for a first look.
//!
//! [`Demo::start`] sends the records of a CSV file (generated ones, when none is named) through Kafka's protocol into
//! batches, trains every model of the job on an embedded Ballista cluster, serves them, and asks for one prediction over
//! HTTP. Then it stays up until it is stopped.
//!
//! # Guarantees
//! * Every step is the code that runs in production: producer, ingest, batch log, scheduler, executor, training, REST.
//! * Every record that went in is counted on the way out, by the offsets in the files ([`Summary`]).
//!
//! # What it is not
//! The broker is librdkafka's mock cluster: it speaks the protocol, keeps nothing, and silently drops what exceeds
//! 5 MiB or 100,000 messages a partition. So records are sent in portions, each ingested before the next.
//! All files are in a temporary folder that goes when the demo ends.

mod error;
mod milestone;
mod portions;
mod predict;
mod start;
mod work;

pub use error::Error;
pub use milestone::Milestone;
pub use predict::Prediction;
pub use start::{Config, Demo, Summary};
