//! Answers in JSON.

use bytes::Bytes;
use serde::Serialize;
use warp::http::{HeaderValue, Response as HttpResponse, StatusCode, header::CONTENT_TYPE};
use warp::reply::{Reply, Response};

/// `value` as JSON.
pub(crate) fn json(status: StatusCode, value: &impl Serialize) -> Response {
    match serde_json::to_vec(value) {
        Ok(text) => bytes(status, "application/json", text.into()),
        Err(error) => {
            // None of our types can fail to be written: no map has other keys than text.
            tracing::error!(%error, "an answer could not be written as JSON");
            bytes(
                StatusCode::INTERNAL_SERVER_ERROR,
                "application/json",
                Bytes::from_static(b"{}"),
            )
        }
    }
}

/// As many headers as an answer has: made at once, they need not be moved.
const HEADERS: usize = 12;

/// Bytes of a content type that is known when compiling.
pub(crate) fn bytes(status: StatusCode, content_type: &'static str, content: Bytes) -> Response {
    let mut response = HttpResponse::new(content).into_response();
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.reserve(HEADERS);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
