//! Why the whole ended by itself.

use gugus_engine::ClusterError;
use gugus_error::Kind;
use gugus_scheduler::{EmbeddedError, RunError};
use thiserror::Error;

/// Why the whole ended by itself: the part that failed, and what it says.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// Ingest failed for good.
    #[error("ingest ended")]
    Ingest(#[from] gugus_ingest::Error),
    /// Training failed for good.
    #[error("training ended")]
    Train(#[from] gugus_train::Error),
    /// The REST service failed.
    #[error("the REST service ended")]
    Serve(#[from] gugus_serve::Error),
    /// The cluster in this process did not start, or a part of it ended by itself.
    #[error(transparent)]
    Embedded(#[from] EmbeddedError),
    /// The cluster cannot be worked with, for example because its version is another one.
    #[error("training ended")]
    Cluster(#[from] ClusterError),
    /// The training cannot be shown on the pages.
    #[error("the training cannot be shown on the pages")]
    Run(#[from] RunError),
    /// Metrics of one name twice, which would be a fault of ours.
    #[error("the metrics could not be made")]
    Metrics(#[from] prometheus::Error),
    /// A thread of ours ended early: a fault of ours.
    #[error("a part of the process ended before its time")]
    Thread(#[from] tokio::task::JoinError),
}

impl Error {
    /// Whether the request was wrong, or carrying it out failed.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Ingest(error) => error.kind(),
            Self::Train(error) => error.kind(),
            _ => Kind::Failed,
        }
    }
}
