//! Everything that the port answers: gRPC, Ballista's REST interface, ours, and the pages.

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use ballista_core::serde::protobuf::scheduler_grpc_server::SchedulerGrpcServer;
use gugus_engine::{Guard, MESSAGE_LIMIT, Port, Security};
use gugus_http::{Hosts, Monitor, Origin};
use gugus_pages::configuration::Configuration;
use http::{HeaderValue, StatusCode, header};
use tonic::service::Routes;

use super::hosts;
use super::metrics::SchedulerMetrics;
use super::monitoring::{self, Monitoring};
use super::openapi;
use super::origins;
use crate::ballista;
use crate::ballista::view::{ClusterView, Scheduler};
use crate::pages::{self, Live, Shown};
use crate::problem::Problem;
use crate::runs::{self, Runs};
use crate::stores::Shelf;

/// The value of the header `Server`, in place of Ballista's.
const SERVER: &str = concat!("gugus/", env!("CARGO_PKG_VERSION"));

/// The parts that the port needs.
pub(crate) struct Api {
    pub(crate) scheduler: Arc<Scheduler>,
    pub(crate) cluster: ClusterView,
    pub(crate) metrics: Arc<SchedulerMetrics>,
    pub(crate) monitor: Monitor,
    pub(crate) runs: Option<Runs>,
    pub(crate) shelf: Option<Shelf>,
    pub(crate) address: String,
    pub(crate) hosts: Hosts,
    pub(crate) origins: Arc<[Origin]>,
    pub(crate) security: Security,
    pub(crate) configuration: Configuration,
    pub(crate) live: Live,
}

/// All routes, each behind the checks of names, sites, token and certificate.
pub(crate) fn all(api: Api) -> Router {
    let grpc = SchedulerGrpcServer::new(api.scheduler.as_ref().clone())
        .max_decoding_message_size(MESSAGE_LIMIT)
        .max_encoding_message_size(MESSAGE_LIMIT);
    let guard = Guard::new(Port::Scheduler, &api.security);
    let cors = origins::cors(&api.origins);
    let shown = Shown {
        cluster: api.cluster.clone(),
        shelf: api.shelf,
        address: api.address,
        runs: api.runs.clone(),
        configuration: api.configuration,
        live: api.live,
    };
    let monitoring = Monitoring {
        scheduler_id: api.scheduler.scheduler_id.clone(),
        cluster: api.cluster,
        metrics: api.metrics,
        monitor: api.monitor,
        runs: api.runs.clone(),
    };
    let described = monitoring::routes(monitoring)
        .merge(pages::routes(shown, Arc::clone(&guard)))
        .merge(api.runs.map(runs::routes).unwrap_or_default());
    let routes = Routes::new(grpc)
        .into_axum_router()
        .fallback(unknown)
        .merge(ballista::rest::routes(api.scheduler))
        .merge(openapi::served(described))
        .layer(from_fn_with_state(api.origins, origins::check))
        .layer(from_fn_with_state(api.hosts, hosts::check))
        .layer(from_fn(pages::refusals))
        .layer(from_fn_with_state(guard, Guard::check))
        .layer(from_fn(sign));
    match cors {
        // Outermost: a browser asks without the token whether it may ask with it.
        Some(cors) => routes.layer(cors),
        None => routes,
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

/// Adds the headers that name the server and forbid browsers to guess content types.
async fn sign(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(header::SERVER, HeaderValue::from_static(SERVER));
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    // Paths of folders stand in our addresses.
    headers.insert(
        header::REFERRER_POLICY,
        HeaderValue::from_static("same-origin"),
    );
    response
}
