//! Kafka → batches. Invariant: the newest footer of the batches decides where reading continues, never the group's
//! offsets in Kafka.
//!
//! One thread polls and parses. A full batch is written beside it, one batch at a time. Only that thread decides where
//! reading continues. So every record is, at every moment, in Kafka after our position, in a committed batch, or in
//! the memory of this process. The memory holds two batches at most, and what librdkafka fetched ahead.
//!
//! The [`session`] holds the loop, and composes two halves that do not know each other. The [`reader`] is the consumer and
//! its partitions. The [`writer`] is the batch log and the records on their way into it; it answers *committed* or *moved*.

mod broker;
mod config;
mod consumer_settings;
mod group;
mod metrics;
mod partition;
mod progress;
mod reader;
mod recreated;
mod session;
mod start;
mod starts;
mod targets;
mod times;
mod writer;

use std::pin::pin;

use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

pub use self::config::{Config, OnReset, Summary, Until};
pub use self::metrics::Metrics;
pub use self::start::{Start, StartError};
use crate::{Error, worker};

/// Ingests until it is told to stop, or has done what `until` and `max_batches` ask for.
///
/// `ready` is called once the folder is read, the broker has answered and the topic is there. Partitions may come later,
/// or never for a spare member of the group. On `shutdown` the open batch is committed, the group left, and the summary
/// returned. Dropping the future stops the work, too, after the batch that is being written.
///
/// # Errors
/// Of kind [`Usage`](crate::Kind::Usage): properties that librdkafka refuses, a folder of another job or fed by imports,
/// a `start` that the topic does not have. Otherwise: no broker, no topic, records that are gone before they were
/// ingested, a store that fails. Records that cannot be parsed are no error: they are kept aside.
pub async fn run(
    config: Config,
    ready: impl FnOnce() + Send,
    shutdown: CancellationToken,
) -> Result<Summary, Error> {
    let stop = shutdown.child_token();
    let _stop_with_me = stop.clone().drop_guard();
    let (tell, told) = oneshot::channel();
    let work = worker::spawn("ingest", move |runtime| {
        session::run(&config, runtime, tell, &stop)
    })?;
    let mut work = pin!(work);
    tokio::select! {
        biased;
        told = told => if told.is_ok() { ready() },
        result = &mut work => return result,
    }
    work.await
}
