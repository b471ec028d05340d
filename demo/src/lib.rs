//! The whole system in one process, to see what Gugus does before installing anything else.
//!
//! [`Demo::start`] sends the records of a CSV file, or generated records, through Kafka's protocol into batches. Then it runs
//! the whole of [`gugus_up`] on them, and asks for one prediction over HTTP. It stays up until it is stopped; generated records
//! keep coming meanwhile, and the pages show what becomes of them.
//!
//! # Guarantees
//! * Every step is the code that runs in production: producer, ingest, batch log, scheduler, executor, training, REST.
//! * Every record that went in is counted on the way out, by the offsets in the files ([`Summary`]).
//!
//! # What it is not
//! The broker is librdkafka's mock cluster. It speaks the protocol, keeps nothing on disk, and silently drops records beyond
//! 5 MiB or 100,000 messages per partition. So records are sent in portions, and each portion is ingested before the next one.
//! All files are in a temporary folder that is removed when the demo ends.

mod error;
mod milestone;
mod portions;
mod predict;
mod start;
mod watched;
mod work;

pub use error::Error;
pub use milestone::Milestone;
pub use predict::Prediction;
pub use start::{Config, Demo, Summary};
