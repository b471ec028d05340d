//! One run: what it is, and how it is cancelled, paused and resumed.

use axum::Json;
use axum::extract::{Query, State};
use gugus_pages::run::{Course, Mark, Run};

use super::named::Named;
use crate::blocking::blocking;
use crate::pairs::{Pairs, value};
use crate::problem::{Problem, Refusal};
use crate::runs::answers::RunDetail;
use crate::runs::control::Runs;
use crate::runs::course::ModelsAsked;

/// Tells all about one run.
#[utoipa::path(
    get, path = "/gugus/v1/runs/{id}", tag = "Runs",
    params(("id" = String, Path, description = "The run's id")),
    responses((status = 200, description = "The run", body = RunDetail), (status = "default", description = "The request was refused", body = Refusal))
)]
pub(super) async fn detail(
    State(runs): State<Runs>,
    Named(id): Named,
) -> Result<Json<RunDetail>, Problem> {
    blocking(move || runs.detail(&id)).await.map(Json)
}

/// Tells how the run's models came about: what its page shows. It takes the choices of the page.
#[utoipa::path(
    get, path = "/gugus/v1/runs/{id}/models", tag = "Runs",
    params(("id" = String, Path, description = "The run's id"),
           ("status" = Option<Mark>, Query, description = "Only models of this mark"),
           ("sort" = Option<String>, Query, description = "status, rows, cost, iterations or at"),
           ("order" = Option<String>, Query, description = "desc: the largest first"),
           ("from" = Option<u64>, Query, description = "How many models come before the first one")),
    responses((status = 200, description = "Its models", body = Course), (status = "default", description = "The request was refused", body = Refusal))
)]
pub(super) async fn models(
    State(runs): State<Runs>,
    Named(id): Named,
    Query(choices): Query<Pairs>,
) -> Result<Json<Course>, Problem> {
    let asked = ModelsAsked::read(|name| value(&choices, name));
    blocking(move || runs.course(&id, &asked)).await.map(Json)
}

/// Pauses a standing run. What it has written stays; new batches get no models until it is resumed.
#[utoipa::path(
    post, path = "/gugus/v1/runs/{id}/pause", tag = "Runs",
    params(("id" = String, Path, description = "The run's id")),
    responses((status = 200, description = "The run", body = Run), (status = "default", description = "The request was refused", body = Refusal))
)]
pub(super) async fn pause(
    State(runs): State<Runs>,
    Named(id): Named,
) -> Result<Json<Run>, Problem> {
    Ok(runs.pause(&id).map(Json)?)
}

/// Stops a run that waits or trains, and ends a standing run. What it has written stays.
#[utoipa::path(
    post, path = "/gugus/v1/runs/{id}/cancel", tag = "Runs",
    params(("id" = String, Path, description = "The run's id")),
    responses((status = 200, description = "The run", body = Run), (status = "default", description = "The request was refused", body = Refusal))
)]
pub(super) async fn cancel(
    State(runs): State<Runs>,
    Named(id): Named,
) -> Result<Json<Run>, Problem> {
    blocking(move || runs.cancel(&id)).await.map(Json)
}

/// Lets a run that broke off wait for its turn again. A standing run that was paused follows again.
#[utoipa::path(
    post, path = "/gugus/v1/runs/{id}/resume", tag = "Runs",
    params(("id" = String, Path, description = "The run's id")),
    responses((status = 200, description = "The run", body = Run), (status = "default", description = "The request was refused", body = Refusal))
)]
pub(super) async fn resume(
    State(runs): State<Runs>,
    Named(id): Named,
) -> Result<Json<Run>, Problem> {
    blocking(move || runs.resume(&id)).await.map(Json)
}
