//! Leaving: first running tasks end, then clients fetch their results, then the executor goes.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

use super::fetches::Fetches;
use super::link::Link;
use super::node::Node;

/// An executor leaves when no result was fetched and no task has ended for this time. A client fetches milliseconds after the
/// end of its job.
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
            tracing::warn!(
                "results are still being fetched; those that are missing are made again elsewhere"
            );
            return;
        }
        sleep(wait.min(end.saturating_duration_since(Instant::now()))).await;
    }
}

/// Notes the ends of tasks, because clients fetch their results next.
pub(super) async fn expect_fetches(node: Arc<Node>, fetches: Arc<Fetches>) {
    let mut open = node.open();
    while open.changed().await.is_ok() {
        fetches.expect();
    }
}
