//! The routes of the pages.

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};

use super::shown::Shown;
use super::submit::{self, FORM_LIMIT};
use super::{actions, assets, configuration, log, overview, run, runs, served};

/// All pages.
pub(crate) fn routes(shown: Shown) -> Router {
    let submitting = post(submit::submit).layer(DefaultBodyLimit::max(FORM_LIMIT));
    Router::new()
        .route("/", get(overview::page))
        // The interface of runs has the same data as JSON.
        .merge(served::html("/runs", runs::gather))
        .merge(served::html("/runs/{id}", run::gather))
        .route("/runs/{id}/log", get(log::whole))
        .route("/runs/{id}/cancel", post(actions::cancel))
        .route("/runs/{id}/resume", post(actions::resume))
        .route("/runs/{id}/again", post(actions::again))
        .merge(served::page("/submit", submit::gather))
        .route("/submit", submitting)
        .merge(served::page("/configuration", configuration::gather))
        .merge(assets::routes())
        .with_state(shown)
}
