//! `/runs/{id}/log`: all of a run's log as text.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::header;

use super::run::named;
use super::shown::Shown;
use crate::problem::Problem;
use crate::runs::blocking;

/// The whole log. It is a few megabytes at most.
pub(super) async fn whole(
    State(shown): State<Shown>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let (runs, id) = named(shown, &id)?;
    let read = blocking(move || {
        let mut text = Vec::new();
        loop {
            let part = runs.log(&id, text.len() as u64)?;
            if part.is_empty() {
                return Ok(text);
            }
            text.extend(part);
        }
    });
    let kind = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
    Ok((kind, read.await?).into_response())
}
