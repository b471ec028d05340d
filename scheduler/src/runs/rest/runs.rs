//! All runs: the list, and where a run is submitted.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use gugus_pages::run::{Run, RunState};
use http::StatusCode;

use crate::blocking::blocking;
use crate::pairs::{Pairs, value};
use crate::problem::{Problem, Refusal};
use crate::runs::answers::{DryRun, RUNS_PATH, RunList};
use crate::runs::control::Runs;
use crate::runs::list::{listed, runs_asked};
use crate::runs::request::RunRequest;

/// All runs, the newest first; or those that the choices behind `?` ask for, as on the page `/runs`.
#[utoipa::path(
    get, path = RUNS_PATH, tag = "Runs",
    params(("text" = Option<String>, Query, description = "What the id, the job, a store or the failure holds"),
           ("state" = Option<RunState>, Query, description = "Only runs in this state"),
           ("job" = Option<String>, Query, description = "Only runs of this job"),
           ("sort" = Option<String>, Query, description = "state, job, trained, failed, skipped, submitted or duration"),
           ("order" = Option<String>, Query, description = "desc: the largest first")),
    responses((status = 200, description = "The runs", body = RunList), (status = "default", description = "The request was refused", body = Refusal))
)]
pub(super) async fn list(State(runs): State<Runs>, Query(choices): Query<Pairs>) -> Json<RunList> {
    let asked = runs_asked(|name| value(&choices, name));
    let rows = listed(runs.list(), &asked);
    let runs = rows.into_iter().map(|row| row.run).collect();
    Json(RunList { runs })
}

/// Submits a run, or finds out what it would train.
///
/// The request must say that its body is JSON. A form on a page of another site cannot say so, so no such page can make a
/// browser submit a run.
#[utoipa::path(
    post, path = RUNS_PATH, tag = "Runs",
    request_body = RunRequest,
    responses((status = 201, description = "The new run", body = Run),
              (status = 200, description = "What would be trained", body = DryRun), (status = "default", description = "The request was refused", body = Refusal))
)]
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
