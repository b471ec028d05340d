//! The log of one run.

use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use http::header;
use serde::Deserialize;

use super::named::Named;
use crate::problem::{Problem, Refusal};
use crate::runs::blocking::blocking;
use crate::runs::control::Runs;

/// Which part of a log.
#[derive(Deserialize)]
pub(super) struct Part {
    /// From this byte on.
    #[serde(default)]
    from: u64,
}

/// A part of the log as text, from a byte on. To read all of it, ask again from the end of the last answer.
#[utoipa::path(
    get, path = "/gugus/v1/runs/{id}/log", tag = "Runs",
    params(("id" = String, Path, description = "The run's id"), ("from" = Option<u64>, Query, description = "The first byte")),
    responses((status = 200, description = "The text", body = String, content_type = "text/plain"), (status = "default", description = "The request was refused", body = Refusal))
)]
pub(super) async fn part(
    State(runs): State<Runs>,
    Named(id): Named,
    Query(part): Query<Part>,
) -> Result<Response, Problem> {
    let text = blocking(move || runs.log(&id, part.from)).await?;
    let kind = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
    Ok((kind, text).into_response())
}
