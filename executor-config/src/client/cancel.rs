//! Cancelling Ballista jobs that nobody waits for any more.

use std::sync::PoisonError;
use std::time::Duration;

use ballista_core::serde::protobuf::CancelJobParams;
use tokio::runtime::Handle;
use tokio::time::timeout;
use tonic::Status;

use super::cluster::Cluster;

/// How long one request to cancel may take, and how long [`gugus_submit::Submit::settle`] waits for all of them. A scheduler
/// that stands still keeps its connections and answers nothing.
const CANCEL_WITHIN: Duration = Duration::from_secs(5);

impl Cluster {
    /// Waits up to five seconds until jobs that were dropped or stopped are cancelled. If the process ended before,
    /// these jobs would go on running. Call it when no [`Self::run`] is under way.
    pub(super) async fn cancelled(&self) {
        let begun =
            std::mem::take(&mut *self.cancels.lock().unwrap_or_else(PoisonError::into_inner));
        let all = futures::future::join_all(begun);
        if timeout(CANCEL_WITHIN, all).await.is_err() {
            tracing::warn!(scheduler = %self.access.url, "the scheduler did not confirm that Ballista jobs are cancelled");
        }
    }

    async fn cancel(self, job: Option<String>, name: String) {
        let jobs = match job {
            Some(id) => vec![id],
            None => self.running(&name).await,
        };
        for job_id in jobs {
            let request = CancelJobParams {
                job_id: job_id.clone(),
            };
            let mut scheduler = self.scheduler.clone();
            let cancelled = timeout(CANCEL_WITHIN, scheduler.cancel_job(request)).await;
            let answer = cancelled.unwrap_or_else(|_| Err(no_answer()));
            if let Err(status) = answer {
                tracing::warn!(job = job_id, error = %status, "the Ballista job could not be cancelled");
            }
        }
    }
}

fn no_answer() -> Status {
    let seconds = CANCEL_WITHIN.as_secs();
    Status::deadline_exceeded(format!("the scheduler did not answer within {seconds} s"))
}

/// What a client knows about its Ballista job.
enum State {
    /// The scheduler has the job. The first status brings its id, and may also be the last status.
    Submitted,
    /// The job has this id.
    Accepted(String),
    /// There is nothing to cancel any more.
    Ended,
}

/// Cancels a Ballista job when it is dropped before the job's end.
pub(super) struct RunningJob {
    cluster: Cluster,
    name: String,
    state: State,
}

impl RunningJob {
    /// A job that was just submitted under this name.
    pub(super) fn submitted(cluster: &Cluster, name: &str) -> Self {
        Self {
            cluster: cluster.clone(),
            name: name.to_owned(),
            state: State::Submitted,
        }
    }

    /// Takes the job's id from the scheduler. Only the first call counts.
    pub(super) fn accepted(&mut self, id: String) {
        if matches!(self.state, State::Submitted) && !id.is_empty() {
            tracing::debug!(job = id, name = self.name, "Ballista job accepted");
            self.state = State::Accepted(id);
        }
    }

    /// Whether the scheduler has sent the job's id.
    pub(super) fn is_accepted(&self) -> bool {
        matches!(self.state, State::Accepted(_))
    }

    /// The job has ended, or is not to be cancelled; gives its id, which is empty if the scheduler has not sent it.
    pub(super) fn ended(mut self) -> String {
        match std::mem::replace(&mut self.state, State::Ended) {
            State::Accepted(id) => id,
            State::Submitted | State::Ended => String::new(),
        }
    }
}

impl Drop for RunningJob {
    fn drop(&mut self) {
        let id = match std::mem::replace(&mut self.state, State::Ended) {
            State::Ended => return,
            State::Accepted(id) => Some(id),
            State::Submitted => None,
        };
        let Ok(runtime) = Handle::try_current() else {
            return;
        };
        let name = std::mem::take(&mut self.name);
        let cancel = runtime.spawn(self.cluster.clone().cancel(id, name));
        let cancels = self.cluster.cancels.lock();
        cancels.unwrap_or_else(PoisonError::into_inner).push(cancel);
    }
}
