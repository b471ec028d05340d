//! Answers to requests that a port does not take, in the caller's protocol.

use std::panic::AssertUnwindSafe;

use axum::Json;
use axum::body::Body;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::FutureExt;
use http::{HeaderMap, StatusCode, header};
use serde_json::json;
use tonic::Status;

/// Why a request to a path of gRPC calls is refused if it is none. A page in a browser can send other content types to any
/// port without asking first.
pub(super) const NO_CALL: &str =
    "this port takes calls of gRPC only: their content type is application/grpc";

/// The protocol in which an answer is understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Caller {
    Grpc,
    Http,
}

impl Caller {
    /// The protocol that the content type of a request names.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let kind = headers.get(header::CONTENT_TYPE);
        let rest = kind.and_then(|kind| kind.as_bytes().strip_prefix(b"application/grpc"));
        match rest {
            Some([] | [b'+' | b';' | b' ', ..]) => Self::Grpc,
            _ => Self::Http,
        }
    }
}

/// The answer with this status. A gRPC call gets the status of gRPC that means the same.
pub(super) fn refusal(caller: Caller, status: StatusCode, why: &str) -> Response {
    if caller == Caller::Grpc {
        let status = match status {
            StatusCode::UNAUTHORIZED => Status::unauthenticated(why),
            StatusCode::INTERNAL_SERVER_ERROR => Status::internal(why),
            _ => Status::permission_denied(why),
        };
        return status.into_http::<Body>();
    }
    let reason = status.canonical_reason().unwrap_or("error");
    let error = reason.to_lowercase().replace(' ', "_");
    (status, Json(json!({ "error": error, "detail": why }))).into_response()
}

/// Answers a request that made the code behind it panic. Ballista trusts its callers to fill in every field. A panic would
/// break the whole connection, and all other calls on it.
pub async fn answer_panics(request: Request, next: Next) -> Response {
    let caller = Caller::of(request.headers());
    let path = request.uri().path().to_owned();
    let answer = AssertUnwindSafe(next.run(request)).catch_unwind().await;
    answer.unwrap_or_else(|_| {
        tracing::error!(path, "a request made the code behind it panic");
        let why = "the request could not be handled; its fields may not fit together";
        refusal(caller, StatusCode::INTERNAL_SERVER_ERROR, why)
    })
}

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]
mod tests {
    use axum::Router;
    use axum::middleware::from_fn;
    use axum::routing::post;
    use tower_service::Service;

    use super::*;

    async fn broken() {
        panic!("a field that is not there");
    }

    fn request(kind: &str) -> Request {
        let request = Request::post("/").header(header::CONTENT_TYPE, kind);
        request.body(Body::empty()).unwrap()
    }

    #[test]
    fn a_call_of_grpc_is_known_by_its_whole_content_type() {
        for (kind, caller) in [
            ("application/grpc", Caller::Grpc),
            ("application/grpc+proto", Caller::Grpc),
            ("application/grpc; charset=utf-8", Caller::Grpc),
            ("application/grpc-web", Caller::Http),
            ("text/plain", Caller::Http),
            ("text/plain; application/grpc", Caller::Http),
        ] {
            assert_eq!(Caller::of(request(kind).headers()), caller, "{kind}");
        }
    }

    #[tokio::test]
    async fn a_panic_becomes_an_answer_in_the_callers_protocol() {
        let mut routes = Router::new()
            .route("/", post(broken))
            .layer(from_fn(answer_panics));
        let answer = routes.call(request("application/json")).await.unwrap();
        assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let answer = routes.call(request("application/grpc")).await.unwrap();
        // INTERNAL.
        assert_eq!(answer.headers()["grpc-status"], "13");
    }
}
