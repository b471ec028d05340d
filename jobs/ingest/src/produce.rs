//! CSV → Kafka: each row becomes one JSON object of strings, keyed by the CSV's column names. If the job's records are CSV,
//! each row becomes one CSV row.
//!
//! Records have no key and go to the partitions in turn, so every partition gets its share of any data. The producer is
//! idempotent: when a connection broke and a record is sent again, the topic has the record once, and in order.

mod config;
mod delivery;
mod pace;
mod sender;
mod skipped;
mod topic;

use tokio_util::sync::CancellationToken;

pub use self::config::{Config, OnBadRow, Pace, Produced, Summary};
use crate::{Error, worker};

/// Sends a file's rows, and waits until the broker has confirmed them.
///
/// On `shutdown` it reads no more rows, waits for the rows that were handed over, and returns their summary. Dropping the
/// future ends it the same way.
///
/// # Errors
/// Of kind [`Usage`](crate::Kind::Usage): a file that is not there or is not CSV, a header with a name twice, a rate that
/// is not above 0, properties that librdkafka refuses. Otherwise: no broker, no permission, rows that were not delivered,
/// and with [`OnBadRow::Stop`] a row that cannot be sent.
pub async fn run(config: Config, shutdown: CancellationToken) -> Result<Summary, Error> {
    let stop = shutdown.child_token();
    let _stop_with_me = stop.clone().drop_guard();
    let work = worker::spawn("produce", move |runtime| {
        sender::run(&config, runtime, &stop)
    })?;
    work.await
}
