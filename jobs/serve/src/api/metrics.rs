//! The metrics, for Prometheus.

use std::sync::Arc;

use utoipa::OpenApi;
use warp::Reply;
use warp::reply::Response;

use crate::route::{Answer, Route};
use crate::state::State;

static METRICS: Route = Route::get("/metrics");

#[derive(OpenApi)]
#[openapi(paths(metrics))]
pub(crate) struct Document;

pub(crate) fn answers(state: &Arc<State>) -> Vec<Answer> {
    vec![METRICS.page(state, |_, state| Ok(metrics(state)))]
}

/// Gives the metrics of the service in Prometheus' text format.
#[utoipa::path(
    get, path = METRICS.path, operation_id = "metrics", tag = "health",
    responses((status = 200, description = "The metrics", body = String, content_type = "text/plain"))
)]
fn metrics(state: &State) -> Response {
    state.metrics.monitor.page().into_response()
}
