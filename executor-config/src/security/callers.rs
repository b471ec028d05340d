//! Keeps pages in browsers away from the port of an executor, as the scheduler does on its own port.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use gugus_http::{Asking, Hosts, is_welcome};
use http::StatusCode;

use super::refusal::{Caller, NO_CALL, refusal};

/// Refuses requests by a name that is not the executor's, requests that a page makes its browser send, and whatever is no
/// call of gRPC. No page has anything to ask here.
pub(crate) async fn check(State(hosts): State<Hosts>, request: Request, next: Next) -> Response {
    let caller = Caller::of(request.headers());
    if !hosts.answer_to(request.headers(), request.uri()) {
        let why = "this executor is not called so: call it by its address, or start it with --external-host";
        return refusal(caller, StatusCode::MISDIRECTED_REQUEST, why);
    }
    if !is_welcome(&request, &[], Asking::Anybody) {
        let why = "an executor takes no requests of pages in browsers";
        return refusal(caller, StatusCode::FORBIDDEN, why);
    }
    if caller != Caller::Grpc {
        return refusal(caller, StatusCode::UNSUPPORTED_MEDIA_TYPE, NO_CALL);
    }
    next.run(request).await
}
