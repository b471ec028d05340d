//! Why a plan gave no result, by what the caller can do about it.

use std::error::Error;
use std::time::Duration;

use gugus_features::WaveError;
use thiserror::Error;

use crate::data_or_machine::Fault;

/// Any error of an implementation.
type Source = Box<dyn Error + Send + Sync>;

/// Why a plan gave no result, by what the caller can do about it.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SubmitError {
    /// The rows that the plan read make it fail on any cluster. With fewer files it may succeed.
    #[error("{reason}")]
    Data {
        /// What is wrong with them, for a user.
        reason: String,
    },
    /// The plan is too large for one message. With fewer files it may succeed.
    #[error(
        "the plan of \"{name}\" takes {bytes} bytes, at most {limit} can be sent; give it fewer files"
    )]
    TooLarge {
        /// The job's name.
        name: String,
        /// The encoded length.
        bytes: usize,
        /// The most that can be sent.
        limit: usize,
    },
    /// An executor does not reach the files. Another attempt, on another executor or a moment later, may succeed.
    #[error(
        "{message}; see that every executor reaches the folder or bucket of the batches, then run the same command again"
    )]
    Storage {
        /// The executor, the path and the error.
        message: String,
    },
    /// The job failed, and not on its data. Another attempt may succeed.
    #[error("Ballista job {job} failed: {message}")]
    Failed {
        /// The job's id.
        job: String,
        /// What the cluster says of it.
        message: String,
    },
    /// The job succeeded and its result got lost on the way. Another attempt may succeed.
    #[error(transparent)]
    ResultLost(Source),
    /// The job took much longer than it should have and was cancelled: a task, or the word of its end, got lost. Another
    /// attempt may succeed.
    #[error("\"{name}\" gave no result within {after:?} and was cancelled")]
    Stalled {
        /// The job's name.
        name: String,
        /// How long it was waited for.
        after: Duration,
    },
    /// The cluster cannot be worked with. Another attempt would fail, too.
    #[error(transparent)]
    Cluster(Source),
    /// The plan could not be made, or its result has another form than the plan gives. Another attempt would fail, too.
    #[error(transparent)]
    Plan(#[from] WaveError),
    /// The caller asked to stop; the job was cancelled.
    #[error("cancelled")]
    Cancelled,
}

impl SubmitError {
    /// A job that the cluster says has failed: whether its data or the cluster is to blame shows in the message.
    #[must_use]
    pub fn failed(job: String, message: String) -> Self {
        match Fault::in_text(&message) {
            Fault::Data(reason) => Self::Data { reason },
            Fault::Storage(message) => Self::Storage { message },
            Fault::Machine(message) => Self::Failed { job, message },
        }
    }

    /// Whether another attempt may succeed.
    pub(crate) fn passes(&self) -> bool {
        matches!(
            self,
            Self::Storage { .. } | Self::Failed { .. } | Self::ResultLost(_) | Self::Stalled { .. }
        )
    }

    /// Whether a plan over fewer files may succeed.
    pub(crate) fn is_for_fewer(&self) -> bool {
        matches!(self, Self::Data { .. } | Self::TooLarge { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_data_cannot_give_is_not_tried_again() {
        let failed = |message: &str| SubmitError::failed("j".to_owned(), message.to_owned());
        assert!(!failed("ArrowError(DivideByZero, None)").passes());
        assert!(failed("no executor having registered in 30 s").passes());
        assert!(!SubmitError::Cancelled.passes());
    }
}
