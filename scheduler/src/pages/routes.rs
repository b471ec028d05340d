//! The routes of the pages.

use axum::Router;
use axum::routing::get;

use super::shown::Shown;
use super::{overview, run};

/// All pages.
pub(crate) fn routes(shown: Shown) -> Router {
    Router::new()
        .route("/", get(overview::page))
        .route("/runs/{id}", get(run::page))
        .with_state(shown)
}
