//! All runs: the list, and where a run is submitted.

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::response::{IntoResponse, Response};
use http::StatusCode;

use super::blocking::blocking;
use crate::problem::Problem;
use crate::runs::answers::{DryRun, RunList};
use crate::runs::control::Runs;
use crate::runs::request::RunRequest;

pub(super) async fn list(State(runs): State<Runs>) -> Json<RunList> {
    Json(RunList { runs: runs.list() })
}

/// The request must say that its body is JSON. A form on a page of another site cannot say so, so no such page can make a
/// browser submit a run.
pub(super) async fn submit(
    State(runs): State<Runs>,
    body: Result<Json<RunRequest>, JsonRejection>,
) -> Result<Response, Problem> {
    let Json(request) = body.map_err(|error| Problem::new(error.status(), error.body_text()))?;
    if request.dry_run {
        let report = blocking(move || runs.dry_run(&request)).await?;
        return Ok(Json(DryRun { report }).into_response());
    }
    let run = blocking(move || runs.submit(&request)).await?;
    Ok((StatusCode::CREATED, Json(run)).into_response())
}
