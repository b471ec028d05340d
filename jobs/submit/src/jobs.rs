//! The jobs of one run: each is submitted until it gives its result, or until trying again is pointless.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use datafusion::physical_plan::ExecutionPlan;
use tokio_util::sync::CancellationToken;

use crate::error::SubmitError;
use crate::pace::{Pace, Patience};
use crate::submit::Submit;

/// The jobs of one run on a cluster.
#[derive(Clone, Debug)]
pub struct Jobs<'a> {
    cluster: &'a dyn Submit,
    label: String,
    groups: usize,
    patience: Patience,
    stop: CancellationToken,
}

impl<'a> Jobs<'a> {
    /// Jobs whose names begin with `label`, so that a user finds this run in the scheduler's list; no job goes on after
    /// `stop`.
    pub async fn on(
        cluster: &'a dyn Submit,
        label: impl Into<String>,
        stop: CancellationToken,
    ) -> Self {
        let slots = cluster.task_slots().await;
        Self {
            cluster,
            label: label.into(),
            // One group of files for each slot; Ballista gives a lone group one slot only, whatever is free.
            groups: slots.unwrap_or(0).max(2),
            patience: Patience::default(),
            stop,
        }
    }

    /// The same jobs, repeated as `patience` says.
    #[must_use]
    pub fn with_patience(self, patience: Patience) -> Self {
        Self { patience, ..self }
    }

    /// The same jobs, which end with `stop`.
    #[must_use]
    pub fn until(&self, stop: CancellationToken) -> Self {
        Self {
            stop,
            ..self.clone()
        }
    }

    /// Begins the name of each job.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.label
    }

    /// Into how many groups of files a plan is best cut: as many tasks run at the same time.
    #[must_use]
    pub fn groups(&self) -> usize {
        self.groups
    }

    /// Ends the jobs when it is cancelled.
    #[must_use]
    pub fn stop(&self) -> &CancellationToken {
        &self.stop
    }

    /// Runs a plan until it succeeds, or until trying again is pointless. A job that takes much longer than those that
    /// `pace` saw is cancelled and submitted again, with twice the time.
    ///
    /// # Errors
    /// [`SubmitError`] of the last attempt.
    pub async fn run(
        &self,
        name: &str,
        pace: &Pace,
        plan: Arc<dyn ExecutionPlan>,
    ) -> Result<Vec<RecordBatch>, SubmitError> {
        let name = format!("{} {name}", self.label);
        let mut limit = pace.limit(&self.patience);
        let mut wait = self.patience.first_wait;
        for attempt in 1.. {
            let time = Time::begun(self.cluster);
            let run = self.cluster.run(Arc::clone(&plan), &name, &self.stop);
            let run = tokio::select! {
                biased;
                run = run => run,
                () = time.over(limit) => Err(SubmitError::Stalled {
                    name: name.clone(),
                    after: limit,
                }),
            };
            let error = match run {
                Ok(rows) => {
                    pace.took(time.spent());
                    return Ok(rows);
                }
                Err(error) => error,
            };
            if attempt >= self.patience.attempts || !error.passes() {
                return Err(error);
            }
            let reason = gugus_error::chain(&error);
            tracing::warn!(
                ballista_job = name,
                attempt,
                reason,
                "a Ballista job gave no result and is submitted again"
            );
            limit *= 2;
            tokio::select! {
                () = tokio::time::sleep(wait) => wait *= 2,
                () = self.stop.cancelled() => break,
            }
        }
        Err(SubmitError::Cancelled)
    }

    /// Waits until jobs that were dropped or stopped are cancelled.
    pub async fn settle(self) {
        self.cluster.settle().await;
    }
}

/// The time of one attempt, without the time that the cluster was away.
struct Time<'a> {
    cluster: &'a dyn Submit,
    began: Instant,
    away_before: Duration,
}

impl<'a> Time<'a> {
    fn begun(cluster: &'a dyn Submit) -> Self {
        Self {
            cluster,
            began: Instant::now(),
            away_before: cluster.away(),
        }
    }

    fn spent(&self) -> Duration {
        let away = self.cluster.away().saturating_sub(self.away_before);
        self.began.elapsed().saturating_sub(away)
    }

    /// Waits until `limit` is spent.
    async fn over(&self, limit: Duration) {
        loop {
            let left = limit.saturating_sub(self.spent());
            if left.is_zero() {
                return;
            }
            tokio::time::sleep(left).await;
        }
    }
}
