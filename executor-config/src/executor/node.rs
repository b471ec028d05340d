//! Runs tasks. A process has one node, whatever id it currently has at the scheduler.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use ballista_core::error::BallistaError;
use ballista_core::serde::protobuf::{ExecutorRegistration, TaskStatus, failed_task, task_status};
use ballista_core::serde::scheduler::{TaskDefinition, TaskKey};
use futures::FutureExt;
use gugus_features::Stop;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};

use super::failure;
use super::metrics::ExecutorMetrics;
use super::task::{self, Parts};

/// The end of a task, on its way to the scheduler.
#[derive(Debug)]
pub(super) struct Report {
    /// The id under which the task was taken.
    pub(super) executor_id: String,
    pub(super) status: TaskStatus,
}

/// Runs tasks.
pub(super) struct Node {
    pub(super) parts: Parts,
    pub(super) metrics: ExecutorMetrics,
    /// Threads for tasks only, so that heartbeats and fetches are answered while tasks take every core.
    threads: Handle,
    reports: mpsc::UnboundedSender<Report>,
    registration: Mutex<ExecutorRegistration>,
    /// The tasks that were taken and have not ended, each with the signal that ends its work.
    running: Mutex<HashMap<TaskKey, Stop>>,
    /// Tasks that were taken and whose end the scheduler has not acknowledged.
    open: watch::Sender<usize>,
    leaving: AtomicBool,
}

impl Node {
    pub(super) fn new(
        parts: Parts,
        metrics: ExecutorMetrics,
        threads: Handle,
        reports: mpsc::UnboundedSender<Report>,
    ) -> Self {
        let memory = parts.environment.memory_pool.as_ref();
        metrics.show_limits(parts.executor.vcores, memory);
        Self {
            registration: Mutex::new(parts.executor.metadata.clone()),
            parts,
            metrics,
            threads,
            reports,
            running: Mutex::default(),
            open: watch::Sender::new(0),
            leaving: AtomicBool::new(false),
        }
    }

    /// Shows the memory of tasks in the metrics.
    pub(super) fn show_memory(&self) {
        let memory = self.parts.environment.memory_pool.as_ref();
        self.metrics.show_reserved(memory);
    }

    /// The registration of this executor at the scheduler.
    pub(super) fn registration(&self) -> ExecutorRegistration {
        self.registration
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The current id at the scheduler.
    pub(super) fn id(&self) -> String {
        self.registration().id
    }

    /// The address under which this executor is called.
    pub(super) fn address(&self) -> String {
        let registration = self.registration();
        let host = registration.host.unwrap_or_default();
        format!("{host}:{}", registration.port)
    }

    /// Takes a new id. The scheduler gave up the old id, and runs the tasks of that id again elsewhere. Their ends must not be
    /// mixed up with those of the second try, so they are cancelled here.
    pub(super) async fn renew(&self) {
        self.registration
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .id = new_id();
        self.cancel_all().await;
    }

    /// Cancels all tasks that run.
    pub(super) async fn cancel_all(&self) {
        let running: Vec<TaskKey> = {
            let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
            running.keys().cloned().collect()
        };
        for key in running {
            self.cancel(key).await;
        }
    }

    /// Cancels a task. Ballista stops waiting for it, and the signal ends its work: the work may be a fit that takes hours on
    /// a thread of tasks.
    pub(super) async fn cancel(&self, key: TaskKey) {
        {
            let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(stop) = running.get(&key) {
                stop.now();
            }
        }
        let TaskKey {
            job_id,
            stage_id,
            task_id,
        } = key;
        let executor = &self.parts.executor;
        // A task that just ended has nothing to cancel.
        let _ = executor.cancel_task(job_id, stage_id, task_id).await;
    }

    /// From now on, heartbeats say that this executor is leaving.
    pub(super) fn leave(&self) {
        self.leaving.store(true, Ordering::Release);
    }

    pub(super) fn leaves(&self) -> bool {
        self.leaving.load(Ordering::Acquire)
    }

    /// The number of tasks whose end the scheduler has not acknowledged.
    pub(super) fn open(&self) -> watch::Receiver<usize> {
        self.open.subscribe()
    }

    /// Stops counting tasks whose end the scheduler knows, or will never know.
    pub(super) fn close(&self, tasks: usize) {
        self.open
            .send_modify(|open| *open = open.saturating_sub(tasks));
    }

    /// Takes a task and returns at once.
    pub(super) fn take(self: &Arc<Self>, task: TaskDefinition) {
        self.open.send_modify(|open| *open += 1);
        let (node, executor_id) = (Arc::clone(self), self.id());
        let key = TaskKey {
            job_id: task.job_id.clone(),
            stage_id: task.stage_id,
            task_id: task.task_id,
        };
        let stop = Stop::default();
        // All threads may be busy, so the task may be cancelled before it begins.
        self.running
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(key.clone(), stop.clone());
        self.threads.spawn(async move {
            node.metrics.running.inc();
            // Whatever ends the task ends its work.
            let _ends_its_work = stop.on_drop();
            let status = node.run(&key, task, &executor_id, &stop).await;
            node.running
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .remove(&key);
            node.metrics.running.dec();
            node.metrics
                .tasks
                .with_label_values(&[result(&status)])
                .inc();
            // The receiver lives as long as this process. Afterwards nobody needs the report.
            let _ = node.reports.send(Report {
                executor_id,
                status,
            });
        });
    }

    /// Runs a task and reports its end, whatever happens. Without the report the Ballista job would wait for ever.
    async fn run(
        &self,
        key: &TaskKey,
        task: TaskDefinition,
        executor_id: &str,
        stop: &Stop,
    ) -> TaskStatus {
        let (stage_attempt_num, launch_time) = (task.stage_attempt_num, task.launch_time);
        let start_exec_time = now();
        let executed = AssertUnwindSafe(task::execute(&self.parts, key, task, stop))
            .catch_unwind()
            .await;
        let (metrics, status) = match executed {
            Ok(Ok((metrics, mut successful))) => {
                successful.executor_id = executor_id.to_owned();
                (metrics, task_status::Status::Successful(successful))
            }
            // The signal may end the work before Ballista notes that the task is cancelled.
            Ok(Err(_)) if stop.is_set() => {
                let failed = failure::told(BallistaError::Cancelled, &self.registration());
                (Vec::new(), task_status::Status::Failed(failed))
            }
            Ok(Err(error)) => {
                tracing::debug!(?key, %error, "a task failed");
                let failed = failure::told(error, &self.registration());
                (Vec::new(), task_status::Status::Failed(failed))
            }
            Err(panic) => {
                let failed = failure::panicked(&*panic);
                (Vec::new(), task_status::Status::Failed(failed))
            }
        };
        TaskStatus {
            task_id: short(key.task_id),
            job_id: key.job_id.to_string(),
            stage_id: short(key.stage_id),
            stage_attempt_num: short(stage_attempt_num),
            launch_time,
            start_exec_time,
            end_exec_time: now(),
            metrics,
            status: Some(status),
        }
    }
}

fn result(status: &TaskStatus) -> &'static str {
    match &status.status {
        Some(task_status::Status::Successful(_)) => "done",
        Some(task_status::Status::Failed(failed))
            if matches!(
                failed.failed_reason,
                Some(failed_task::FailedReason::TaskKilled(_))
            ) =>
        {
            "cancelled"
        }
        _ => "failed",
    }
}

/// An id that no executor had before.
pub(super) fn new_id() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}

/// Milliseconds since 1970, as Ballista counts.
fn now() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Ballista counts in `usize` here and in `u32` on the wire.
fn short(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
