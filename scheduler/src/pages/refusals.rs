//! Refusals as pages.

use axum::Extension;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use gugus_engine::SignedIn;
use http::{HeaderMap, HeaderName, header};

use super::served::whole;
use crate::problem::Problem;

/// Paths for scripts, which get JSON whatever they accept.
const FOR_SCRIPTS: [&str; 2] = ["/gugus/", "/api/"];

/// Answers browsers with pages where scripts get JSON, whether a page refused a request or the request was stopped before.
pub(crate) async fn refusals(
    signed_in: Option<Extension<SignedIn>>,
    request: Request,
    next: Next,
) -> Response {
    let path = request.uri().path();
    let for_a_page = is_html(request.headers(), &header::ACCEPT)
        && !FOR_SCRIPTS.iter().any(|start| path.starts_with(start));
    let response = next.run(request).await;
    let status = response.status();
    let refused = status.is_client_error() || status.is_server_error();
    if !refused || !for_a_page || is_html(response.headers(), &header::CONTENT_TYPE) {
        return response;
    }
    let title = status.canonical_reason().unwrap_or("Error");
    let why = response.extensions().get::<Problem>().map(Problem::detail);
    let why = why.unwrap_or("this page takes no such request");
    let page = whole(gugus_pages::refused(title, why, signed_in.is_some()));
    (status, page).into_response()
}

fn is_html(headers: &HeaderMap, name: &HeaderName) -> bool {
    let value = headers.get(name);
    value.is_some_and(|kinds| kinds.as_bytes().starts_with(b"text/html"))
}
