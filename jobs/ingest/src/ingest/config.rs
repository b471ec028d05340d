//! The configuration of `ingest`, and its summary.

use gugus_files::Store;
use gugus_progress::Progress;
use gugus_spec::{Job, OffsetRange};
use serde::Serialize;
use tokio::sync::watch;

use super::connection::Connection;
use super::metrics::Metrics;
use super::start::Start;

/// Which records to ingest, and where to.
#[derive(Clone, Debug)]
pub struct Config {
    /// Names the topic, types its columns, limits the batches. The job's name is the group's, unless `client` has a
    /// `group.id`.
    pub job: Job,
    /// `host:port`, several with commas between.
    pub brokers: String,
    /// The folder of batches.
    pub store: Store,
    /// When to end.
    pub until: Until,
    /// Ends after this many commits.
    pub max_batches: Option<u64>,
    /// Where to begin in partitions that the batches do not know yet.
    pub start: Start,
    /// What to do if the topic no longer holds the next record.
    pub on_reset: OnReset,
    /// Properties of librdkafka, over our defaults.
    pub client: Vec<(String, String)>,
    /// Counts records in batches and rejects; its message tells the rest. No total is set.
    pub progress: Progress,
    /// Counts records, batches and lags.
    pub metrics: Option<Metrics>,
    /// Is told whether the brokers answer.
    pub connection: watch::Sender<Connection>,
}

/// What to do if the topic no longer holds the next record, because the topic was recreated or truncated, or deleted
/// records before they were taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnReset {
    /// Stop with an error, because somebody has to know.
    #[default]
    Stop,
    /// Go on with the first record that the topic holds. The footer of the next batch says so.
    Earliest,
    /// Go on with the first record that arrives. The footer of the next batch says so.
    Latest,
}

/// When to end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Until {
    /// Only when the run is stopped.
    #[default]
    Forever,
    /// When all records that were in the topic at the start are in batches, also by other members of the group.
    End,
}

/// The result of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Batches committed.
    pub batches: u64,
    /// Records in them.
    pub records: u64,
    /// Records kept aside.
    pub rejected: u64,
    /// The offsets that were taken of each partition.
    pub partitions: Vec<OffsetRange>,
}
