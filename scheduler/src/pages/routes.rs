//! The routes of the pages.

use std::sync::Arc;

use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use gugus_engine::Guard;
use utoipa_axum::router::OpenApiRouter;

use super::shown::Shown;
use super::submit::{self, FORM_LIMIT};
use super::{
    actions, assets, batch, batches, configuration, executors, job, jobs, model, model_work,
    models, overview, run, runs, served, sign_in,
};

/// All pages.
pub(crate) fn routes(shown: Shown, guard: Arc<Guard>) -> OpenApiRouter {
    let submitting = post(submit::submit).layer(DefaultBodyLimit::max(FORM_LIMIT));
    OpenApiRouter::new()
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
        // The interface of runs has the same data as JSON.
        .merge(served::html("/runs", runs::gather))
        .merge(served::html("/runs/{id}", run::gather))
        .route("/runs/{id}/cancel", post(actions::cancel))
        .route("/runs/{id}/pause", post(actions::pause))
        .route("/runs/{id}/resume", post(actions::resume))
        .route("/runs/{id}/again", post(actions::again))
        .merge(served::page("/submit", submit::gather))
        .route("/submit", submitting)
        .merge(served::page("/jobs", jobs::gather))
        .merge(served::page("/jobs/{id}", job::gather))
        .merge(served::page("/executors", executors::gather))
        .merge(served::page("/executors/{id}", executors::gather_one))
        .merge(served::page("/configuration", configuration::gather))
        .with_state(shown)
        .merge(assets::routes::<()>().into())
        .merge(sign_in::routes(guard).into())
}
