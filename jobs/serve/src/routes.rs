//! Paths and methods: which request goes where.
//!
//! Invariant: once path and method fit, a handler answers; a filter refuses only because of path, method or headers. So
//! the refusals that warp collects from all filters never hide each other.

use std::convert::Infallible;
use std::future::ready;
use std::sync::Arc;

use percent_encoding::percent_decode_str;
use warp::Filter;
use warp::http::Method;
use warp::path::FullPath;
use warp::reject::{Reject, Rejection};
use warp::reply::{Reply, Response};

use crate::api::{self, State};
use crate::body;
use crate::problem::{Code, Problem, method_not_allowed};

/// A path and the methods it takes.
#[derive(Debug)]
pub(crate) struct Route {
    /// As in the OpenAPI document: a segment in braces stands for any text. One slash at the end may be there or not.
    pub(crate) path: &'static str,
    methods: Methods,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Methods {
    /// GET, and HEAD with it.
    Get,
    Post,
}

impl Methods {
    fn allow(self, method: &Method) -> bool {
        match self {
            Self::Get => method == Method::GET || method == Method::HEAD,
            Self::Post => method == Method::POST,
        }
    }

    /// The value of the header `Allow`.
    fn header(self) -> &'static str {
        match self {
            Self::Get => "GET, HEAD",
            Self::Post => "POST",
        }
    }
}

const fn get(path: &'static str) -> Route {
    Route {
        path,
        methods: Methods::Get,
    }
}

const fn post(path: &'static str) -> Route {
    Route {
        path,
        methods: Methods::Post,
    }
}

pub(crate) static PREDICT_CLUSTER: Route = post("/predict_cluster/");
pub(crate) static PREDICT_BATCH: Route = post("/models/{model}/batches/{batch}/predict");
pub(crate) static PREDICT_WINDOW: Route = post("/models/{model}/windows/{window}/predict");
pub(crate) static PREDICT_WHOLE: Route = post("/models/{model}/predict");
pub(crate) static MODELS: Route = get("/models");
pub(crate) static MODEL: Route = get("/models/{model}");
pub(crate) static BATCH: Route = get("/models/{model}/batches/{batch}");
pub(crate) static WINDOW: Route = get("/models/{model}/windows/{window}");
pub(crate) static HEALTH: Route = get("/health");
pub(crate) static LIVE: Route = get("/health/live");
pub(crate) static READY: Route = get("/health/ready");
pub(crate) static OPENAPI: Route = get("/openapi.json");
pub(crate) static DOCS: Route = get("/docs");
pub(crate) static DOCS_FILE: Route = get("/docs/{file}");

/// The texts that stand for the segments in braces.
type Captures = Vec<String>;

/// The path is another's.
#[derive(Debug)]
struct WrongMethod(&'static str);

impl Reject for WrongMethod {}

/// Requests of this path and method, with what its braces stand for.
fn at(route: &'static Route) -> impl Filter<Extract = (Captures,), Error = Rejection> + Clone {
    warp::path::full()
        .and(warp::method())
        .and_then(move |path: FullPath, method: Method| {
            ready(match captures(route.path, path.as_str()) {
                None => Err(warp::reject::not_found()),
                Some(_) if !route.methods.allow(&method) => {
                    Err(warp::reject::custom(WrongMethod(route.methods.header())))
                }
                Some(captures) => Ok(captures),
            })
        })
}

/// What the braces of `pattern` stand for in `path`; none when the path is another.
fn captures(pattern: &str, path: &str) -> Option<Captures> {
    let mut wanted = trimmed(pattern).split('/');
    let mut given = trimmed(path).split('/');
    // Not every path allocates: most are looked at by a few patterns that they do not fit.
    let mut captures = Captures::new();
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return Some(captures),
            (Some(wanted), Some(given)) if wanted.starts_with('{') => {
                let text = percent_decode_str(given).decode_utf8().ok()?;
                captures.push(Some(text).filter(|text| !text.is_empty())?.into_owned());
            }
            (Some(wanted), Some(given)) if wanted == given => {}
            _ => return None,
        }
    }
}

fn trimmed(path: &str) -> &str {
    path.strip_suffix('/').unwrap_or(path)
}

