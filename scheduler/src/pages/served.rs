//! How a page is served: as HTML, as JSON, and as a stream of the sections that change.

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::Future;
use std::time::Duration;

use axum::extract::{Path, Query, State};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use futures::{Stream, StreamExt};
use gugus_look::{POLICY, Section};
use gugus_pages::Page;
use http::{HeaderMap, HeaderValue, header};
use serde_json::json;
use tokio::time::{MissedTickBehavior, interval};

use super::document::refusal;
use super::shown::Shown;
use crate::problem::Problem;

/// The path below which every page is JSON.
const JSON: &str = "/gugus/v1";

/// How often a page that somebody has open is looked at again. Only sections that changed are sent.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// What a viewer asked for: the names in the path, and the choices behind `?`.
#[derive(Clone, Debug, Default)]
pub(super) struct Asked {
    path: HashMap<String, String>,
    query: Vec<(String, String)>,
}

impl Asked {
    /// A part of the path, by its name in the route.
    pub(super) fn part(&self, name: &str) -> &str {
        self.path.get(name).map_or("", String::as_str)
    }

    /// A choice behind `?`; empty when the viewer made none.
    pub(super) fn choice(&self, name: &str) -> &str {
        let made = self.query.iter().find(|(known, _)| known == name);
        made.map_or("", |(_, value)| value)
    }
}

/// A page at `path`, and the same as JSON below [`JSON`].
pub(super) fn page<P, F, G>(path: &str, gather: G) -> Router<Shown>
where
    P: Page + Send + 'static,
    F: Future<Output = Result<P, Problem>> + Send + 'static,
    G: Fn(Shown, Asked) -> F + Clone + Send + Sync + 'static,
{
    let as_json = gather.clone();
    let json = move |State(shown): State<Shown>, Path(path), Query(query)| async move {
        as_json(shown, Asked { path, query }).await.map(Json)
    };
    html(path, gather).route(&format!("{JSON}{path}"), get(json))
}

/// A page at `path`, for data that are JSON at a path of their own.
pub(super) fn html<P, F, G>(path: &str, gather: G) -> Router<Shown>
where
    P: Page + Send + 'static,
    F: Future<Output = Result<P, Problem>> + Send + 'static,
    G: Fn(Shown, Asked) -> F + Clone + Send + Sync + 'static,
{
    let answer = move |State(shown): State<Shown>,
                       uri: http::Uri,
                       headers: HeaderMap,
                       Path(path),
                       Query(query)| async move {
        let asked = Asked { path, query };
        if wants_events(&headers) {
            return Sse::new(changes(shown, asked, gather))
                .keep_alive(KeepAlive::default())
                .into_response();
        }
        match gather(shown, asked).await {
            Ok(page) => {
                let json = uri.path_and_query().map_or("/", |path| path.as_str());
                whole(gugus_pages::render(&page, &format!("{JSON}{json}"), false))
            }
            Err(problem) => refusal(problem.status(), problem.detail()),
        }
    };
    Router::new().route(path, get(answer))
}

fn wants_events(headers: &HeaderMap) -> bool {
    headers
        .get(header::ACCEPT)
        .is_some_and(|kinds| kinds.as_bytes().starts_with(b"text/event-stream"))
}

/// A whole page with the headers that every page has.
fn whole(page: String) -> Response {
    let mut response = Html(page).into_response();
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(POLICY),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The live sections of a page, each when it is first seen to differ from what was sent before.
fn changes<P, F, G>(
    shown: Shown,
    asked: Asked,
    gather: G,
) -> impl Stream<Item = Result<Event, Infallible>>
where
    P: Page + Send + 'static,
    F: Future<Output = Result<P, Problem>> + Send + 'static,
    G: Fn(Shown, Asked) -> F + Clone + Send + Sync + 'static,
{
    let mut clock = interval(LOOK_AGAIN);
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let begun = (clock, HashMap::<&'static str, String>::new());
    futures::stream::unfold(begun, move |(mut clock, mut sent)| {
        let next = gather.clone();
        let (shown, asked) = (shown.clone(), asked.clone());
        async move {
            clock.tick().await;
            let events: Vec<Result<Event, Infallible>> = match next(shown, asked).await {
                Ok(page) => page
                    .sections()
                    .iter()
                    .filter_map(|section| changed(section, &mut sent))
                    .map(Ok)
                    .collect(),
                // The page says so when somebody loads it again.
                Err(_) => Vec::new(),
            };
            Some((futures::stream::iter(events), (clock, sent)))
        }
    })
    .flatten()
}

fn changed(section: &Section, sent: &mut HashMap<&'static str, String>) -> Option<Event> {
    if !section.live {
        return None;
    }
    let html = section.html().into_string();
    if sent.get(section.id) == Some(&html) {
        return None;
    }
    let event = json!({ "id": section.id, "html": html }).to_string();
    sent.insert(section.id, html);
    Some(Event::default().event("section").data(event))
}
