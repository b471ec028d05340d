//! Kafka → batches. Invariant: the newest footer of the batches decides where reading continues, never the group's
//! offsets in Kafka.
//!
//! One thread polls and parses. Another thread writes full batches, one at a time. Only the first thread decides where
//! reading continues. So every record is, at every moment, in Kafka after our position, in a committed batch, or in the
//! memory of this process. The memory holds at most two batches and the records that librdkafka fetched ahead.
//!
//! The [`session`] has the loop. It composes two halves that do not know each other. The [`reader`] is the consumer and its
//! partitions. The [`writer`] is the batch log and the records on their way into it; it answers *committed* or *moved*.

mod broker;
mod config;
mod connection;
mod consumer_settings;
mod group;
mod headers;
mod metrics;
mod partition;
mod progress;
mod reader;
mod recreated;
mod second_consumer;
mod session;
mod start;
mod statistics;
mod targets;
mod times;
mod where_to_read;
mod writer;

use std::pin::pin;
use std::sync::Arc;

use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

pub use self::config::{Config, OnReset, Summary, Until};
pub use self::connection::Connection;
use self::connection::{Link, watch};
pub use self::metrics::Metrics;
pub use self::start::{Start, StartError};
use crate::{Error, worker};

/// Ingests until `shutdown` is cancelled, or `until` or `max_batches` is reached.
///
/// `ready` is called once the folder is read, the broker has answered and the topic is there. Partitions may come later. A
/// spare member of the group never gets any. On `shutdown` the open batch is committed, the group left, and the summary
/// returned. Dropping the future also stops the work, after the batch that is written now.
///
/// # Errors
/// Of kind [`Usage`](crate::Kind::Usage): properties that librdkafka refuses, a folder of another job or fed by imports,
/// a `start` that the topic does not have. Otherwise: no broker, no topic, records that were deleted before they were
/// ingested, a store that fails. A record that does not parse is not an error: it is kept as a reject.
pub async fn run(
    config: Config,
    ready: impl FnOnce() + Send,
    shutdown: CancellationToken,
) -> Result<Summary, Error> {
    let stop = shutdown.child_token();
    let _stop_with_me = stop.clone().drop_guard();
    let link = Arc::new(Link::new(
        config.connection.clone(),
        config.metrics.clone(),
        &config.brokers,
    ));
    let mut watched = pin!(watch(Arc::clone(&link)));
    let (tell, told) = oneshot::channel();
    let work = worker::spawn("ingest", move |runtime| {
        session::run(&config, runtime, tell, &link, &stop)
    })?;
    let mut work = pin!(work);
    tokio::select! {
        biased;
        told = told => if told.is_ok() { ready() },
        result = &mut work => return result,
    }
    tokio::select! {
        result = &mut work => result,
        never = &mut watched => match never {},
    }
}
