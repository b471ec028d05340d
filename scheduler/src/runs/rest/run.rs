//! One run: what it is, and how it is cancelled and resumed.

use axum::Json;
use axum::extract::State;

use super::blocking::blocking;
use super::named::Named;
use crate::problem::Problem;
use crate::runs::answers::RunDetail;
use crate::runs::control::Runs;
use crate::runs::record::Run;

pub(super) async fn detail(
    State(runs): State<Runs>,
    Named(id): Named,
) -> Result<Json<RunDetail>, Problem> {
    blocking(move || runs.detail(&id)).await.map(Json)
}

pub(super) async fn cancel(
    State(runs): State<Runs>,
    Named(id): Named,
) -> Result<Json<Run>, Problem> {
    Ok(runs.cancel(&id).map(Json)?)
}

pub(super) async fn resume(
    State(runs): State<Runs>,
    Named(id): Named,
) -> Result<Json<Run>, Problem> {
    blocking(move || runs.resume(&id)).await.map(Json)
}
