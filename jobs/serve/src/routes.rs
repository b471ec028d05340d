//! All routes: one line for each file of [`crate::api`].

use std::convert::Infallible;
use std::sync::Arc;

use utoipa::OpenApi;
use warp::Filter;
use warp::reject::Rejection;
use warp::reply::{Reply, Response};

use crate::api::{docs, health, metrics, models, pages, predict};
use crate::guards::described::describe;
use crate::guards::settings::Guards;
use crate::problem::{Code, Problem, method_not_allowed};
use crate::route::{Answer, WrongMethod};
use crate::state::State;
use crate::v2::rest as v2;

/// Routes that belong together, and their part of the OpenAPI document.
struct Group {
    answers: fn(&Arc<State>) -> Vec<Answer>,
    /// None for pages that only people read.
    document: Option<fn() -> utoipa::openapi::OpenApi>,
}

/// The paths that are asked most come first: warp tries one after the other.
const GROUPS: [Group; 7] = [
    Group {
        answers: predict::answers,
        document: Some(predict::Document::openapi),
    },
    Group {
        answers: health::answers,
        document: Some(health::Document::openapi),
    },
    Group {
        answers: v2::answers,
        document: Some(v2::Document::openapi),
    },
    Group {
        answers: models::answers,
        document: Some(models::Document::openapi),
    },
    Group {
        answers: metrics::answers,
        document: Some(metrics::Document::openapi),
    },
    Group {
        answers: docs::answers,
        document: Some(docs::Document::openapi),
    },
    Group {
        answers: pages::answers,
        document: None,
    },
];

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Gugus",
        description = "Clusters of records, by k-means models that were trained on batches of a stream. Answers that are no \
                       success hold an error, which stays the same, and a detail for people. Of an array of records either all are \
                       answered or none."
    ),
    tags(
        (name = "predictions", description = "The cluster of a record"),
        (name = "models", description = "What there is to ask"),
        (name = "health", description = "Whether the service can answer"),
        (name = "document", description = "This document"),
    )
)]
struct Document;

/// The OpenAPI document of a service without token and root path, in JSON; none when it could not be written, which would be a bug.
///
/// ```
/// let document: serde_json::Value = serde_json::from_str(&gugus_serve::openapi().unwrap_or_default())?;
/// assert!(document["paths"]["/predict_cluster/"]["post"].is_object());
/// # Ok::<(), serde_json::Error>(())
/// ```
#[must_use]
pub fn document() -> Option<String> {
    document_of(&Guards::default())
}

/// The OpenAPI document of a service with these guards.
pub(crate) fn document_of(guards: &Guards) -> Option<String> {
    let mut document = Document::openapi();
    for part in GROUPS.iter().filter_map(|group| group.document) {
        document.merge(part());
    }
    describe(&mut document, guards);
    document.to_pretty_json().ok()
}

/// The whole service.
pub(crate) fn all(
    state: Arc<State>,
) -> impl Filter<Extract = (Response,), Error = Infallible> + Clone {
    let answers = GROUPS.into_iter().flat_map(|group| (group.answers)(&state));
    let nothing = warp::any()
        .and_then(async || Err::<Response, _>(warp::reject::not_found()))
        .boxed();
    // From the last to the first, so that the first is tried first.
    let answers: Vec<Answer> = answers.collect();
    answers
        .into_iter()
        .rev()
        .fold(nothing, |rest, answer| answer.or(rest).unify().boxed())
        .recover(refuse)
        .unify()
}

/// Answers requests that no route took.
async fn refuse(rejection: Rejection) -> Result<Response, Infallible> {
    Ok(if let Some(WrongMethod(allowed)) = rejection.find() {
        method_not_allowed(allowed)
    } else if rejection.is_not_found() {
        Problem::new(
            Code::UnknownPath,
            "there is no such path; /docs shows those there are",
        )
        .into_response()
    } else {
        tracing::debug!(?rejection, "a request was refused");
        Problem::new(Code::WrongHeader, "a header of the request cannot be read").into_response()
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;

    /// Every route that the OpenAPI document has to describe: all but pages.
    const DESCRIBED: [(&str, &str); 25] = [
        ("post", "/predict_cluster/"),
        ("post", "/models/{model}/batches/{batch}/predict"),
        ("post", "/models/{model}/windows/{window}/predict"),
        ("post", "/models/{model}/predict"),
        ("get", "/models"),
        ("get", "/models/{model}"),
        ("get", "/models/{model}/batches/{batch}"),
        ("get", "/models/{model}/windows/{window}"),
        ("get", "/health"),
        ("get", "/health/live"),
        ("get", "/health/ready"),
        ("get", "/metrics"),
        ("get", "/openapi.json"),
        ("get", "/v2"),
        ("get", "/v2/health/live"),
        ("get", "/v2/health/ready"),
        ("get", "/v2/models/{model}"),
        ("get", "/v2/models/{model}/ready"),
        ("post", "/v2/models/{model}/infer"),
        ("get", "/v2/models/{model}/versions/{version}"),
        ("get", "/v2/models/{model}/versions/{version}/ready"),
        ("post", "/v2/models/{model}/versions/{version}/infer"),
        ("post", "/v2/repository/index"),
        ("post", "/v2/repository/models/{model}/load"),
        ("post", "/v2/repository/models/{model}/unload"),
    ];

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
            .map(|(method, path)| ((*path).to_owned(), (*method).to_owned()))
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
}
