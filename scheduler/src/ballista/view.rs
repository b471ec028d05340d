//! The state of the cluster, for pages, metrics and runs.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ballista_core::serde::protobuf::job_status::Status;
use ballista_scheduler::scheduler_server::SchedulerServer;
use datafusion_proto::protobuf::{LogicalPlanNode, PhysicalPlanNode};

/// Ballista's scheduler.
pub(crate) type Scheduler = SchedulerServer<LogicalPlanNode, PhysicalPlanNode>;

/// A view of Ballista's scheduler. All clones show the same scheduler.
#[derive(Clone)]
pub(crate) struct ClusterView(Arc<Scheduler>);

/// A registered executor.
#[derive(Debug)]
pub(crate) struct ExecutorSeen {
    pub(crate) id: String,
    pub(crate) address: String,
    pub(crate) slots: u32,
    /// Since its last heartbeat.
    pub(crate) silent: Option<Duration>,
}

/// A Ballista job that the scheduler still remembers.
#[derive(Debug)]
pub(crate) struct JobSeen {
    pub(crate) id: String,
    pub(crate) name: String,
    /// `queued`, `running`, `successful` or `failed`.
    pub(crate) state: &'static str,
    pub(crate) failure: Option<String>,
    pub(crate) stages: usize,
    pub(crate) stages_done: usize,
    /// From its start to its end or until now.
    pub(crate) took: Duration,
}

impl ClusterView {
    pub(crate) fn new(scheduler: Arc<Scheduler>) -> Self {
        Self(scheduler)
    }

    /// Executors, by address.
    pub(crate) async fn executors(&self) -> Vec<ExecutorSeen> {
        let state = self.0.state.executor_manager.get_executors_state().await;
        let state = state.unwrap_or_else(|error| {
            tracing::warn!(%error, "Ballista does not list its executors");
            Vec::new()
        });
        let now = since_1970();
        let mut executors: Vec<ExecutorSeen> = state
            .into_iter()
            .map(|(about, beat, _)| ExecutorSeen {
                address: format!("{}:{}", about.host, about.port),
                slots: about.specification.vcores,
                silent: beat.map(|beat| now.saturating_sub(beat)),
                id: about.id,
            })
            .collect();
        executors.sort_unstable_by(|a, b| (&a.address, &a.id).cmp(&(&b.address, &b.id)));
        executors
    }

    /// Ballista jobs, the newest first.
    pub(crate) async fn jobs(&self) -> Vec<JobSeen> {
        let jobs = self.0.state.task_manager.get_all_jobs().await;
        let mut jobs = jobs.unwrap_or_else(|error| {
            tracing::warn!(%error, "Ballista does not list its jobs");
            Vec::new()
        });
        jobs.sort_unstable_by(|a, b| (b.start_time, &b.job_id).cmp(&(a.start_time, &a.job_id)));
        let now = u64::try_from(since_1970().as_millis()).unwrap_or(u64::MAX);
        let seen = jobs.into_iter().map(|job| {
            let (state, failure) = match job.status.status {
                None | Some(Status::Queued(_)) => ("queued", None),
                Some(Status::Running(_)) => ("running", None),
                Some(Status::Successful(_)) => ("successful", None),
                Some(Status::Failed(failed)) => ("failed", Some(failed.error)),
            };
            // A waiting job has no start, and a running job has no end.
            let took = match (job.start_time, job.end_time) {
                (0, _) => 0,
                (start, 0) => now.saturating_sub(start),
                (start, end) => end.saturating_sub(start),
            };
            JobSeen {
                id: job.job_id.to_string(),
                name: job.job_name,
                state,
                failure,
                stages: job.num_stages,
                stages_done: job.completed_stages,
                took: Duration::from_millis(took),
            }
        });
        seen.collect()
    }
}

fn since_1970() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}
