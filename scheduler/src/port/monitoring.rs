//! The identity of the scheduler, its health, and its metrics.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use gugus_engine::{ABOUT_PATH, About, SchedulerAbout};
use gugus_http::{Monitor, Readiness};
use http::{StatusCode, header};
use prometheus::TEXT_FORMAT;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::metrics::{Counted, SchedulerMetrics};
use crate::ballista::view::ClusterView;
use crate::problem::Problem;
use crate::runs::Runs;

/// The parts that these answers need.
#[derive(Clone)]
pub(super) struct Monitoring {
    pub(super) scheduler_id: String,
    pub(super) cluster: ClusterView,
    pub(super) metrics: Arc<SchedulerMetrics>,
    pub(super) monitor: Monitor,
    pub(super) runs: Option<Runs>,
}

/// `/gugus/v1/about`, `/healthz`, `/readyz` and `/metrics`.
pub(super) fn routes(monitoring: Monitoring) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(about))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        // Ballista has a list of its own, which would lack what is counted when somebody asks.
        .route("/metrics", get(metrics))
        .with_state(monitoring)
}

/// Tells the versions and functions of the scheduler, and its id.
#[utoipa::path(
    get, path = ABOUT_PATH, tag = "Scheduler",
    responses((status = 200, description = "What this scheduler is", body = SchedulerAbout))
)]
async fn about(State(monitoring): State<Monitoring>) -> Json<SchedulerAbout> {
    Json(SchedulerAbout {
        about: About::ours().clone(),
        scheduler_id: monitoring.scheduler_id,
    })
}

/// It has its port, and runs can be kept.
async fn ready(State(monitoring): State<Monitoring>) -> Response {
    let keeps = monitoring.runs.as_ref().is_none_or(Runs::is_readable);
    if monitoring.monitor.readiness() == Readiness::Ready && keeps {
        "ready\n".into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready\n").into_response()
    }
}

async fn metrics(State(monitoring): State<Monitoring>) -> Response {
    let cluster = &monitoring.cluster;
    let executors = cluster.slots().await;
    let slots = executors.iter().map(|slots| *slots as usize);
    let (running_tasks, pending_tasks) = cluster.tasks().await;
    let runs = monitoring.runs.as_ref().map(Runs::list).unwrap_or_default();
    let mut direct = cluster.live_runs();
    for run in &runs {
        direct.remove(run.id.as_str());
    }
    let counted = Counted {
        executors: executors.len(),
        slots: slots.sum(),
        lost_executors: cluster.records().roster.lost(),
        running_tasks,
        pending_tasks,
        direct_runs: direct.len(),
    };
    match monitoring.metrics.text_with(&counted, &runs) {
        Ok(text) => ([(header::CONTENT_TYPE, TEXT_FORMAT)], text).into_response(),
        Err(error) => {
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response()
        }
    }
}
