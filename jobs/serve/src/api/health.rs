//! Whether the service lives and can answer.

use std::sync::Arc;

use serde::Serialize;
use utoipa::{OpenApi, ToSchema};

use crate::asked;
use crate::listing::StoreState;
use crate::problem::{Code, Problem};
use crate::route::{Answer, Route};
use crate::state::State;

static HEALTH: Route = Route::get("/health");
static LIVE: Route = Route::get("/health/live");
static READY: Route = Route::get("/health/ready");

#[derive(OpenApi)]
#[openapi(paths(health, live, is_ready))]
pub(crate) struct Document;

pub(crate) fn answers(state: &Arc<State>) -> Vec<Answer> {
    vec![
        LIVE.json(state, asked::nothing, live),
        READY.json(state, asked::nothing, is_ready),
        HEALTH.json(state, asked::nothing, health),
    ]
}

/// The service answers.
#[derive(Debug, Serialize, ToSchema)]
struct Health {
    /// Always `ok`.
    #[schema(examples("ok"))]
    status: &'static str,
}

/// The service answers, and what it serves.
#[derive(Debug, Serialize, ToSchema)]
struct Served {
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
    get, path = LIVE.path, operation_id = "live", tag = "health",
    responses((status = 200, description = "The process lives", body = Health))
)]
async fn live((): (), _: Arc<State>) -> Result<Health, Problem> {
    Ok(Health { status: "ok" })
}

/// Says whether predictions can be asked: the models can be listed and the service is not ending.
#[utoipa::path(
    get, path = READY.path, operation_id = "ready", tag = "health",
    responses(
        (status = 200, description = "Predictions can be asked", body = Health),
        (status = 503, description = "The models cannot be listed, or the service is ending", body = Problem),
    )
)]
async fn is_ready((): (), state: Arc<State>) -> Result<Health, Problem> {
    models(&state).await?;
    Ok(Health { status: "ok" })
}

/// Says what is served, and 503 when nothing can be.
#[utoipa::path(
    get, path = HEALTH.path, operation_id = "health", tag = "health",
    responses(
        (status = 200, description = "Predictions can be asked", body = Served),
        (status = 503, description = "The models cannot be listed, or the service is ending", body = Problem),
    )
)]
async fn health((): (), state: Arc<State>) -> Result<Served, Problem> {
    Ok(Served {
        status: "ok",
        version: env!("CARGO_PKG_VERSION"),
        models: models(&state).await?,
    })
}

/// How many models there are; a problem if they cannot be asked.
pub(crate) async fn models(state: &State) -> Result<usize, Problem> {
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
