//! Whether the service lives and can answer.

use std::sync::Arc;

use serde::Serialize;
use utoipa::ToSchema;
use warp::http::StatusCode;
use warp::reply::{Reply, Response};

use super::State;
use crate::catalogue::StoreState;
use crate::problem::{Code, Problem};
use crate::{reply, routes};

/// The service answers.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Health {
    /// Always `ok`.
    #[schema(examples("ok"))]
    status: &'static str,
}

/// The service answers, and what it serves.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Served {
    /// Always `ok`.
    #[schema(examples("ok"))]
    status: &'static str,
    /// The version of the service.
    #[schema(examples("0.1.0"))]
    version: &'static str,
    /// How many models there are, all batches of a model counted as one.
    models: usize,
}

/// Says that the process lives, without looking at anything.
#[utoipa::path(
    get, path = routes::LIVE.path, operation_id = "live", tag = "health",
    responses((status = 200, description = "The process lives", body = Health))
)]
pub(crate) async fn live(_: Vec<String>) -> Response {
    reply::json(StatusCode::OK, &Health { status: "ok" })
}

/// Says whether predictions can be asked: the models can be listed and the service is not ending.
#[utoipa::path(
    get, path = routes::READY.path, operation_id = "ready", tag = "health",
    responses(
        (status = 200, description = "Predictions can be asked", body = Health),
        (status = 503, description = "The models cannot be listed, or the service is ending", body = Problem),
    )
)]
pub(crate) async fn is_ready(_: Vec<String>, state: Arc<State>) -> Response {
    match models(&state).await {
        Ok(_) => reply::json(StatusCode::OK, &Health { status: "ok" }),
        Err(problem) => problem.into_response(),
    }
}

/// Says what is served, and 503 when nothing can be.
#[utoipa::path(
    get, path = routes::HEALTH.path, operation_id = "health", tag = "health",
    responses(
        (status = 200, description = "Predictions can be asked", body = Served),
        (status = 503, description = "The models cannot be listed, or the service is ending", body = Problem),
    )
)]
pub(crate) async fn health(_: Vec<String>, state: Arc<State>) -> Response {
    let served = |models| Served {
        status: "ok",
        version: env!("CARGO_PKG_VERSION"),
        models,
    };
    reply::ok_or_problem(models(&state).await.map(served))
}

async fn models(state: &State) -> Result<usize, Problem> {
    if state.shutdown.is_cancelled() {
        return Err(Problem::new(Code::ShuttingDown, "the service is ending"));
    }
    let listing = state.catalogue.listing().await;
    match listing.store {
        StoreState::Listed => Ok(listing.models.len()),
        StoreState::Failing => Err(Problem::new(
            Code::ModelsUnavailable,
            "the models cannot be listed now; those in memory are served on",
        )),
    }
}
