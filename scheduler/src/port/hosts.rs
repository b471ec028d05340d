//! The names by which the port may be called on loopback.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use gugus_http::{Hosts, Origin};
use http::StatusCode;

use crate::endpoint::Endpoint;
use crate::problem::Problem;

/// The names of a port that is reached at `endpoint` and read by pages of `origins`.
pub(crate) fn of(endpoint: &Endpoint, origins: &[Origin]) -> Hosts {
    let token = endpoint.security.token.as_ref();
    let name = endpoint.external_host.clone();
    Hosts::of(endpoint.address.ip(), token, name, origins)
}

/// Refuses requests by any other name.
pub(crate) async fn check(State(hosts): State<Hosts>, request: Request, next: Next) -> Response {
    if !hosts.answer_to(request.headers(), request.uri()) {
        let why = "this port is not called so: call it by its address or by localhost, or start the scheduler with --external-host";
        return Problem::new(StatusCode::MISDIRECTED_REQUEST, why).into_response();
    }
    next.run(request).await
}
