//! Which executor runs which part of a stage, and how many slots each executor has free.
//!
//! A model over all batches reads the same files in every pass, and an executor that has read a group of files once keeps
//! what it decoded. So each group of such a stage has a *home*, and goes there when its home is free. It never waits: a
//! group that another executor reads again costs less than an idle slot. All other stages are spread as Ballista's own
//! policy "bias" does: the executor with the most free slots is filled first.
//!
//! Homes are computed, not remembered: executors in the order of their ids, groups in the order of the plan, as many groups
//! for each as it has slots. So two passes over the same files agree without any state, and an executor that comes or goes
//! moves homes once.
//!
//! A group that comes back, because its task failed or was lost, goes to an executor that has not had it, and waits for one
//! that is busy.
//!
//! Free slots are computed, too. Ballista's own state takes slots from a number when it hands a task out, and gives them back
//! when it hears of the task's end. To know how many, it looks the task up in its stage. A stage that was rolled back after
//! the loss of an executor has forgotten its tasks, so the slots of the executors that live were never given back: the job
//! stood still beside idle executors. The tasks that run are the truth, so they are counted each time.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use ballista_core::JobId;
use ballista_core::error::Result;
use ballista_core::serde::protobuf::job_status::Status;
use ballista_core::serde::protobuf::{AvailableVcores, ExecutorHeartbeat};
use ballista_core::serde::scheduler::{ExecutorData, ExecutorMetadata};
use ballista_scheduler::cluster::memory::InMemoryClusterState;
use ballista_scheduler::cluster::{BoundTask, ClusterState, ClusterStateEventStream, ExecutorSlot};
use ballista_scheduler::config::TaskDistributionPolicy;
use ballista_scheduler::state::task_manager::JobInfoCache;
use tokio::sync::Mutex;

use super::binding::{Binding, Host};
use super::job_snapshot::JobSnapshot;
use super::records::Records;
use super::tried_executors::TriedExecutors;

/// The executors as Ballista knows them, and what they are given to do.
pub(crate) struct Placement {
    executors: InMemoryClusterState,
    /// Told of every task and every executor.
    records: Arc<Records>,
    /// What the executors had of the running jobs. Locked while tasks are handed out: slots are counted first and taken
    /// afterwards.
    tried: Mutex<HashMap<JobId, TriedExecutors>>,
}

impl Placement {
    pub(super) fn new(records: Arc<Records>) -> Self {
        Self {
            executors: InMemoryClusterState::default(),
            records,
            tried: Mutex::default(),
        }
    }

    /// How many groups of each job wait for an executor that has not had them.
    pub(crate) async fn held_back(&self) -> HashMap<JobId, usize> {
        let tried = self.tried.lock().await;
        tried
            .iter()
            .map(|(job, tried)| (job.clone(), tried.held_back))
            .collect()
    }

    /// The executors that take tasks, in the order of their ids.
    async fn hosts(&self, alive: Option<HashSet<String>>) -> Vec<Host> {
        let registered = self.registered_executor_metadata().await.into_iter();
        let is_alive = |id: &str| alive.as_ref().is_none_or(|alive| alive.contains(id));
        let mut hosts: Vec<Host> = registered
            .filter(|executor| is_alive(&executor.id))
            .map(|executor| Host {
                slots: executor.specification.vcores,
                id: executor.id,
            })
            .collect();
        hosts.sort();
        hosts
    }
}

/// The free slots of each host while these jobs run.
async fn free_slots(hosts: &[Host], jobs: &HashMap<JobId, JobInfoCache>) -> Vec<AvailableVcores> {
    let mut taken: HashMap<String, u32> = HashMap::new();
    for job in jobs.values() {
        let snapshot = JobSnapshot::of(&**job.execution_graph.read().await);
        for (executor, slots) in snapshot.taken {
            *taken.entry(executor).or_default() += slots;
        }
    }
    let free = |host: &Host| AvailableVcores {
        executor_id: host.id.clone(),
        vcores: host
            .slots
            .saturating_sub(taken.get(&host.id).copied().unwrap_or(0)),
    };
    hosts.iter().map(free).collect()
}

#[tonic::async_trait]
impl ClusterState for Placement {
    async fn bind_schedulable_tasks(
        &self,
        _: TaskDistributionPolicy,
        running_jobs: Arc<HashMap<JobId, JobInfoCache>>,
        alive: Option<HashSet<String>>,
    ) -> Result<Vec<BoundTask>> {
        let mut tried = self.tried.lock().await;
        tried.retain(|job, _| running_jobs.contains_key(job));
        tried.values_mut().for_each(|tried| tried.held_back = 0);
        let hosts = self.hosts(alive).await;
        let mut free = free_slots(&hosts, &running_jobs).await;
        let mut bound = Vec::new();
        for (job, info) in running_jobs.iter() {
            if !matches!(info.status, Some(Status::Running(_))) {
                continue;
            }
            let mut graph = info.execution_graph.write().await;
            let session = graph.session_id().to_owned();
            let tried = tried.entry(job.clone()).or_default();
            // Stages that had their turn; those that still have something pending would come for ever.
            let mut seen = Vec::new();
            while let Some(stage) = graph.fetch_running_stage(&seen) {
                if free.iter().all(|executor| executor.vcores == 0) {
                    return Ok(bound);
                }
                seen.push(stage.stage_id);
                let mut binding = Binding {
                    job,
                    session: &session,
                    stage,
                    bound: &mut bound,
                    tried,
                    ledger: &self.records.ledger,
                };
                let waiting = binding.elsewhere(&mut free, &hosts);
                if binding.keeps_rows() {
                    binding.at_home(&mut free, &hosts);
                } else {
                    binding.anywhere(&mut free);
                }
                binding.hold_back(waiting);
            }
        }
        Ok(bound)
    }

    /// Nothing to do: a task that has ended is not counted any more.
    async fn unbind_tasks(&self, _: Vec<ExecutorSlot>) -> Result<()> {
        Ok(())
    }

    async fn register_executor(
        &self,
        metadata: ExecutorMetadata,
        data: ExecutorData,
    ) -> Result<()> {
        let about = metadata.clone();
        self.executors.register_executor(metadata, data).await?;
        self.records.roster.joined(&about);
        Ok(())
    }

    async fn save_executor_metadata(&self, metadata: ExecutorMetadata) -> Result<()> {
        self.executors.save_executor_metadata(metadata).await
    }

    async fn get_executor_metadata(&self, id: &str) -> Result<ExecutorMetadata> {
        self.executors.get_executor_metadata(id).await
    }

    async fn registered_executor_metadata(&self) -> Vec<ExecutorMetadata> {
        self.executors.registered_executor_metadata().await
    }

    async fn save_executor_heartbeat(&self, beat: ExecutorHeartbeat) -> Result<()> {
        self.records.roster.beat(&beat);
        self.executors.save_executor_heartbeat(beat).await
    }

    async fn remove_executor(&self, id: &str) -> Result<()> {
        self.records.roster.removed(id);
        self.executors.remove_executor(id).await
    }

    fn executor_heartbeats(&self) -> HashMap<String, ExecutorHeartbeat> {
        self.executors.executor_heartbeats()
    }

    fn get_executor_heartbeat(&self, id: &str) -> Option<ExecutorHeartbeat> {
        self.executors.get_executor_heartbeat(id)
    }

    async fn cluster_state_events(&self) -> Result<ClusterStateEventStream> {
        self.executors.cluster_state_events().await
    }
}
