//! The sites whose pages may talk to the scheduler.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use gugus_engine::SignedIn;
use gugus_http::{Asking, Origin, is_welcome};
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

/// Refuses what a page of another site asks for.
pub(crate) async fn check(
    State(origins): State<Arc<[Origin]>>,
    request: Request,
    next: Next,
) -> Response {
    let asking = match request.extensions().get::<SignedIn>() {
        Some(_) => Asking::Browser,
        None => Asking::Anybody,
    };
    if !is_welcome(&request, &origins, asking) {
        let why = "pages of this site may not ask here; name it with --cors-allowed-origins";
        return Problem::new(StatusCode::FORBIDDEN, why).into_response();
    }
    next.run(request).await
}
