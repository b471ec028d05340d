//! What the buttons on the page of a run do. Each answers with the page that shows the result.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use gugus_pages::run::{Run, RunId};

use super::document::refusal;
use super::run::named;
use super::shown::Shown;
use crate::problem::Problem;
use crate::runs::{RunError, Runs, blocking};

pub(super) async fn cancel(State(shown): State<Shown>, Path(id): Path<String>) -> Response {
    answer(act(shown, &id, |runs, id| runs.cancel(id)).await)
}

pub(super) async fn resume(State(shown): State<Shown>, Path(id): Path<String>) -> Response {
    answer(act(shown, &id, |runs, id| runs.resume(id)).await)
}

pub(super) async fn again(State(shown): State<Shown>, Path(id): Path<String>) -> Response {
    answer(act(shown, &id, |runs, id| runs.again(id)).await)
}

async fn act(
    shown: Shown,
    id: &str,
    what: impl FnOnce(&Runs, &RunId) -> Result<Run, RunError> + Send + 'static,
) -> Result<Run, Problem> {
    let (runs, id) = named(shown, id)?;
    blocking(move || what(&runs, &id)).await
}

fn answer(done: Result<Run, Problem>) -> Response {
    match done {
        Ok(run) => Redirect::to(&format!("/runs/{}", run.id)).into_response(),
        Err(problem) => refusal(problem.status(), problem.detail()),
    }
}
