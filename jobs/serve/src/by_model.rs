//! Answers whose headers name the model that gave them.

use gugus_models::Extent;
use percent_encoding::{CONTROLS, utf8_percent_encode};
use warp::http::{HeaderValue, header::HeaderName};
use warp::reply::Response;

use crate::loaded::Loaded;

/// The headers that name the model of an answer.
const MODEL: HeaderName = HeaderName::from_static("gugus-model");
const BATCH: HeaderName = HeaderName::from_static("gugus-batch");
const WINDOW: HeaderName = HeaderName::from_static("gugus-window");
const UID: HeaderName = HeaderName::from_static("gugus-uid");

/// Names the model in the headers of its answer.
pub(crate) fn by_model(mut response: Response, model: &Loaded) -> Response {
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
