//! The state of the cluster, for pages, metrics and runs.

use std::collections::HashSet;
use std::sync::Arc;

use ballista_core::JobId;
use ballista_scheduler::scheduler_server::SchedulerServer;
use datafusion_proto::protobuf::{LogicalPlanNode, PhysicalPlanNode};
use gugus_pages::executors::TaskHere;
use gugus_pages::job::{Job, Row};
use gugus_pages::jobs::Choice;

use super::job_snapshot::JobSnapshot;
use super::record::record;
use super::records::Records;
use crate::clock;
use crate::history::Listed;

/// How many of the last jobs of an executor its page looks at.
const JOBS_OF_EXECUTOR: usize = 20;

/// How many of its last tasks an executor's page has.
const TASKS_OF_EXECUTOR: usize = 300;

/// A run is live if one of its Ballista jobs ended within so many milliseconds. Between two Ballista jobs, a run writes models.
const LIVE: u64 = 60_000;

/// How many live Ballista jobs are looked at.
const LIVE_JOBS: usize = 1_000;

/// Ballista's scheduler.
pub(crate) type Scheduler = SchedulerServer<LogicalPlanNode, PhysicalPlanNode>;

/// A view of Ballista's scheduler. All clones show the same scheduler.
#[derive(Clone)]
pub(crate) struct ClusterView {
    scheduler: Arc<Scheduler>,
    records: Arc<Records>,
}

impl ClusterView {
    pub(crate) fn new(scheduler: Arc<Scheduler>, records: Arc<Records>) -> Self {
        Self { scheduler, records }
    }

    /// The slots of each executor that is registered.
    pub(crate) async fn slots(&self) -> Vec<u32> {
        let state = self.scheduler.state.executor_manager.get_executors_state();
        let registered = state.await.unwrap_or_else(|error| {
            tracing::warn!(%error, "Ballista does not list its executors");
            Vec::new()
        });
        let slots = registered.into_iter();
        slots
            .map(|(about, ..)| about.specification.vcores)
            .collect()
    }

    /// How many tasks run, and how many groups of files or rows wait for one.
    pub(crate) async fn tasks(&self) -> (usize, usize) {
        let jobs = self.scheduler.state.task_manager.get_running_job_cache();
        let (mut running, mut waiting) = (0, 0);
        for job in jobs.values() {
            let snapshot = JobSnapshot::of(&**job.execution_graph.read().await);
            running += snapshot.running;
            waiting += snapshot.pending;
        }
        (running, waiting)
    }

    /// The names of runs that had a Ballista job within the last minute.
    pub(crate) fn live_runs(&self) -> HashSet<String> {
        let since = clock::now().saturating_sub(LIVE);
        let is_live =
            |row: &Row| row.run.is_some() && (!row.state.is_final() || row.ended >= since);
        let rows = self.records.history.newest(LIVE_JOBS, is_live);
        rows.into_iter().filter_map(|row| row.run).collect()
    }

    /// What is remembered of jobs and executors.
    pub(crate) fn records(&self) -> &Records {
        &self.records
    }

    /// The Ballista jobs that somebody asked for, as they are now.
    pub(crate) async fn list_jobs(&self, choice: &Choice) -> Listed {
        let mut listed = self.records.history.list(choice);
        let running = self.scheduler.state.task_manager.get_running_job_cache();
        for row in &mut listed.rows {
            let id = JobId::from(row.id.as_str());
            if let Some(job) = running.get(&id) {
                row.stages_done = job.execution_graph.read().await.completed_stages() as u64;
                row.tasks = self.records.ledger.count(&id) as u64;
            }
        }
        listed
    }

    /// One Ballista job: as it is now while it runs, and else as it was recorded.
    pub(crate) async fn job(&self, id: &str) -> Option<Arc<Job>> {
        let key = JobId::from(id);
        let running = self.scheduler.state.task_manager.get_running_job_cache();
        if let Some(job) = running.get(&key) {
            let handed = self.records.ledger.of(&key);
            let graph = job.execution_graph.read().await;
            return Some(Arc::new(record(&**graph, &handed, &self.records.roster)));
        }
        let (records, wanted) = (Arc::clone(&self.records), id.to_owned());
        let found = tokio::task::spawn_blocking(move || records.history.find(&wanted));
        match found.await.ok().flatten() {
            Some(job) => Some(job),
            // It was just submitted or just ended, or its record is not kept.
            None => self
                .records
                .history
                .row(id)
                .map(|row| Arc::new(Job::without_stages(row))),
        }
    }

    /// The last tasks of an executor, and the Ballista jobs that they are of, the newest first.
    pub(crate) async fn tasks_of(&self, executor: &str) -> (Vec<TaskHere>, Vec<Row>) {
        let running = self.scheduler.state.task_manager.get_running_job_cache();
        let mut ids: Vec<String> = running.keys().map(ToString::to_string).collect();
        let had = |row: &Row| row.executors.iter().any(|had| had == executor);
        let ended = self.records.history.newest(JOBS_OF_EXECUTOR, had);
        ids.extend(ended.into_iter().map(|row| row.id));
        let mut seen = HashSet::new();
        ids.retain(|id| seen.insert(id.clone()));
        let (mut tasks, mut jobs) = (Vec::new(), Vec::new());
        for id in ids {
            let Some(job) = self.job(&id).await else {
                continue;
            };
            let before = tasks.len();
            for stage in &job.stages {
                let here = stage.tasks.iter().filter(|task| task.executor == executor);
                tasks.extend(here.map(|task| TaskHere {
                    job: id.clone(),
                    stage: stage.id,
                    task: task.clone(),
                }));
            }
            if tasks.len() > before {
                jobs.push(job.row.clone().listed());
            }
            if tasks.len() >= TASKS_OF_EXECUTOR {
                break;
            }
        }
        tasks.sort_by_key(|here| std::cmp::Reverse(here.task.handed));
        tasks.truncate(TASKS_OF_EXECUTOR);
        jobs.sort_by_key(|row| std::cmp::Reverse(row.when()));
        // As many while a job runs as between two, so that a live page does not jump.
        jobs.truncate(JOBS_OF_EXECUTOR);
        (tasks, jobs)
    }
}
