//! The frame around every page.

use axum::Extension;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};
use gugus_engine::SignedIn;
use http::{HeaderValue, StatusCode, header};
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::served::whole;
use crate::problem::Problem;

/// Seconds after which a browser loads the page again.
const REFRESH: &str = "5";

/// Permits nothing but this page and its style, so that no text of a job file or an error can become a script.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'";

const STYLE: &str = include_str!("style.css");

/// A whole page with this body.
pub(super) fn document(title: &str, body: &Markup) -> Response {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta http-equiv="refresh" content=(REFRESH);
                title { (title) }
                // An empty icon, because browsers ask for one.
                link rel="icon" href="data:,";
                style { (PreEscaped(STYLE)) }
            }
            body { (body) }
        }
    };
    let mut response = Html(page.into_string()).into_response();
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(POLICY),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The page for a request that cannot be answered, with the reason.
pub(super) fn refusal(status: StatusCode, why: &str, signed_in: bool) -> Response {
    let title = status.canonical_reason().unwrap_or("Error");
    (status, whole(gugus_pages::refused(title, why, signed_in))).into_response()
}

/// Answers browsers with pages where scripts get JSON: for requests that no page took, or that were stopped before it.
pub(crate) async fn refusals(
    signed_in: Option<Extension<SignedIn>>,
    request: Request,
    next: Next,
) -> Response {
    let by_script = ["/gugus/", "/api/"];
    let path = request.uri().path();
    let accepted = request.headers().get(header::ACCEPT);
    let as_page = accepted.is_some_and(|kinds| kinds.as_bytes().starts_with(b"text/html"))
        && !by_script.iter().any(|start| path.starts_with(start));
    let response = next.run(request).await;
    let status = response.status();
    let is_page = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    if !as_page || is_page || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let why = response.extensions().get::<Problem>().map(Problem::detail);
    let why = why.unwrap_or("this page takes no such request");
    refusal(status, why, signed_in.is_some())
}
