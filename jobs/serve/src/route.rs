//! A path with its methods, and the filter that answers requests of it.
//!
//! Invariant: once path and method fit, a handler answers. A filter refuses only because of path, method or headers. So the
//! refusals that warp collects from all filters never hide each other.

use std::future::{Future, ready};
use std::sync::Arc;

use percent_encoding::percent_decode_str;
use serde::Serialize;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::http::{Method, StatusCode};
use warp::path::FullPath;
use warp::reject::{Reject, Rejection};
use warp::reply::{Reply, Response};

use crate::body;
use crate::problem::Problem;
use crate::reply;
use crate::request::Sent;
use crate::state::State;

/// A path and the methods it takes.
#[derive(Debug)]
pub(crate) struct Route {
    /// As in the OpenAPI document: a segment in braces stands for any text.
    pub(crate) path: &'static str,
    methods: Methods,
    slash: Slash,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Methods {
    /// GET, and HEAD with it.
    Get,
    Post,
    /// A page with a form: GET, and POST of the form.
    Form,
}

/// What a slash at the end of a path means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Slash {
    /// It may be there or not.
    Either,
    /// It makes another path.
    Counts,
}

impl Methods {
    fn allow(self, method: &Method) -> bool {
        match self {
            Self::Get => method == Method::GET || method == Method::HEAD,
            Self::Post => method == Method::POST,
            Self::Form => Self::Get.allow(method) || Self::Post.allow(method),
        }
    }

    /// The value of the header `Allow`.
    fn header(self) -> &'static str {
        match self {
            Self::Get => "GET, HEAD",
            Self::Post => "POST",
            Self::Form => "GET, HEAD, POST",
        }
    }
}

/// The texts that stand for the segments in braces.
pub(crate) type Captures = Vec<String>;

/// The path fits, the method does not. Holds the methods that do.
#[derive(Debug)]
pub(crate) struct WrongMethod(pub(crate) &'static str);

impl Reject for WrongMethod {}

/// The pattern of the route that answered, among the extensions of its answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Matched(pub(crate) &'static str);

/// The answer of a route, as warp tries it.
pub(crate) type Answer = BoxedFilter<(Response,)>;

impl Route {
    pub(crate) const fn get(path: &'static str) -> Self {
        Self {
            path,
            methods: Methods::Get,
            slash: Slash::Either,
        }
    }

    /// A path without braces that is not the same with or without a slash at its end.
    pub(crate) const fn get_exact(path: &'static str) -> Self {
        Self {
            path,
            methods: Methods::Get,
            slash: Slash::Counts,
        }
    }

    pub(crate) const fn post(path: &'static str) -> Self {
        Self {
            path,
            methods: Methods::Post,
            slash: Slash::Either,
        }
    }

    pub(crate) const fn form(path: &'static str) -> Self {
        Self {
            path,
            methods: Methods::Form,
            slash: Slash::Either,
        }
    }

    /// Answers with what `handler` gives for the path that `parse` reads, as JSON.
    pub(crate) fn json<P, T, E, F>(
        &'static self,
        state: &Arc<State>,
        parse: fn(Captures) -> Result<P, Problem>,
        handler: fn(P, Arc<State>) -> F,
    ) -> Answer
    where
        P: Send + 'static,
        T: Serialize + 'static,
        E: From<Problem> + Reply + 'static,
        F: Future<Output = Result<T, E>> + Send + 'static,
    {
        let state = Arc::clone(state);
        let answer = move |captures| {
            let state = Arc::clone(&state);
            async move {
                answer(match parse(captures) {
                    Ok(path) => handler(path, state).await,
                    Err(problem) => Err(problem.into()),
                })
            }
        };
        self.marked(self.at().then(answer))
    }

    /// Answers with what `handler` makes of the whole request. The handler gets a body that could not be read, too, because
    /// an answer names a wrong path before a wrong body.
    pub(crate) fn respond<P, E, F>(
        &'static self,
        state: &Arc<State>,
        parse: fn(Captures) -> Result<P, Problem>,
        handler: fn(P, Arc<State>, Sent) -> F,
    ) -> Answer
    where
        P: Send + 'static,
        E: From<Problem> + Reply + 'static,
        F: Future<Output = Result<Response, E>> + Send + 'static,
    {
        let state = Arc::clone(state);
        let body = body::read(state.body_limit);
        let answer = move |captures, method, path, headers, query, body| {
            let state = Arc::clone(&state);
            async move {
                let sent = Sent {
                    method,
                    path,
                    headers,
                    query,
                    body,
                };
                let answered = match parse(captures) {
                    Ok(path) => handler(path, state, sent).await,
                    Err(problem) => Err(problem.into()),
                };
                answered.unwrap_or_else(Reply::into_response)
            }
        };
        let query = warp::query::raw().or(warp::any().map(String::new)).unify();
        let asked = self.at().and(warp::method()).and(warp::path::full());
        let asked = asked.and(warp::header::headers_cloned());
        self.marked(asked.and(query).and(body).then(answer))
    }

    /// Answers with a page or a file.
    pub(crate) fn page(
        &'static self,
        state: &Arc<State>,
        handler: fn(Captures, &State) -> Result<Response, Problem>,
    ) -> Answer {
        let state = Arc::clone(state);
        let page = move |captures| match handler(captures, &state) {
            Ok(page) => page,
            Err(problem) => problem.into_response(),
        };
        self.marked(self.at().map(page))
    }

    /// The answers of the route, marked with its pattern.
    fn marked(
        &'static self,
        answers: impl Filter<Extract = (Response,), Error = Rejection> + Clone + Send + Sync + 'static,
    ) -> Answer {
        let mark = |mut response: Response| {
            response.extensions_mut().insert(Matched(self.path));
            response
        };
        answers.map(mark).boxed()
    }

    /// Requests of this path and method, with the texts of its braces.
    fn at(&'static self) -> impl Filter<Extract = (Captures,), Error = Rejection> + Clone {
        warp::path::full()
            .and(warp::method())
            .and_then(move |path: FullPath, method: Method| {
                let fits = self.slash == Slash::Either || self.path == path.as_str();
                ready(match captures(self.path, path.as_str()).filter(|_| fits) {
                    None => Err(warp::reject::not_found()),
                    Some(_) if !self.methods.allow(&method) => {
                        Err(warp::reject::custom(WrongMethod(self.methods.header())))
                    }
                    Some(captures) => Ok(captures),
                })
            })
    }
}

fn answer<T: Serialize, E: Reply>(result: Result<T, E>) -> Response {
    match result {
        Ok(value) => reply::json(StatusCode::OK, &value),
        Err(problem) => problem.into_response(),
    }
}

/// The texts in `path` for the braces of `pattern`; none if the path does not fit.
fn captures(pattern: &str, path: &str) -> Option<Captures> {
    let mut wanted = trimmed(pattern).split('/');
    let mut given = trimmed(path).split('/');
    // Most patterns do not fit a path. These cost no allocation.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slash_at_the_end_is_the_same_path() {
        for path in ["/predict_cluster", "/predict_cluster/"] {
            assert_eq!(captures("/predict_cluster/", path), Some(vec![]), "{path}");
        }
        for path in [
            "/predict_cluster//",
            "//predict_cluster",
            "/predict_clusters",
            "/",
            "",
            "/a/predict_cluster",
        ] {
            assert_eq!(captures("/predict_cluster/", path), None, "{path}");
        }
    }

    #[test]
    fn braces_take_one_segment_and_its_escapes() {
        let of = |path| captures("/models/{model}/batches/{batch}/predict", path);
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
