//! The routes of the pages.

use axum::Router;
use axum::routing::get;

use super::shown::Shown;
use super::{assets, configuration, executors, job, jobs, overview, run, served};

/// All pages.
pub(crate) fn routes(shown: Shown) -> Router {
    Router::new()
        .route("/", get(overview::page))
        .route("/runs/{id}", get(run::page))
        .merge(served::page("/jobs", jobs::gather))
        .merge(served::page("/jobs/{id}", job::gather))
        .merge(served::page("/executors", executors::gather))
        .merge(served::page("/executors/{id}", executors::gather_one))
        .merge(served::page("/configuration", configuration::gather))
        .merge(assets::routes())
        .with_state(shown)
}
