//! The OpenAPI document, and Swagger UI that shows it, with all its files in the binary.

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use utoipa::OpenApi;
use utoipa_swagger_ui::Config;
use warp::http::{HeaderValue, StatusCode, header::CONTENT_SECURITY_POLICY};
use warp::reply::{Reply, Response};

use super::{health, models, predict};
use crate::problem::{Code, Problem};
use crate::{reply, routes};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Gugus",
        description = "Clusters of records, by k-means models that were trained on batches of a stream. Answers that are no \
                       success hold an error, which stays the same, and a detail for people. Of an array of records either all are \
                       answered or none."
    ),
    paths(
        predict::cluster, predict::batch, predict::window, predict::whole, models::list, models::model, models::batch,
        models::window, health::health, health::live, health::is_ready, openapi
    ),
    tags(
        (name = "predictions", description = "The cluster of a record"),
        (name = "models", description = "What there is to ask"),
        (name = "health", description = "Whether the service can answer"),
        (name = "document", description = "This document"),
    )
)]
struct Document;

/// The OpenAPI document as JSON. It does not change while the program runs.
static OPENAPI: LazyLock<Result<Bytes, serde_json::Error>> =
    LazyLock::new(|| Document::openapi().to_pretty_json().map(Bytes::from));

/// The page. Its files are named from the root, so that it works at `/docs` and `/docs/`; Swagger UI's own page would
/// not at the first, where people go.
const PAGE: &str = include_str!("docs/page.html");

/// Starts Swagger UI. The validator is off: it would send the document's address to a service of Swagger's.
const START: &str = include_str!("docs/start.js");

/// What the browser may load: nothing from elsewhere. Swagger UI sets styles on elements and has its icons in its CSS.
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
    get, path = routes::OPENAPI.path, operation_id = "openapi", tag = "document",
    responses((status = 200, description = "The OpenAPI document", body = Object))
)]
pub(crate) async fn openapi(_: Vec<String>) -> Response {
    match &*OPENAPI {
        Ok(text) => reply::bytes(StatusCode::OK, "application/json", text.clone()),
        Err(error) => {
            tracing::error!(%error, "the OpenAPI document could not be written as JSON");
            Problem::new(Code::ModelsUnavailable, "the document cannot be written").into_response()
        }
    }
}

/// The page of Swagger UI.
pub(crate) async fn page(_: Vec<String>) -> Response {
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

/// A file of that page.
pub(crate) async fn file(path: Vec<String>) -> Response {
    let wanted = path.first().map_or("", String::as_str);
    if wanted == "start.js" {
        return reply::bytes(
            StatusCode::OK,
            "text/javascript; charset=utf-8",
            Bytes::from_static(START.as_bytes()),
        );
    }
    match FILES
        .into_iter()
        .find(|(name, _)| *name == wanted)
        .and_then(|(name, kind)| Some((kind, swagger_ui(name)?)))
    {
        Some((kind, content)) => reply::bytes(StatusCode::OK, kind, content),
        None => Problem::new(
            Code::UnknownPath,
            "there is no such file; /docs is the page",
        )
        .into_response(),
    }
}

fn swagger_ui(name: &str) -> Option<Bytes> {
    static CONFIG: LazyLock<Arc<Config<'static>>> =
        LazyLock::new(|| Arc::new(Config::from(routes::OPENAPI.path)));
    let file = utoipa_swagger_ui::serve(name, Arc::clone(&CONFIG)).ok()??;
    Some(match file.bytes {
        Cow::Borrowed(bytes) => Bytes::from_static(bytes),
        Cow::Owned(bytes) => bytes.into(),
    })
}

/// The OpenAPI document of the service, in JSON; none when it could not be written, which would be a bug.
///
/// ```
/// let document: serde_json::Value = serde_json::from_str(&gugus_serve::openapi().unwrap_or_default())?;
/// assert!(document["paths"]["/predict_cluster/"]["post"].is_object());
/// # Ok::<(), serde_json::Error>(())
/// ```
#[must_use]
pub fn document() -> Option<String> {
    OPENAPI
        .as_ref()
        .ok()
        .map(|text| String::from_utf8_lossy(text).into_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use std::collections::BTreeSet;

    use super::*;
    use crate::routes::tests::DESCRIBED;

    fn parsed() -> Value {
        serde_json::from_str(&document().unwrap()).unwrap()
    }

    #[test]
    fn every_route_is_described_and_nothing_else() {
        let document = parsed();
        assert_eq!(document["openapi"], "3.1.0");
        let described: BTreeSet<(String, String)> = document["paths"]
            .as_object()
            .unwrap()
            .iter()
            .flat_map(|(path, methods)| {
                methods
                    .as_object()
                    .unwrap()
                    .keys()
                    .map(|m| (path.clone(), m.clone()))
            })
            .collect();
        let routes = DESCRIBED
            .iter()
            .map(|(route, method)| (route.path.to_owned(), (*method).to_owned()))
            .collect();
        assert_eq!(described, routes);
    }

    #[test]
    fn every_schema_that_is_named_is_there() {
        fn references(value: &Value, found: &mut BTreeSet<String>) {
            match value {
                Value::Object(map) => {
                    if let Some(Value::String(reference)) = map.get("$ref") {
                        found.insert(reference.clone());
                    }
                    map.values().for_each(|v| references(v, found));
                }
                Value::Array(list) => list.iter().for_each(|v| references(v, found)),
                _ => {}
            }
        }
        let document = parsed();
        let mut found = BTreeSet::new();
        references(&document, &mut found);
        let named: BTreeSet<_> = document["components"]["schemas"]
            .as_object()
            .unwrap()
            .keys()
            .map(|name| format!("#/components/schemas/{name}"))
            .collect();
        assert_eq!(found, named);
        for name in [
            "Cluster",
            "Error",
            "Models",
            "Point",
            "Prediction",
            "Records",
            "TrainedModel",
        ] {
            assert!(
                named.contains(&format!("#/components/schemas/{name}")),
                "{name}"
            );
        }
    }

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
            let name = name.strip_prefix("/docs/").unwrap();
            assert!(
                name == "start.js" || swagger_ui(name).is_some_and(|file| !file.is_empty()),
                "{name}"
            );
        }
        assert!(!PAGE.contains("//") && !START.contains("//"));
    }
}