/// The whole service. The paths that are asked most come first: warp tries one after the other.
pub(crate) fn all(
    state: Arc<State>,
) -> impl Filter<Extract = (impl warp::Reply,), Error = Infallible> + Clone {
    let body = body::read(state.body_limit);
    let state = warp::any().map(move || Arc::clone(&state));
    let state = || state.clone();
    // Boxed group by group, since one type of thirty layers is long work for the compiler.
    let predictions = at(&PREDICT_CLUSTER)
        .and(state())
        .and(body.clone())
        .then(api::predict::cluster)
        .or(at(&PREDICT_BATCH)
            .and(state())
            .and(body.clone())
            .then(api::predict::batch))
        .unify()
        .or(at(&PREDICT_WHOLE)
            .and(state())
            .and(body.clone())
            .then(api::predict::whole))
        .unify()
        .or(at(&PREDICT_WINDOW)
            .and(state())
            .and(body)
            .then(api::predict::window))
        .unify()
        .boxed();
    let health = at(&LIVE)
        .then(api::health::live)
        .or(at(&READY).and(state()).then(api::health::is_ready))
        .unify()
        .or(at(&HEALTH).and(state()).then(api::health::health))
        .unify()
        .boxed();
    let models = at(&MODELS)
        .and(state())
        .then(api::models::list)
        .or(at(&MODEL).and(state()).then(api::models::model))
        .unify()
        .or(at(&BATCH).and(state()).then(api::models::batch))
        .unify()
        .or(at(&WINDOW).and(state()).then(api::models::window))
        .unify()
        .boxed();
    let docs = at(&OPENAPI)
        .then(api::docs::openapi)
        .or(at(&DOCS).then(api::docs::page))
        .unify()
        .or(at(&DOCS_FILE).then(api::docs::file))
        .unify()
        .boxed();
    predictions
        .or(health)
        .unify()
        .or(models)
        .unify()
        .or(docs)
        .unify()
        .recover(refuse)
        .unify()
        .with(warp::log::custom(access))
}

/// Answers what no route took.
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

fn access(request: warp::log::Info<'_>) {
    tracing::debug!(
        target: "gugus_serve::access",
        method = %request.method(),
        path = request.path(),
        status = request.status().as_u16(),
        seconds = request.elapsed().as_secs_f64(),
        "answered"
    );
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Every route that the OpenAPI document has to describe: all but the page that shows it.
    pub(crate) const DESCRIBED: [(&Route, &str); 12] = [
        (&PREDICT_CLUSTER, "post"),
        (&PREDICT_BATCH, "post"),
        (&PREDICT_WINDOW, "post"),
        (&PREDICT_WHOLE, "post"),
        (&MODELS, "get"),
        (&MODEL, "get"),
        (&BATCH, "get"),
        (&WINDOW, "get"),
        (&HEALTH, "get"),
        (&LIVE, "get"),
        (&READY, "get"),
        (&OPENAPI, "get"),
    ];

    #[test]
    fn a_slash_at_the_end_is_the_same_path() {
        for path in ["/predict_cluster", "/predict_cluster/"] {
            assert_eq!(captures(PREDICT_CLUSTER.path, path), Some(vec![]), "{path}");
        }
        for path in [
            "/predict_cluster//",
            "//predict_cluster",
            "/predict_clusters",
            "/",
            "",
            "/a/predict_cluster",
        ] {
            assert_eq!(captures(PREDICT_CLUSTER.path, path), None, "{path}");
        }
    }

    #[test]
    fn braces_take_one_segment_and_its_escapes() {
        let of = |path| captures(PREDICT_BATCH.path, path);
        assert_eq!(
            of("/models/a/batches/1/predict"),
            Some(vec!["a".to_owned(), "1".to_owned()])
        );
        assert_eq!(
            of("/models/..%2f..%2Fetc/batches/%31/predict/"),
            Some(vec!["../../etc".to_owned(), "1".to_owned()])
        );
        for path in [
            "/models//batches/1/predict",
            "/models/a/b/batches/1/predict",
            "/models/%ff/batches/1/predict",
        ] {
            assert_eq!(of(path), None, "{path}");
        }
    }
}
