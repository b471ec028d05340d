//! What the demo says as it goes on.

use std::fmt;

/// A step, as it begins.
#[derive(Clone, Debug)]
pub enum Milestone {
    /// Sample records are written.
    Generating(u64),
    /// The broker is up.
    Broker(String),
    /// Records are sent and ingested.
    Ingesting(u64),
    /// The cluster is up.
    Cluster(String),
    /// Models are trained.
    Training,
    /// REST is up.
    Serving(String),
}

impl fmt::Display for Milestone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Generating(records) => {
                write!(f, "generating {records} records in the shape of the LAPD's")
            }
            Self::Broker(brokers) => {
                write!(
                    f,
                    "broker at {brokers}: a stand-in (librdkafka's mock cluster) that keeps nothing"
                )
            }
            Self::Ingesting(records) => {
                write!(f, "sending {records} records and cutting them into batches")
            }
            Self::Cluster(url) => write!(f, "embedded Ballista cluster at {url}"),
            Self::Training => write!(f, "training models"),
            Self::Serving(rest) => write!(f, "REST at {rest}"),
        }
    }
}
