//! `/executors` and `/executors/{id}`: who computes.

use gugus_pages::executors::{ExecutorPage, ExecutorsPage};
use http::StatusCode;

use super::served::Asked;
use super::shown::Shown;
use crate::clock;
use crate::problem::Problem;

#[allow(clippy::unused_async, reason = "every page is gathered by a future")]
pub(super) async fn gather(shown: Shown, _: Asked) -> Result<ExecutorsPage, Problem> {
    Ok(ExecutorsPage {
        executors: shown.cluster.records().roster.list(),
    })
}

pub(super) async fn gather_one(shown: Shown, asked: Asked) -> Result<ExecutorPage, Problem> {
    let id = asked.part("id");
    let executor = shown.cluster.records().roster.find(id).ok_or_else(|| {
        let why = "there is no such executor, or it has been gone for more than a day; /executors lists those that are known";
        Problem::new(StatusCode::NOT_FOUND, why)
    })?;
    let (tasks, jobs) = shown.cluster.tasks_of(id).await;
    Ok(ExecutorPage {
        executor,
        tasks,
        jobs,
        now: clock::now(),
    })
}
