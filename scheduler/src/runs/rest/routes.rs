//! The routes of runs.

use axum::extract::DefaultBodyLimit;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{log, run, runs};
use crate::runs::control::Runs;

/// The largest request: a job file of hundreds of columns is a tenth of it.
pub(crate) const BODY_LIMIT: usize = 1024 * 1024;

/// `/gugus/v1/runs` and what is below it.
pub(crate) fn routes(all: Runs) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(runs::list, runs::submit))
        .routes(routes!(run::detail))
        .routes(routes!(run::cancel))
        .routes(routes!(run::pause))
        .routes(routes!(run::resume))
        .routes(routes!(run::models))
        .routes(routes!(log::part))
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .with_state(all)
}
