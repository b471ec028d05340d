//! The route of the OpenAPI document, and Swagger UI that shows it, with all its files in the binary.

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use utoipa::OpenApi;
use utoipa_swagger_ui::Config;
use warp::http::{HeaderValue, StatusCode, header::CONTENT_SECURITY_POLICY, header::LOCATION};
use warp::reply::Response;

use crate::problem::{Code, Problem};
use crate::reply;
use crate::route::{Answer, Captures, Route};
use crate::state::State;

static OPENAPI: Route = Route::get("/openapi.json");
static DOCS: Route = Route::get("/docs");
static DOCS_SLASH: Route = Route::get_exact("/docs/");
static DOCS_FILE: Route = Route::get("/docs/{file}");

#[derive(OpenApi)]
#[openapi(paths(openapi))]
pub(crate) struct Document;

pub(crate) fn answers(state: &Arc<State>) -> Vec<Answer> {
    vec![
        OPENAPI.page(state, |_, state| Ok(openapi(state))),
        DOCS_SLASH.page(state, |_, _| Ok(to_the_page())),
        DOCS.page(state, |_, _| Ok(page())),
        DOCS_FILE.page(state, |path, _| file(path)),
    ]
}

/// The page. Its files are named from where the page is, so that it also works behind a proxy that shows the service below
/// another path.
const PAGE: &str = include_str!("docs/page.html");

/// Starts Swagger UI. The validator is off: it would send the document's address to a service of Swagger's.
const START: &str = include_str!("docs/start.js");

/// The browser may load nothing from elsewhere. Swagger UI sets styles on elements and has its icons in its CSS.
const POLICY: &str = "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'";

/// The files of Swagger UI that the page needs, with their types.
const FILES: [(&str, &str); 4] = [
    ("swagger-ui.css", "text/css; charset=utf-8"),
    ("swagger-ui-bundle.js", "text/javascript; charset=utf-8"),
    (
        "swagger-ui-standalone-preset.js",
        "text/javascript; charset=utf-8",
    ),
    ("favicon-32x32.png", "image/png"),
];

/// Gives this document.
#[utoipa::path(
    get, path = OPENAPI.path, operation_id = "openapi", tag = "document",
    responses((status = 200, description = "The OpenAPI document", body = Object))
)]
fn openapi(state: &State) -> Response {
    let text = state.document.clone();
    reply::bytes(StatusCode::OK, "application/json", text)
}

/// The page of Swagger UI.
fn page() -> Response {
    let mut response = reply::bytes(
        StatusCode::OK,
        "text/html; charset=utf-8",
        Bytes::from_static(PAGE.as_bytes()),
    );
    response
        .headers_mut()
        .insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    response
}

/// At `/docs/` the names of files in the page would mean others.
fn to_the_page() -> Response {
    let mut response = reply::bytes(StatusCode::PERMANENT_REDIRECT, "text/plain", Bytes::new());
    response
        .headers_mut()
        .insert(LOCATION, HeaderValue::from_static("../docs"));
    response
}

/// A file of that page.
fn file(path: Captures) -> Result<Response, Problem> {
    let wanted = path.first().map_or("", String::as_str);
    let found = if wanted == "start.js" {
        let script = Bytes::from_static(START.as_bytes());
        Some(("text/javascript; charset=utf-8", script))
    } else {
        let file = FILES.into_iter().find(|(name, _)| *name == wanted);
        file.and_then(|(name, kind)| Some((kind, swagger_ui(name)?)))
    };
    let (kind, content) = found.ok_or_else(|| {
        Problem::new(
            Code::UnknownPath,
            "there is no such file; /docs is the page",
        )
    })?;
    Ok(reply::bytes(StatusCode::OK, kind, content))
}

fn swagger_ui(name: &str) -> Option<Bytes> {
    static CONFIG: LazyLock<Arc<Config<'static>>> =
        LazyLock::new(|| Arc::new(Config::from(OPENAPI.path)));
    let file = utoipa_swagger_ui::serve(name, Arc::clone(&CONFIG)).ok()??;
    Some(match file.bytes {
        Cow::Borrowed(bytes) => Bytes::from_static(bytes),
        Cow::Owned(bytes) => bytes.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_names_only_files_that_are_there() {
        let named: Vec<&str> = PAGE
            .split(['"', '\''])
            .filter(|part| {
                part.ends_with(".js") || part.ends_with(".css") || part.ends_with(".png")
            })
            .collect();
        assert_eq!(named.len(), FILES.len() + 1);
        for name in named {
            let name = name.strip_prefix("docs/").unwrap();
            assert!(
                name == "start.js" || swagger_ui(name).is_some_and(|file| !file.is_empty()),
                "{name}"
            );
        }
        assert!(!PAGE.contains("//") && !START.contains("//"));
    }
}
