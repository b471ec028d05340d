//! What the buttons on the page of a run do. Each answers with the page that shows the result.

use axum::extract::{Path, State};
use axum::response::Redirect;
use gugus_pages::href;
use gugus_pages::run::{Run, RunId};

use super::run::named;
use super::shown::Shown;
use crate::blocking::blocking;
use crate::problem::Problem;
use crate::runs::{RunError, Runs};

/// The answer to a button.
type Answer = Result<Redirect, Problem>;

pub(super) async fn cancel(State(shown): State<Shown>, Path(id): Path<String>) -> Answer {
    act(shown, &id, |runs, id| runs.cancel(id)).await
}

pub(super) async fn pause(State(shown): State<Shown>, Path(id): Path<String>) -> Answer {
    act(shown, &id, |runs, id| runs.pause(id)).await
}

pub(super) async fn resume(State(shown): State<Shown>, Path(id): Path<String>) -> Answer {
    act(shown, &id, |runs, id| runs.resume(id)).await
}

pub(super) async fn again(State(shown): State<Shown>, Path(id): Path<String>) -> Answer {
    act(shown, &id, |runs, id| runs.again(id)).await
}

async fn act(
    shown: Shown,
    id: &str,
    what: impl FnOnce(&Runs, &RunId) -> Result<Run, RunError> + Send + 'static,
) -> Answer {
    let (runs, id) = named(shown, id)?;
    let run = blocking(move || what(&runs, &id)).await?;
    Ok(Redirect::to(&href::run(run.id.as_str())))
}
