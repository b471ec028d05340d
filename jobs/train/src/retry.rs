//! What Ballista does not recover, this does: the same plan once more, a bounded number of times.
//!
//! Ballista runs tasks again that an executor took with it, as long as the job runs. It does not notice when the result of
//! a job that succeeded died with its executor, when the status of a task got lost on its way, or when an object store
//! failed for a moment. A plan's answer depends on its files only, so submitting it again is always safe.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arrow::array::RecordBatch;
use gugus_engine::{Cluster, ClusterError};
use gugus_features::{ExecutionPlan, WaveError};
use tokio_util::sync::CancellationToken;

use crate::error::Error;
use crate::wave::is_about_data;

/// How often a plan is submitted. What fails four times in a row is not a passing trouble.
const ATTEMPTS: u32 = 4;

/// How long the first repetition waits; each further one twice as long. An executor that died is noticed within five
/// seconds, and until then tasks may be sent to it again.
const FIRST_WAIT: Duration = Duration::from_millis(500);

/// How many times longer than jobs of its kind took so far a job may take, until it is held to be lost.
const SLOWER: u32 = 20;

/// What a job may take in any case: a cluster that lost executors works on with what is left.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a job may take before anything is known of its kind.
const FIRST_LIMIT: Duration = Duration::from_secs(30 * 60);

/// How long jobs of one kind took, and so how long one may take: the word of a task's end can get lost, and nobody but
/// the clock notices.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    /// Milliseconds of the longest, 0 before the first.
    longest: AtomicU64,
}

impl Pace {
    pub(crate) fn took(&self, time: Duration) {
        let milliseconds = u64::try_from(time.as_millis()).unwrap_or(u64::MAX).max(1);
        self.longest.fetch_max(milliseconds, Ordering::Relaxed);
    }

    /// How long the next one may take.
    pub(crate) fn limit(&self) -> Duration {
        match self.longest.load(Ordering::Relaxed) {
            0 => FIRST_LIMIT,
            milliseconds => {
                PATIENCE.max(Duration::from_millis(milliseconds).saturating_mul(SLOWER))
            }
        }
    }
}

/// Attempts at one plan.
#[derive(Debug)]
pub(crate) struct Attempts<'a> {
    cluster: &'a Cluster,
    name: &'a str,
    limit: Duration,
}

impl<'a> Attempts<'a> {
    /// What takes longer than `limit` is cancelled and submitted again, with twice the time.
    pub(crate) fn new(cluster: &'a Cluster, name: &'a str, limit: Duration) -> Self {
        Self {
            cluster,
            name,
            limit,
        }
    }

    /// Runs what `plan` makes until it succeeds, or until trying again is pointless.
    pub(crate) async fn run(
        self,
        plan: impl Fn() -> Result<Arc<dyn ExecutionPlan>, WaveError>,
        stop: &CancellationToken,
    ) -> Result<Vec<RecordBatch>, Error> {
        let mut limit = self.limit;
        let mut wait = FIRST_WAIT;
        let mut attempt = 0;
        loop {
            attempt += 1;
            let run = self.cluster.run(plan()?, self.name, stop);
            let error = match tokio::time::timeout(limit, run).await {
                Ok(Ok(rows)) => return Ok(rows),
                Ok(Err(error)) => error,
                Err(_) => ClusterError::Stalled {
                    name: self.name.to_owned(),
                    after: limit,
                },
            };
            if attempt >= ATTEMPTS || !passes(&error) {
                return Err(error.into());
            }
            let reason = gugus_error::chain(&error);
            tracing::warn!(
                ballista_job = self.name,
                attempt,
                reason,
                "a Ballista job gave no result and is submitted again"
            );
            limit *= 2;
            tokio::select! {
                () = tokio::time::sleep(wait) => wait *= 2,
                () = stop.cancelled() => return Err(ClusterError::Cancelled.into()),
            }
        }
    }
}

/// Whether another attempt may succeed.
fn passes(error: &ClusterError) -> bool {
    match error {
        ClusterError::Failed { message, .. } => !is_about_data(message),
        ClusterError::Fetch { .. } | ClusterError::Result { .. } | ClusterError::Stalled { .. } => {
            true
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_may_take_much_longer_than_the_longest_before_it() {
        let pace = Pace::default();
        assert_eq!(pace.limit(), FIRST_LIMIT);
        pace.took(Duration::from_millis(10));
        assert_eq!(pace.limit(), PATIENCE);
        pace.took(Duration::from_secs(40));
        pace.took(Duration::from_secs(1));
        assert_eq!(pace.limit(), Duration::from_secs(800));
    }

    #[test]
    fn what_the_data_cannot_give_is_not_tried_again() {
        let failed = |message: &str| ClusterError::Failed {
            job: "j".to_owned(),
            message: message.to_owned(),
        };
        assert!(!passes(&failed("ArrowError(DivideByZero, None)")));
        assert!(passes(&failed("no executor having registered in 30 s")));
        assert!(!passes(&ClusterError::Cancelled));
    }
}
