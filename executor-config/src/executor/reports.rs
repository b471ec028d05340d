//! Reports to the scheduler how tasks ended.

use std::time::Duration;

use ballista_core::serde::protobuf::{TaskStatus, UpdateTaskStatusParams};
use tokio::sync::mpsc;
use tokio::time::sleep;
use tonic::{ConnectError, Status};

use super::link::{Link, RETRY, within};
use super::node::Report;

/// How long the scheduler may take to accept a report. It may be busy with events, and the report must not get lost.
const REPORT_WITHIN: Duration = Duration::from_secs(20);

impl Link {
    /// Reports tasks to the scheduler as they end.
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

    /// Delivers statuses once. It sends a status again only if the status surely did not arrive. If nobody knows
    /// whether it arrived, it is not sent again, because the rows of a task that ends twice would count twice. Then
    /// this executor takes a new id. So the scheduler gives up the old id and has all tasks of that id run again, and
    /// no job waits for them for ever.
    async fn deliver(&mut self, id: &str, statuses: Vec<TaskStatus>) {
        let request = UpdateTaskStatusParams {
            executor_id: id.to_owned(),
            task_status: statuses,
        };
        loop {
            if self.node.id() != id {
                // The scheduler has given these tasks up and would ignore a report.
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
