//! Ballista's own REST interface, without possible secrets.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use ballista_scheduler::api;
use http::{StatusCode, header};

use super::secrets::without_secrets;
use super::view::Scheduler;
use crate::problem::Problem;

/// The route by which Ballista would send browsers to a page on the internet. It cannot be left out, so it is answered
/// before Ballista sees it.
pub(crate) const INTERNET: &str = "/api/internet-page";

/// An origin that no page has. If Ballista's list were empty, a page on the internet could read the answers.
pub(crate) const NO_ORIGIN: &str = "http://none.invalid";

/// The most bytes of the settings of one job: some hundreds of lines.
const SETTINGS_LIMIT: usize = 1024 * 1024;

/// `/api/…`.
pub(crate) fn routes(scheduler: Arc<Scheduler>) -> Router {
    api::get_routes(scheduler).layer(from_fn(tidy))
}

async fn tidy(request: Request, next: Next) -> Response {
    let path = request.uri().path();
    if path == INTERNET {
        return Problem::new(StatusCode::NOT_FOUND, "there is no such path").into_response();
    }
    let settings = path.starts_with("/api/job/") && path.ends_with("/config");
    let answer = next.run(request).await;
    if settings && answer.status() == StatusCode::OK {
        hide(answer).await
    } else {
        answer
    }
}

/// Session settings without values that may be credentials. Ours have none, but a foreign client may send some.
async fn hide(answer: Response) -> Response {
    let (mut head, body) = answer.into_parts();
    let settings = to_bytes(body, SETTINGS_LIMIT)
        .await
        .ok()
        .and_then(|bytes| serde_json::from_slice::<BTreeMap<String, String>>(&bytes).ok())
        .map(without_secrets)
        .and_then(|settings| serde_json::to_vec(&settings).ok());
    match settings {
        Some(settings) => {
            head.headers.remove(header::CONTENT_LENGTH);
            Response::from_parts(head, Body::from(settings))
        }
        None => {
            let why = "the settings of this job cannot be shown";
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, why).into_response()
        }
    }
}
