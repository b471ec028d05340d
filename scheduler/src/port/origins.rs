//! The sites whose pages may talk to the scheduler.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use gugus_engine::SignedIn;
use gugus_http::{Asking, Origin, may_change};
use http::uri::Authority;
use http::{Method, StatusCode, header};
use tower_http::cors::CorsLayer;

use crate::problem::Problem;

/// The layer that lets these sites read answers; `None` if there are no sites.
pub(crate) fn cors(origins: &[Origin]) -> Option<CorsLayer> {
    Some(
        gugus_http::cors(origins)?
            .allow_methods([Method::GET, Method::POST, Method::PATCH])
            .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE]),
    )
}

/// Refuses changes that a page of another site asks for. Such a page cannot read the answer, but the run would be cancelled
/// all the same, and a browser that knows the token adds it by itself.
pub(crate) async fn check(
    State(origins): State<Arc<[Origin]>>,
    request: Request,
    next: Next,
) -> Response {
    let harmless = matches!(
        *request.method(),
        Method::GET | Method::HEAD | Method::OPTIONS
    );
    let asking = match request.extensions().get::<SignedIn>() {
        Some(_) => Asking::Browser,
        None => Asking::Anybody,
    };
    let authority = request.uri().authority().map(Authority::as_str);
    if !harmless && !may_change(request.headers(), authority, &origins, asking) {
        let why =
            "pages of this site may not ask for changes here; name it with --cors-allowed-origins";
        return Problem::new(StatusCode::FORBIDDEN, why).into_response();
    }
    next.run(request).await
}
