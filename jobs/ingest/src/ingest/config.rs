//! What a run of `ingest` is given, and what it answers.

use gugus_files::Store;
use gugus_spec::{Job, OffsetRange};
use indicatif::ProgressBar;
use serde::Serialize;

use super::metrics::Metrics;
use super::start::Start;

/// What to ingest, and where to.
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
    /// What to do where the topic no longer holds what comes next.
    pub on_reset: OnReset,
    /// Properties of librdkafka, over our defaults.
    pub client: Vec<(String, String)>,
    /// A spinner; its position is records in batches, its message tells the rest.
    pub progress: ProgressBar,
    /// Where records, batches and lags are counted, if anywhere.
    pub metrics: Option<Metrics>,
}

/// What to do where the topic no longer holds what comes next: it was recreated or truncated, or deleted records before
/// they were taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnReset {
    /// Stop with an error: somebody has to know.
    #[default]
    Stop,
    /// Go on with the first record that is there. The next batch says so in its footer.
    Earliest,
    /// Go on with the first record that comes. The next batch says so in its footer.
    Latest,
}

/// When to end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Until {
    /// When it is told to.
    #[default]
    Forever,
    /// When everything that was in the topic at the start is in batches. Other members of the group may do their part.
    End,
}

/// What a run did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Batches committed.
    pub batches: u64,
    /// Records in them.
    pub records: u64,
    /// Records kept aside.
    pub rejected: u64,
    /// What was taken of each partition.
    pub partitions: Vec<OffsetRange>,
}
