//! `/sign-in` and `/sign-out`: how a browser shows the cluster's token.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use gugus_engine::{Guard, SIGN_IN_PATH};
use gugus_pages::sign_in::SignIn;
use http::{HeaderMap, HeaderValue, StatusCode, header};

use super::asked::{Asked, pairs};
use super::served::whole;
use crate::pairs::value;
use crate::problem::Problem;

pub(super) fn routes(guard: Arc<Guard>) -> Router {
    Router::new()
        .route(SIGN_IN_PATH, get(ask).post(begin))
        .route("/sign-out", post(end))
        .with_state(guard)
}

async fn ask(State(guard): State<Arc<Guard>>, asked: Asked) -> Response {
    let next = own(asked.choice("next"));
    if !guard.takes_sign_in() {
        return Redirect::to(next).into_response();
    }
    whole(SignIn { next, wrong: false }.html())
}

async fn begin(State(guard): State<Arc<Guard>>, body: String) -> Result<Response, Problem> {
    let sent = pairs(&body, "the form")?;
    let next = own(value(&sent, "next"));
    match guard.sign_in(value(&sent, "token")) {
        Some(cookie) => Ok(leave(next, Some(cookie))),
        None => {
            tracing::info!("a text that is not the token was sent to the sign-in page");
            let wrong = true;
            let mut page = whole(SignIn { next, wrong }.html());
            *page.status_mut() = StatusCode::UNAUTHORIZED;
            // The one scheme for which no browser asks by a window of its own.
            let scheme = HeaderValue::from_static("Bearer realm=\"gugus\"");
            page.headers_mut().insert(header::WWW_AUTHENTICATE, scheme);
            Ok(page)
        }
    }
}

async fn end(State(guard): State<Arc<Guard>>, headers: HeaderMap) -> Response {
    leave(SIGN_IN_PATH, guard.sign_out(&headers))
}

/// Leads to the page at `next` and sets a cookie on the way.
fn leave(next: &str, cookie: Option<HeaderValue>) -> Response {
    let mut response = Redirect::to(next).into_response();
    let cookie = cookie.map(|cookie| (header::SET_COOKIE, cookie));
    response.headers_mut().extend(cookie);
    response
}

/// The path of a page of this scheduler; the overview for anything else. `//host` and `/\host` would lead a browser elsewhere.
fn own(next: &str) -> &str {
    let path = next.strip_prefix('/');
    let is_own = path.is_some_and(|path| !path.starts_with(['/', '\\']))
        && next.bytes().all(|byte| byte.is_ascii_graphic());
    if is_own { next } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pages_of_this_scheduler_come_next() {
        for next in ["/", "/runs/abc?state=failed&q=%20", "/batches//x"] {
            assert_eq!(own(next), next);
        }
        for next in [
            "",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example/",
            "javascript:alert(1)",
            "/\t/evil.example",
            "/a b",
            "/a\r\nset-cookie: x",
            "runs",
        ] {
            assert_eq!(own(next), "/", "{next:?}");
        }
    }
}
