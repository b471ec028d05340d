//! Runs over HTTP.

use axum::Json;
use axum::Router;
use axum::extract::rejection::JsonRejection;
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::{StatusCode, header};
use serde::Deserialize;

use super::id::RunId;
use super::wire::{DryRun, RUNS_PATH, Run, RunDetail, RunList, RunRequest};
use super::{RunError, Runs};
use crate::problem::Problem;

/// The largest request: a job file of hundreds of columns is a tenth of it.
const BODY_LIMIT: usize = 1024 * 1024;

/// `/gugus/v1/runs` and what is below it.
pub(crate) fn routes(runs: Runs) -> Router {
    Router::new()
        .route(RUNS_PATH, get(list).post(submit))
        .route(&format!("{RUNS_PATH}/{{id}}"), get(detail))
        .route(&format!("{RUNS_PATH}/{{id}}/log"), get(log))
        .route(&format!("{RUNS_PATH}/{{id}}/cancel"), post(cancel))
        .route(&format!("{RUNS_PATH}/{{id}}/resume"), post(resume))
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .with_state(runs)
}

async fn list(State(runs): State<Runs>) -> Json<RunList> {
    Json(RunList { runs: runs.list() })
}

/// The request must say that its body is JSON. A form on a page of another site cannot say so, so no such page can make a
/// browser submit a run.
async fn submit(
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

async fn detail(
    State(runs): State<Runs>,
    Path(id): Path<String>,
) -> Result<Json<RunDetail>, Problem> {
    let id = parsed(&id)?;
    blocking(move || runs.detail(&id)).await.map(Json)
}

/// Which part of a log.
#[derive(Deserialize)]
struct LogQuery {
    /// From this byte on.
    #[serde(default)]
    from: u64,
}

/// A part of the log as text, from a byte on. To read all of it, ask again from the end of the last answer.
async fn log(
    State(runs): State<Runs>,
    Path(id): Path<String>,
    Query(query): Query<LogQuery>,
) -> Result<Response, Problem> {
    let id = parsed(&id)?;
    let text = blocking(move || runs.log(&id, query.from)).await?;
    let kind = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
    Ok((kind, text).into_response())
}

async fn cancel(State(runs): State<Runs>, Path(id): Path<String>) -> Result<Json<Run>, Problem> {
    let id = parsed(&id)?;
    Ok(runs.cancel(&id).map(Json)?)
}

async fn resume(State(runs): State<Runs>, Path(id): Path<String>) -> Result<Json<Run>, Problem> {
    let id = parsed(&id)?;
    blocking(move || runs.resume(&id)).await.map(Json)
}

fn parsed(text: &str) -> Result<RunId, Problem> {
    text.parse().map_err(|error: super::ParseRunIdError| {
        Problem::new(StatusCode::NOT_FOUND, error.to_string())
    })
}

/// Expressions are compiled, folders listed and files written: not on a thread that others wait for.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, RunError> + Send + 'static,
) -> Result<T, Problem> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result.map_err(Problem::from),
        Err(error) => Err(Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            error.to_string(),
        )),
    }
}
