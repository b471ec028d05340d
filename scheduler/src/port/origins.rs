//! The sites whose pages may talk to the scheduler.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use gugus_engine::SignedIn;
use gugus_http::Origin;
use http::uri::Authority;
use http::{HeaderMap, HeaderName, Method, StatusCode, header};
use tower_http::cors::CorsLayer;

use crate::problem::Problem;

/// The header by which newer browsers say whether a page of another site asks.
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The layer that lets these sites read answers; `None` if there are no sites.
pub(crate) fn cors(origins: &[Origin]) -> Option<CorsLayer> {
    Some(
        gugus_http::cors(origins)?
            .allow_methods([Method::GET, Method::POST, Method::PATCH])
            .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE]),
    )
}

/// Refuses changes that a page of another site asks for. Such a page cannot read the answer, but the run would be cancelled
/// all the same, and a browser that knows the token adds it by itself.
pub(crate) async fn check(
    State(origins): State<Arc<[Origin]>>,
    request: Request,
    next: Next,
) -> Response {
    let harmless = matches!(
        *request.method(),
        Method::GET | Method::HEAD | Method::OPTIONS
    );
    let asking = match request.extensions().get::<SignedIn>() {
        Some(_) => Asking::Browser,
        None => Asking::Anybody,
    };
    let authority = request.uri().authority().map(Authority::as_str);
    if !harmless && !is_welcome(request.headers(), authority, &origins, asking) {
        let why =
            "pages of this site may not ask for changes here; name it with --cors-allowed-origins";
        return Problem::new(StatusCode::FORBIDDEN, why).into_response();
    }
    next.run(request).await
}

/// Who asks for a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asking {
    /// A browser that has signed in, and shows its cookie whatever page made it ask.
    Browser,
    /// A command, or a page that shows the token itself.
    Anybody,
}

fn is_welcome(
    headers: &HeaderMap,
    authority: Option<&str>,
    origins: &[Origin],
    asking: Asking,
) -> bool {
    // Browsers send this header with every request that may change something; commands do not.
    let Some(origin) = headers.get(header::ORIGIN) else {
        let elsewhere = headers
            .get(FETCH_SITE)
            .is_some_and(|site| site != "same-origin" && site != "none");
        return asking == Asking::Anybody && !elsewhere;
    };
    // The cookie is for our own pages only.
    if asking == Asking::Anybody && origins.iter().any(|welcome| welcome.is(origin)) {
        return true;
    }
    if headers
        .get(FETCH_SITE)
        .is_some_and(|site| site == "cross-site")
    {
        return false;
    }
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let own = text(header::HOST).or(authority);
    let site = origin
        .to_str()
        .ok()
        .and_then(|origin| origin.split_once("://"));
    matches!((own, site), (Some(own), Some((_, site))) if own.eq_ignore_ascii_case(site))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use super::*;

    #[test]
    fn changes_come_from_commands_the_own_page_and_named_sites() {
        let named = ["https://grafana.example".parse::<Origin>().unwrap()];
        let headers = |origin: Option<&str>| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, "scheduler:50050".parse().unwrap());
            if let Some(origin) = origin {
                headers.insert(header::ORIGIN, origin.parse().unwrap());
            }
            headers
        };
        for (origin, by_anybody, by_browser) in [
            (None, true, false),
            (Some("http://scheduler:50050"), true, true),
            (Some("https://grafana.example"), true, false),
            (Some("http://scheduler:50051"), false, false),
            (Some("https://evil.example"), false, false),
            (Some("null"), false, false),
        ] {
            for (asking, welcome) in [(Asking::Anybody, by_anybody), (Asking::Browser, by_browser)]
            {
                let headers = headers(origin);
                assert_eq!(
                    is_welcome(&headers, None, &named, asking),
                    welcome,
                    "{origin:?} {asking:?}"
                );
            }
        }
        for (site, welcome) in [
            ("cross-site", false),
            ("same-site", false),
            ("same-origin", true),
            ("none", true),
        ] {
            let mut headers = headers(None);
            headers.insert(FETCH_SITE, site.parse().unwrap());
            assert_eq!(
                is_welcome(&headers, None, &named, Asking::Anybody),
                welcome,
                "{site}"
            );
        }
        let mut forged = headers(Some("http://scheduler:50050"));
        forged.insert(FETCH_SITE, "cross-site".parse().unwrap());
        assert!(!is_welcome(&forged, None, &named, Asking::Browser));
    }
}
