//! The OpenAPI document of everything below `/gugus/v1`.

use axum::Router;
use axum::response::IntoResponse;
use axum::routing::get;
use http::header;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use crate::problem::Refusal;

/// Where the document is.
const PATH: &str = "/gugus/v1/openapi.json";

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Gugus scheduler",
        description = "Runs of training, and what the scheduler's pages show. Answers that are no success hold an error, which \
                       stays the same, and a detail for people. Ballista's own interface is below /api."
    ),
    paths(document),
    components(schemas(Refusal))
)]
struct Document;

/// Gives this document.
#[utoipa::path(
    get, path = PATH, tag = "Document",
    responses((status = 200, description = "The OpenAPI document", body = Object))
)]
#[allow(dead_code, reason = "only its description is used")]
fn document() {}

/// The routes, and the document of those among them that are described.
pub(super) fn served(described: OpenApiRouter) -> Router {
    let all = OpenApiRouter::with_openapi(Document::openapi()).merge(described);
    let (routes, document) = all.split_for_parts();
    let text = document.to_pretty_json().unwrap_or_default();
    let kind = [(header::CONTENT_TYPE, "application/json")];
    routes.route(
        PATH,
        get(move || async move { (kind, text).into_response() }),
    )
}
