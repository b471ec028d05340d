//! The routes of runs.

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};

use super::{log, run, runs};
use crate::runs::answers::RUNS_PATH;
use crate::runs::control::Runs;

/// The largest request: a job file of hundreds of columns is a tenth of it.
pub(crate) const BODY_LIMIT: usize = 1024 * 1024;

/// `/gugus/v1/runs` and what is below it.
pub(crate) fn routes(all: Runs) -> Router {
    Router::new()
        .route(RUNS_PATH, get(runs::list).post(runs::submit))
        .route(&format!("{RUNS_PATH}/{{id}}"), get(run::detail))
        .route(&format!("{RUNS_PATH}/{{id}}/cancel"), post(run::cancel))
        .route(&format!("{RUNS_PATH}/{{id}}/resume"), post(run::resume))
        .route(&format!("{RUNS_PATH}/{{id}}/models"), get(run::models))
        .route(&format!("{RUNS_PATH}/{{id}}/log"), get(log::part))
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .with_state(all)
}
