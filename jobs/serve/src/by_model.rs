//! Answers whose headers name the model that gave them.

use gugus_models::Extent;
use percent_encoding::{CONTROLS, utf8_percent_encode};
use serde::Serialize;
use warp::http::{HeaderValue, StatusCode, header::HeaderName};
use warp::reply::Response;

use crate::loaded::Loaded;
use crate::reply;

/// The headers that name the model of an answer.
const MODEL: HeaderName = HeaderName::from_static("gugus-model");
const BATCH: HeaderName = HeaderName::from_static("gugus-batch");
const WINDOW: HeaderName = HeaderName::from_static("gugus-window");
const UID: HeaderName = HeaderName::from_static("gugus-uid");

/// `value` as JSON, with headers that name the model that it came from.
pub(crate) fn by_model(value: &impl Serialize, model: &Loaded) -> Response {
    let mut response = reply::json(StatusCode::OK, value);
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
