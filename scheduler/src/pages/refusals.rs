//! Refusals as pages.

use axum::Extension;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use gugus_engine::{SignedIn, is_for_a_page};
use http::header;

use super::served::whole;
use crate::problem::Problem;

/// Answers browsers with pages where scripts get JSON, whether a page refused a request or the request was stopped before.
pub(crate) async fn refusals(
    signed_in: Option<Extension<SignedIn>>,
    request: Request,
    next: Next,
) -> Response {
    let for_a_page = is_for_a_page(&request);
    let response = next.run(request).await;
    let status = response.status();
    let refused = status.is_client_error() || status.is_server_error();
    if !refused || !for_a_page || is_html(&response) {
        return response;
    }
    let title = status.canonical_reason().unwrap_or("Error");
    let why = response.extensions().get::<Problem>().map(Problem::detail);
    let why = why.unwrap_or("this page takes no such request");
    let page = whole(gugus_pages::refused(title, why, signed_in.is_some()));
    (status, page).into_response()
}

fn is_html(response: &Response) -> bool {
    let kind = response.headers().get(header::CONTENT_TYPE);
    kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"))
}
