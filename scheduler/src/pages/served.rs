//! How a page is served: as HTML, as JSON, and as a stream of the sections that change.

use std::future::Future;

use axum::extract::State;
use axum::response::sse::{KeepAlive, Sse};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Json};
use gugus_engine::SignedIn;
use gugus_look::POLICY;
use gugus_pages::Page;
use http::{HeaderMap, HeaderValue, StatusCode, Version, header};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;

use super::described::described;
use super::live::Drawn;
use super::shown::Shown;
use crate::problem::Problem;

pub(super) use super::asked::Asked;

/// The path below which every page is JSON.
const JSON: &str = "/gugus/v1";

/// A page at `path`, and the same as JSON below [`JSON`], where the OpenAPI document describes it.
pub(super) fn page<P, F, G>(path: &str, gather: G) -> OpenApiRouter<Shown>
where
    P: Page + Serialize + ToSchema + Send + 'static,
    F: Future<Output = Result<P, Problem>> + Send + 'static,
    G: Fn(Shown, Asked) -> F + Clone + Send + Sync + 'static,
{
    let as_json = gather.clone();
    let json = move |State(shown): State<Shown>, asked: Asked| async move {
        as_json(shown, asked).await.map(Json)
    };
    let at = format!("{JSON}{path}");
    let router = OpenApiRouter::with_openapi(described::<P>(path, &at));
    router.route(&at, get(json)).merge(html(path, gather))
}

/// A page at `path`, for data that are JSON at a path of their own.
pub(super) fn html<P, F, G>(path: &str, gather: G) -> OpenApiRouter<Shown>
where
    P: Page + Send + 'static,
    F: Future<Output = Result<P, Problem>> + Send + 'static,
    G: Fn(Shown, Asked) -> F + Clone + Send + Sync + 'static,
{
    let answer = move |State(shown): State<Shown>,
                       signed_in: Option<Extension<SignedIn>>,
                       uri: http::Uri,
                       headers: HeaderMap,
                       asked: Asked| async move {
        let address = uri.path_and_query().map_or("/", |path| path.as_str());
        if wants_events(&headers) {
            return stream(&shown.clone(), address, move || {
                let page = gather(shown.clone(), asked.clone());
                async move { page.await.ok().map(|page| drawn(&page)) }
            });
        }
        match gather(shown, asked).await {
            Ok(page) => {
                let json = format!("{JSON}{address}");
                whole(gugus_pages::render(&page, &json, signed_in.is_some()))
            }
            Err(problem) => problem.into_response(),
        }
    };
    OpenApiRouter::new().route(path, get(answer))
}

fn wants_events(headers: &HeaderMap) -> bool {
    headers
        .get(header::ACCEPT)
        .is_some_and(|kinds| kinds.as_bytes().starts_with(b"text/event-stream"))
}

/// A whole page with the headers that every page has.
pub(super) fn whole(page: String) -> Response {
    let mut response = Html(page).into_response();
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(POLICY),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The live sections of a page. If the page cannot be made, it says so when somebody loads it again.
fn drawn(page: &impl Page) -> Drawn {
    let sections = page.sections();
    let live = sections.iter().filter(|section| section.live);
    live.map(|section| (section.id, section.html().into_string()))
        .collect()
}

fn stream<F>(shown: &Shown, address: &str, gather: impl Fn() -> F + Send + 'static) -> Response
where
    F: Future<Output = Option<Drawn>> + Send + 'static,
{
    match shown.live.watch(address, gather) {
        Some(events) => {
            let stream = Sse::new(events).keep_alive(KeepAlive::default());
            let mut response = stream.into_response();
            // Such an answer ends with its connection. In chunks, the end of a killed scheduler would be an error on the
            // browser's console.
            *response.version_mut() = Version::HTTP_10;
            response
        }
        None => {
            let why = "too many pages are open at this scheduler; close some, or load this page when you want to see more";
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, why).into_response()
        }
    }
}
