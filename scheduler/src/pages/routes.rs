//! The routes of the pages.

use std::sync::Arc;

use axum::routing::get;
use gugus_engine::Guard;
use utoipa_axum::router::OpenApiRouter;

use super::shown::Shown;
use super::{assets, configuration, overview, run, served, sign_in};

/// All pages.
pub(crate) fn routes(shown: Shown, guard: Arc<Guard>) -> OpenApiRouter {
    OpenApiRouter::new()
        .route("/", get(overview::page))
        .route("/runs/{id}", get(run::page))
        .merge(served::page("/configuration", configuration::gather))
        .with_state(shown)
        .merge(assets::routes::<()>().into())
        .merge(sign_in::routes(guard).into())
}
