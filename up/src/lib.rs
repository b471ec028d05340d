//! The whole way of a record in one process: ingest, training, REST, and the scheduler's pages.
//!
//! [`run`] ingests a topic, trains each batch as it comes, and serves the models, until it is told to stop. [`Cluster::start`]
//! starts the cluster that trains, and its pages. `gugus up` is this crate on a Kafka of the user; `gugus demo` is this crate
//! on a stand-in.
//!
//! # What it guarantees
//! * **Each part is the service of that name**: `gugus ingest`, `gugus train --follow`, `gugus serve` and `gugus scheduler` call
//!   the same libraries. So their guarantees hold here, too, also when the process is killed: the next start goes on from
//!   the files.
//! * **It ends from the front to the back.** Ingest stops first and commits what it has read. The last batches then get their
//!   models, if that takes no longer than [`LAST_MODELS`]. REST answers until then. Models that are missing are trained at
//!   the next start.
//! * **A part that failed for good ends the process** with the error of that part, also a part of the cluster in this process.
//!   A Kafka that is away only pauses ingest, and a cluster elsewhere that is away only pauses training. Predictions go on
//!   meanwhile.
//! * **One list of metrics**: `/metrics` of REST shows those of ingest, of the training and of predictions.
//!
//! # What it is not
//! It supervises no processes: a service manager does that. The runs and Ballista jobs on the pages are
//! those since the start of the process.
//!
//! # Why one process
//! The parts share nothing but folders, so they could be four processes. One process is one command to start, to watch and to
//! stop; and one machine needs no more.

mod config;
mod error;
mod ingesting;
mod observers;
mod training;
mod up;

pub use config::{Addresses, Cluster, Config};
pub use error::Error;
pub use training::LAST_MODELS;
pub use up::run;
