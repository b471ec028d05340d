//! One run: what it is, and how it is cancelled and resumed.

use axum::Json;
use axum::extract::{Query, State};
use gugus_pages::run::{Course, Run};

use super::choices::{Choices, choice};
use super::named::Named;
use crate::problem::Problem;
use crate::runs::answers::RunDetail;
use crate::runs::blocking::blocking;
use crate::runs::control::Runs;
use crate::runs::course::ModelsAsked;

pub(super) async fn detail(
    State(runs): State<Runs>,
    Named(id): Named,
) -> Result<Json<RunDetail>, Problem> {
    blocking(move || runs.detail(&id)).await.map(Json)
}

/// How the run's models came about: what its page shows.
pub(super) async fn models(
    State(runs): State<Runs>,
    Named(id): Named,
    Query(choices): Query<Choices>,
) -> Result<Json<Course>, Problem> {
    let asked = ModelsAsked::read(|name| choice(&choices, name));
    blocking(move || runs.course(&id, &asked)).await.map(Json)
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
