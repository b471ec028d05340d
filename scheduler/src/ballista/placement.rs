//! Which executor runs which part of a stage.
//!
//! A model over all batches reads the same files in every pass, and an executor that has read a group of files once keeps
//! what it decoded. So each group of such a stage has a *home*, and goes there when its home is free. It never waits: a
//! group that another executor reads again costs less than an idle slot. All other stages are spread as Ballista's own
//! policy "bias" does: the executor with the most free slots is filled first.
//!
//! Homes are reckoned, not remembered: executors in the order of their ids, groups in the order of the plan, as many groups
//! for each as it has slots. So two passes over the same files agree without any state, and an executor that comes or goes
//! moves homes once.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use ballista_core::JobId;
use ballista_core::serde::protobuf::job_status::Status;
use ballista_core::serde::protobuf::{AvailableVcores, executor_status};
use ballista_scheduler::cluster::{BoundTask, ClusterState, DistributionPolicy};
use ballista_scheduler::state::task_manager::JobInfoCache;
use datafusion::error::Result;

use super::binding::{Binding, Host};

/// The policy. It is made before the cluster is, and told of it by [`Self::watch`].
#[derive(Default)]
pub(crate) struct Placement {
    cluster: OnceLock<Arc<dyn ClusterState>>,
}

impl std::fmt::Debug for Placement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Placement")
    }
}

impl Placement {
    /// Where to learn which executors there are, busy ones included: only free ones are offered for binding.
    pub(crate) fn watch(&self, cluster: Arc<dyn ClusterState>) {
        // Only the first cluster counts; a scheduler has one.
        let _ = self.cluster.set(cluster);
    }

    /// All executors that take tasks, in the order of their ids.
    async fn hosts(&self) -> Vec<Host> {
        let Some(cluster) = self.cluster.get() else {
            return Vec::new();
        };
        let beats = cluster.executor_heartbeats();
        let takes_tasks = |id: &str| {
            let status = beats.get(id).and_then(|beat| beat.status.as_ref());
            matches!(
                status.and_then(|status| status.status.as_ref()),
                Some(executor_status::Status::Active(_))
            )
        };
        let registered = cluster.registered_executor_metadata().await.into_iter();
        let mut hosts: Vec<Host> = registered
            .filter(|executor| takes_tasks(&executor.id))
            .map(|executor| Host {
                slots: executor.specification.vcores,
                id: executor.id,
            })
            .collect();
        hosts.sort();
        hosts
    }
}

#[tonic::async_trait]
impl DistributionPolicy for Placement {
    async fn bind_tasks(
        &self,
        mut budgets: Vec<&mut AvailableVcores>,
        running_jobs: Arc<HashMap<JobId, JobInfoCache>>,
    ) -> Result<Vec<BoundTask>> {
        let mut bound = Vec::new();
        let mut hosts = None;
        for (job, info) in running_jobs.iter() {
            if !matches!(info.status, Some(Status::Running(_))) {
                continue;
            }
            let mut graph = info.execution_graph.write().await;
            let session = graph.session_id().to_owned();
            // Stages that had their turn; those that still have something pending would come for ever.
            let mut seen = Vec::new();
            while let Some(stage) = graph.fetch_running_stage(&seen) {
                if budgets.iter().all(|budget| budget.vcores == 0) {
                    return Ok(bound);
                }
                seen.push(stage.stage_id);
                let mut binding = Binding {
                    job,
                    session: &session,
                    stage,
                    bound: &mut bound,
                };
                if binding.keeps_rows() {
                    let hosts = match &hosts {
                        Some(hosts) => hosts,
                        None => hosts.insert(self.hosts().await),
                    };
                    binding.at_home(&mut budgets, hosts);
                } else {
                    binding.anywhere(&mut budgets);
                }
            }
        }
        Ok(bound)
    }

    fn name(&self) -> &str {
        "gugus"
    }
}
