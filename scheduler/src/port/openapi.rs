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
    let routes = routes.route(
        PATH,
        get(move || async move { (kind, text).into_response() }),
    );
    let paths = paths(&routes);
    debug_assert!(paths.iter().any(|path| path == PATH), "{routes:?}");
    for path in paths {
        let described = document.paths.get_path_item(&path).is_some();
        debug_assert!(described, "{path} is served and not described");
    }
    routes
}

/// The paths below `/gugus` that a router serves. It tells them by its debug text only.
fn paths(routes: &Router) -> Vec<String> {
    let text = format!("{routes:?}");
    let paths = text.split('"').filter(|path| path.starts_with("/gugus/"));
    paths.map(str::to_owned).collect()
}
