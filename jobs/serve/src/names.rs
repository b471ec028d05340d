//! Answers whose headers name the model that gave them.

use gugus_models::Extent;
use percent_encoding::{CONTROLS, utf8_percent_encode};
use warp::http::{HeaderValue, header::HeaderName};
use warp::reply::Response;

/// The headers that name the model of an answer.
const MODEL: HeaderName = HeaderName::from_static("gugus-model");
const BATCH: HeaderName = HeaderName::from_static("gugus-batch");
const WINDOW: HeaderName = HeaderName::from_static("gugus-window");
const UID: HeaderName = HeaderName::from_static("gugus-uid");

/// The headers of all answers of a model.
#[derive(Clone, Debug)]
pub(crate) struct Names(Vec<(HeaderName, HeaderValue)>);

impl Names {
    pub(crate) fn new(model: &str, extent: &Extent, uid: &str) -> Self {
        let extent = match extent {
            Extent::Batch(batch) => Some((BATCH, batch.to_string())),
            Extent::Window(key) => Some((WINDOW, key.as_str().to_owned())),
            Extent::All => None,
        };
        let texts = [(MODEL, model.to_owned()), (UID, uid.to_owned())];
        let texts = texts.into_iter().chain(extent);
        // A header holds no text beyond ASCII, so other characters are escaped as in a path.
        let values = texts.filter_map(|(name, text)| {
            let text = utf8_percent_encode(&text, CONTROLS).to_string();
            Some((name, HeaderValue::try_from(text).ok()?))
        });
        Self(values.collect())
    }

    /// Names the model in the headers of its answer.
    pub(crate) fn put(&self, response: &mut Response) {
        let headers = response.headers_mut();
        for (name, value) in &self.0 {
            headers.insert(name.clone(), value.clone());
        }
    }
}
