//! The routes of the pages.

use axum::Router;
use axum::routing::{get, post};

use super::shown::Shown;
use super::{
    assets, batch, batches, configuration, model, model_work, models, overview, run, served,
};

/// All pages.
pub(crate) fn routes(shown: Shown) -> Router {
    Router::new()
        .merge(served::page("/", overview::gather))
        .merge(served::page("/batches", batches::gather))
        .merge(served::page("/batches/{n}", batch::gather))
        .merge(served::page("/models", models::gather))
        .merge(served::page("/models/{model}/{of}", model::gather))
        .route(
            "/models/{model}/{of}/silhouette",
            post(model_work::silhouette),
        )
        .route("/models/{model}/{of}/map", post(model_work::map))
        .route("/models/{model}/{of}/map.svg", get(model_work::picture))
        .route("/runs/{id}", get(run::page))
        .merge(served::page("/configuration", configuration::gather))
        .merge(assets::routes())
        .with_state(shown)
}
