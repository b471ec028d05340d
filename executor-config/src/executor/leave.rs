//! Leaving: tasks end first, and results are fetched before they go.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

use super::fetches::Fetches;
use super::link::Link;
use super::node::Node;

/// How long nobody must have fetched a result, nor a task have ended, before an executor that leaves takes its results
/// with it. A client fetches milliseconds after the end of the job.
const QUIET: Duration = Duration::from_secs(1);

/// Lets tasks end and results be fetched.
pub(super) async fn drain(
    link: &mut Link,
    node: &Arc<Node>,
    fetches: &Arc<Fetches>,
    limit: Duration,
) {
    let end = Instant::now() + limit;
    link.begin_to_leave().await;
    let mut open = node.open();
    let tasks = *open.borrow();
    if limit.is_zero() {
        return;
    }
    if tasks > 0 {
        tracing::info!(tasks, limit = ?limit, "waiting for running tasks");
    }
    if timeout_at(end, open.wait_for(|open| *open == 0))
        .await
        .is_err()
    {
        let tasks = *open.borrow();
        tracing::warn!(tasks, "tasks did not end in time; they run again elsewhere");
        return;
    }
    if tasks > 0 {
        fetches.expect();
    }
    while let Some(wait) = fetches.until_quiet(QUIET) {
        if Instant::now() >= end {
            tracing::warn!("results are still fetched; what was not is made again elsewhere");
            return;
        }
        sleep(wait.min(end.saturating_duration_since(Instant::now()))).await;
    }
}

/// Notes when tasks end: their results are fetched next.
pub(super) async fn expect_fetches(node: Arc<Node>, fetches: Arc<Fetches>) {
    let mut open = node.open();
    while open.changed().await.is_ok() {
        fetches.expect();
    }
}
