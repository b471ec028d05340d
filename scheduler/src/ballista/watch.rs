//! Sees that every running Ballista job moves.
//!
//! Ballista hands out tasks when something happens: a job comes, a task ends, an executor is lost. If it then misses one, or
//! fails halfway, nothing else happens and the job would wait for ever, without a line in the log.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ballista_core::JobId;
use ballista_core::serde::protobuf::UpdateTaskStatusParams;
use ballista_core::serde::protobuf::executor_status::Status;
use ballista_core::serde::protobuf::scheduler_grpc_server::SchedulerGrpc;
use tokio::time::{MissedTickBehavior, interval};
use tonic::Request;

use super::job_snapshot::JobSnapshot;
use super::placement::Placement;
use super::still::{Remedy, StandingStill};
use super::view::Scheduler;

/// How often jobs are looked at.
const LOOK: Duration = Duration::from_secs(1);

/// Looks at the jobs of this scheduler until it is dropped.
pub(crate) async fn watch(scheduler: Arc<Scheduler>, placement: Arc<Placement>) {
    let mut ticks = interval(LOOK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut still = StandingStill::default();
    loop {
        ticks.tick().await;
        let running = scheduler.state.task_manager.get_running_job_cache();
        let held_back = placement.held_back().await;
        let mut jobs = Vec::new();
        for (id, job) in running.iter() {
            let mut snapshot = JobSnapshot::of(&**job.execution_graph.read().await);
            snapshot.held_back = held_back.get(id).copied().unwrap_or(0);
            jobs.push((id.clone(), snapshot));
        }
        let slots = slots(&scheduler).await;
        for (id, remedy, waited) in still.look(Instant::now(), &slots, &jobs) {
            let stages = jobs.iter().find(|(other, _)| *other == id);
            let stages = stages.map(|(_, snapshot)| snapshot.stages.join("; "));
            tracing::warn!(job = %id, ?waited, stages, "a Ballista job does not move although it could; {}", match remedy {
                Remedy::Offer => "its tasks are offered to free slots again",
                Remedy::Cancel => "it is cancelled, so that its driver submits it again",
            });
            match remedy {
                Remedy::Offer => offer(&scheduler, &slots).await,
                Remedy::Cancel => cancel(&scheduler, id).await,
            }
        }
    }
}

/// The slots of each executor that takes tasks.
async fn slots(scheduler: &Scheduler) -> HashMap<String, u32> {
    let executors = &scheduler.state.executor_manager;
    let registered = executors.get_executors_state().await.unwrap_or_default();
    let takes_tasks = |id: &str| {
        let status = executors.get_executor_hearbeat(id)?.status?.status?;
        matches!(status, Status::Active(_)).then_some(())
    };
    let active = registered.into_iter();
    let active = active.filter(|(about, ..)| takes_tasks(&about.id).is_some());
    active
        .map(|(about, ..)| (about.id, about.specification.vcores))
        .collect()
}

/// Has the scheduler offer free slots. It does so whenever an executor tells of tasks that ended, so it is told of none.
async fn offer(scheduler: &Scheduler, slots: &HashMap<String, u32>) {
    let Some(executor_id) = slots.keys().next().cloned() else {
        return;
    };
    let none = UpdateTaskStatusParams {
        executor_id,
        task_status: Vec::new(),
    };
    let told = SchedulerGrpc::update_task_status(scheduler, Request::new(none)).await;
    if let Err(error) = told {
        tracing::warn!(%error, "free slots could not be offered");
    }
}

async fn cancel(scheduler: &Scheduler, job: JobId) {
    if let Err(error) = scheduler.cancel_job(job).await {
        tracing::warn!(%error, "a Ballista job that does not move could not be cancelled");
    }
}
