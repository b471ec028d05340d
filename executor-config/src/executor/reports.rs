//! Telling the scheduler how tasks ended.

use std::time::Duration;

use ballista_core::serde::protobuf::{TaskStatus, UpdateTaskStatusParams};
use tokio::sync::mpsc;
use tokio::time::sleep;
use tonic::{ConnectError, Status};

use super::link::{Link, RETRY, within};
use super::node::Report;

/// How long the scheduler may take to take a report: it is busy with events then, and the report must not get lost.
const REPORT_WITHIN: Duration = Duration::from_secs(20);

impl Link {
    /// Tells the scheduler of tasks that ended, as they come.
    pub(super) async fn report(mut self, mut reports: mpsc::UnboundedReceiver<Report>) {
        let mut together = Vec::new();
        while let Some(first) = reports.recv().await {
            together.push(first);
            while let Ok(more) = reports.try_recv() {
                together.push(more);
            }
            while let Some(last) = together.pop() {
                let id = last.executor_id;
                let mut statuses = vec![last.status];
                let (same, other): (Vec<Report>, Vec<Report>) = together
                    .drain(..)
                    .partition(|report| report.executor_id == id);
                statuses.extend(same.into_iter().map(|report| report.status));
                together = other;
                let tasks = statuses.len();
                self.deliver(&id, statuses).await;
                self.node.close(tasks);
            }
        }
    }

    /// Delivers statuses once. Statuses that surely did not arrive are sent again. If nobody knows whether they arrived, they
    /// are not: a task that ends twice would have its rows counted twice. This executor then takes a new id, so the scheduler
    /// gives the old one up and has all of its tasks run again, instead of waiting for them for ever.
    async fn deliver(&mut self, id: &str, statuses: Vec<TaskStatus>) {
        let request = UpdateTaskStatusParams {
            executor_id: id.to_owned(),
            task_status: statuses,
        };
        loop {
            if self.node.id() != id {
                // The scheduler has given these tasks up and would not listen.
                return;
            }
            let sent = within(
                REPORT_WITHIN,
                self.scheduler.update_task_status(request.clone()),
            );
            match sent.await {
                Ok(()) => return,
                Err(status) if never_left(&status) => sleep(RETRY).await,
                Err(status) => {
                    let tasks = request.task_status.len();
                    self.node.metrics.lost_reports.inc_by(tasks as u64);
                    tracing::warn!(
                        tasks,
                        reason = status.message(),
                        "the ends of tasks may not have reached the scheduler; this executor comes back under another id"
                    );
                    if !self.node.leaves() {
                        self.node.renew().await;
                    }
                    return;
                }
            }
        }
    }
}

/// Whether a request surely did not reach the scheduler: no connection could be made.
fn never_left(status: &Status) -> bool {
    gugus_error::find::<ConnectError>(status).is_some()
}
