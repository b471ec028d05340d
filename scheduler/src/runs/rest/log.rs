//! The log of one run.

use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use http::header;
use serde::Deserialize;

use super::named::Named;
use crate::blocking::blocking;
use crate::problem::{Problem, Refusal};
use crate::runs::control::Runs;
use crate::runs::error::RunError;

/// Which part of a log.
#[derive(Deserialize)]
pub(super) struct Part {
    /// From this byte on.
    #[serde(default)]
    from: u64,
    /// All that follows, however long, in place of a part.
    #[serde(default)]
    whole: bool,
}

/// A part of the log as text, from a byte on. To follow a log, ask again from the end of the last answer. A log that is full loses
/// its earlier lines; the answer to a byte behind its new end is 416, and the log is to be read from its beginning.
#[utoipa::path(
    get, path = "/gugus/v1/runs/{id}/log", tag = "Runs",
    params(("id" = String, Path, description = "The run's id"), ("from" = Option<u64>, Query, description = "The first byte"), ("whole" = Option<bool>, Query, description = "All that follows in place of a part")),
    responses((status = 200, description = "The text", body = String, content_type = "text/plain"), (status = "default", description = "The request was refused", body = Refusal))
)]
pub(super) async fn part(
    State(runs): State<Runs>,
    Named(id): Named,
    Query(part): Query<Part>,
) -> Result<Response, Problem> {
    let read = move || {
        let mut text = Vec::new();
        loop {
            let more = runs.log(&id, part.from + text.len() as u64)?;
            let ended = more.is_empty() || !part.whole;
            text.extend(more);
            if ended {
                return Ok::<_, RunError>(text);
            }
        }
    };
    let text = blocking(read).await?;
    let kind = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
    Ok((kind, text).into_response())
}
