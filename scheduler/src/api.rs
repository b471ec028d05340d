//! The scheduler's port: gRPC, Ballista's REST interface, ours, and the page.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use ballista_core::serde::protobuf::scheduler_grpc_server::SchedulerGrpcServer;
use gugus_engine::{ABOUT_PATH, About, Guard, MESSAGE_LIMIT, Port, SchedulerAbout, Security};
use gugus_http::{Monitor, Readiness};
use http::{HeaderValue, StatusCode, header};
use prometheus::TEXT_FORMAT;
use tonic::service::Routes;

use crate::ballista;
use crate::cluster::{ClusterView, Scheduler};
use crate::host::{self, Hosts};
use crate::metrics::SchedulerMetrics;
use crate::origin::{self, Origin};
use crate::page::{self, Page};
use crate::problem::Problem;
use crate::runs::{self, Runs};

/// Who answers. Ballista's name and version would tell the same and no more.
const SERVER: &str = concat!("gugus/", env!("CARGO_PKG_VERSION"));

/// What the port is made of.
#[derive(Clone)]
pub(crate) struct Api {
    pub(crate) scheduler: Arc<Scheduler>,
    pub(crate) cluster: ClusterView,
    pub(crate) metrics: Arc<SchedulerMetrics>,
    pub(crate) monitor: Monitor,
    pub(crate) runs: Option<Runs>,
    pub(crate) hosts: Hosts,
    pub(crate) origins: Arc<[Origin]>,
}

/// Everything that the port answers.
pub(crate) fn routes(api: Api, security: &Security) -> Router {
    let grpc = SchedulerGrpcServer::new(api.scheduler.as_ref().clone())
        .max_decoding_message_size(MESSAGE_LIMIT)
        .max_encoding_message_size(MESSAGE_LIMIT);
    let page = Page {
        cluster: api.cluster.clone(),
        runs: api.runs.clone(),
    };
    let runs = api.runs.clone().map(runs::routes::routes);
    let about = SchedulerAbout {
        about: About::ours().clone(),
        scheduler_id: api.scheduler.scheduler_id.clone(),
    };
    let (origins, cors) = (Arc::clone(&api.origins), origin::cors(&api.origins));
    let hosts = api.hosts.clone();
    let ours = Router::new()
        .route(ABOUT_PATH, get(move || async move { Json(about) }))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        // The list of Ballista's own, which would lack what is counted when somebody asks.
        .with_state(api.clone());
    let routes = Routes::new(grpc)
        .into_axum_router()
        .fallback(unknown)
        .merge(ballista::routes(api.scheduler))
        .merge(ours)
        .merge(page::routes(page))
        .merge(runs.unwrap_or_default())
        .layer(from_fn_with_state(origins, origin::check))
        .layer(from_fn_with_state(hosts, host::check))
        .layer(from_fn_with_state(
            Guard::new(Port::Scheduler, security),
            Guard::check,
        ))
        .layer(from_fn(sign));
    match cors {
        // Outermost: a browser asks without the token whether it may ask with it.
        Some(cors) => routes.layer(cors),
        None => routes,
    }
}

/// It has its port, and runs can be kept.
async fn ready(State(api): State<Api>) -> Response {
    let keeps = api.runs.as_ref().is_none_or(Runs::is_readable);
    if api.monitor.readiness() == Readiness::Ready && keeps {
        "ready\n".into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready\n").into_response()
    }
}

async fn metrics(State(api): State<Api>) -> Response {
    let executors = api.cluster.executors().await;
    let slots = executors
        .iter()
        .map(|executor| executor.slots as usize)
        .sum();
    let runs = api.runs.as_ref().map(Runs::list).unwrap_or_default();
    api.metrics.set(executors.len(), slots, |state| {
        runs.iter().filter(|run| run.state == state).count()
    });
    match api.metrics.text() {
        Ok(text) => ([(header::CONTENT_TYPE, TEXT_FORMAT)], text).into_response(),
        Err(error) => {
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response()
        }
    }
}

async fn unknown(request: Request) -> Response {
    let grpc = request
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"));
    if grpc {
        return tonic::Status::unimplemented("there is no such call")
            .into_http::<axum::body::Body>();
    }
    Problem::new(StatusCode::NOT_FOUND, "there is no such path").into_response()
}

/// Says who answers, and that answers are what they say they are.
async fn sign(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(header::SERVER, HeaderValue::from_static(SERVER));
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    response
}
