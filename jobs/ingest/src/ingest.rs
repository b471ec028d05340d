//! Kafka → batches. Invariant: where reading goes on is decided by the batches' newest footer, never by the group's
//! offsets in Kafka.
//!
//! One thread polls and parses, and hands a full batch over to be written beside it, one at a time; it alone decides where
//! reading goes on. So there is no moment in which a record is neither in Kafka behind our position nor in a committed
//! batch nor in the memory of this process, which holds two batches at most and what librdkafka fetched ahead.

mod assign;
mod commit;
mod context;
mod done;
mod metrics;
mod part;
mod recreated;
mod session;
mod settings;
mod times;
mod topic;

use gugus_files::Store;
use gugus_spec::Job;
use gugus_spec::OffsetRange;
use indicatif::ProgressBar;
use serde::Serialize;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

pub use self::metrics::Metrics;
use crate::{Error, Start, thread};

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

/// Ingests until it is told to stop, or has done what `until` and `max_batches` ask for.
///
/// `ready` is called once the folder is read, the broker has answered and the topic is there; partitions may come later
/// or, for a spare member of the group, never. On `shutdown` the open batch is committed, the group left, and the
/// summary returned. Dropping the future stops the work, too, after what is being written.
///
/// # Errors
/// Of kind [`Usage`](crate::Kind::Usage): properties that librdkafka refuses, a folder of another job or fed by imports, a
/// `start` that the topic has not. Else: no broker, no topic, records that are gone before they were ingested, a store
/// that fails. Records that cannot be parsed are no error, they are kept aside.
pub async fn run(
    config: Config,
    ready: impl FnOnce() + Send,
    shutdown: CancellationToken,
) -> Result<Summary, Error> {
    let stop = shutdown.child_token();
    let _stop_with_me = stop.clone().drop_guard();
    let (tell, told) = oneshot::channel();
    let mut work = thread::spawn("ingest", move |runtime| {
        session::run(&config, runtime, tell, &stop)
    })?;
    tokio::select! {
        biased;
        told = told => if told.is_ok() { ready() },
        result = &mut work => return thread::flatten(result),
    }
    thread::flatten(work.await)
}
