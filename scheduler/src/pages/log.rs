//! `/runs/{id}/log`: all of a run's log as text.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::header;

use super::document::refusal;
use super::run::named;
use super::shown::Shown;
use crate::problem::Problem;
use crate::runs::blocking;

pub(super) async fn whole(State(shown): State<Shown>, Path(id): Path<String>) -> Response {
    match read(shown, &id).await {
        Ok(text) => {
            let kind = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
            (kind, text).into_response()
        }
        Err(problem) => refusal(problem.status(), problem.detail()),
    }
}

/// A log is a few megabytes at most.
async fn read(shown: Shown, id: &str) -> Result<Vec<u8>, Problem> {
    let (runs, id) = named(shown, id)?;
    blocking(move || {
        let mut text = Vec::new();
        loop {
            let part = runs.log(&id, text.len() as u64)?;
            if part.is_empty() {
                return Ok(text);
            }
            text.extend(part);
        }
    })
    .await
}
