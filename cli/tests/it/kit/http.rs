//! Requests of scripts and browsers.

use serde_json::Value;
use ureq::http::Response;
use ureq::{Body, RequestBuilder};

/// The JSON that is answered with status 2xx.
#[track_caller]
pub(crate) fn get(url: impl AsRef<str>) -> Value {
    let mut answer = ureq::get(url.as_ref()).call().unwrap();
    answer.body_mut().read_json().unwrap()
}

/// The JSON that is answered to JSON with status 2xx.
#[track_caller]
pub(crate) fn post(url: impl AsRef<str>, body: Value) -> Value {
    let mut answer = ureq::post(url.as_ref()).send_json(body).unwrap();
    answer.body_mut().read_json().unwrap()
}

/// Whatever is answered to a request without a body.
#[track_caller]
pub(crate) fn ask(url: &str, headers: &[(&str, &str)]) -> Response<Body> {
    let request = ureq::get(url).config().http_status_as_error(false).build();
    with(request, headers).call().unwrap()
}

/// Whatever is answered to a request with a body.
#[track_caller]
pub(crate) fn send(url: &str, headers: &[(&str, &str)], body: &str) -> Response<Body> {
    let request = ureq::post(url).config().http_status_as_error(false).build();
    with(request, headers).send(body).unwrap()
}

/// Whatever is answered to a request without a body, also if it leads elsewhere.
#[track_caller]
pub(crate) fn ask_and_stay(url: &str, headers: &[(&str, &str)]) -> Response<Body> {
    let request = ureq::get(url).config().http_status_as_error(false);
    let request = request.max_redirects(0).build();
    with(request, headers).call().unwrap()
}

/// Whatever is answered to a request with a body, also if it leads elsewhere.
#[track_caller]
pub(crate) fn send_and_stay(url: &str, headers: &[(&str, &str)], body: &str) -> Response<Body> {
    let request = ureq::post(url).config().http_status_as_error(false);
    let request = request.max_redirects(0).build();
    with(request, headers).send(body).unwrap()
}

/// The body of an answer.
pub(crate) fn text(mut answer: Response<Body>) -> String {
    answer.body_mut().read_to_string().unwrap()
}

/// The status of the answer to a request without a body.
#[track_caller]
pub(crate) fn status(url: &str) -> u16 {
    ask(url, &[]).status().as_u16()
}

fn with<B>(mut request: RequestBuilder<B>, headers: &[(&str, &str)]) -> RequestBuilder<B> {
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request
}
