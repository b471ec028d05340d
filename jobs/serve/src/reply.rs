//! Answers in JSON.

use bytes::Bytes;
use gugus_models::Extent;
use percent_encoding::{CONTROLS, utf8_percent_encode};
use serde::Serialize;
use warp::http::header::{CONTENT_TYPE, HeaderName};
use warp::http::{HeaderValue, Response as HttpResponse, StatusCode};
use warp::reply::{Reply, Response};

use crate::loaded::Loaded;

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

/// The headers that name the model of an answer.
pub(crate) const MODEL: HeaderName = HeaderName::from_static("gugus-model");
pub(crate) const BATCH: HeaderName = HeaderName::from_static("gugus-batch");
pub(crate) const WINDOW: HeaderName = HeaderName::from_static("gugus-window");
pub(crate) const UID: HeaderName = HeaderName::from_static("gugus-uid");

/// `value` as JSON, with headers that name the model that it came from.
pub(crate) fn by_model(value: &impl Serialize, model: &Loaded) -> Response {
    let mut response = json(StatusCode::OK, value);
    let mut set = |name: HeaderName, text: &str| {
        // A header holds no text beyond ASCII, so other characters are escaped as in a path.
        let text = utf8_percent_encode(text, CONTROLS).to_string();
        if let Ok(value) = HeaderValue::try_from(text) {
            response.headers_mut().insert(name, value);
        }
    };
    set(MODEL, &model.model);
    set(UID, &model.saved.uid);
    match &model.extent {
        Extent::Batch(batch) => set(BATCH, &batch.to_string()),
        Extent::Window(key) => set(WINDOW, key.as_str()),
        Extent::All => {}
    }
    response
}

/// Bytes of a content type that is known when compiling.
pub(crate) fn bytes(status: StatusCode, content_type: &'static str, content: Bytes) -> Response {
    let mut response = HttpResponse::new(content).into_response();
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
