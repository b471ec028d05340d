//! Who may ask.

use gugus_http::{Token, is_from_elsewhere};
use warp::http::HeaderMap;

/// Paths that anybody may ask: probes of health show no token. The answers tell that the process lives, its version, and how
/// many models there are, and nothing else.
const OPEN: [&str; 7] = [
    "/health",
    "/health/live",
    "/health/ready",
    "/v2/health/live",
    "/v2/health/ready",
    "/inference.GRPCInferenceService/ServerLive",
    "/inference.GRPCInferenceService/ServerReady",
];

/// The path of the metrics.
const METRICS: &str = "/metrics";

/// Whether anybody may ask this path.
pub(crate) fn is_open(path: &str) -> bool {
    OPEN.contains(&path.strip_suffix('/').unwrap_or(path))
}

/// Whether this path is answered however many requests wait. A busy service is not a dead one, and has to be watched.
pub(crate) fn is_urgent(path: &str) -> bool {
    is_open(path) || path == METRICS
}

/// Who may ask.
#[derive(Clone, Debug, Default)]
pub(crate) struct Callers {
    token: Option<Token>,
}

impl Callers {
    pub(crate) fn new(token: Option<Token>) -> Self {
        Self { token }
    }

    /// Whether a request with these headers may be answered: REST and gRPC alike.
    pub(crate) fn admit(&self, headers: &HeaderMap) -> bool {
        let Some(token) = &self.token else {
            return true;
        };
        token.is_in(headers) && !(is_by_password(headers) && is_from_elsewhere(headers))
    }
}

/// A browser adds a password by itself, also for pages of other sites. Only a page that knows the token shows it otherwise.
fn is_by_password(headers: &HeaderMap) -> bool {
    let shown = headers.get(warp::http::header::AUTHORIZATION);
    shown.is_some_and(|shown| {
        let scheme = shown.as_bytes().get(..5);
        scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"basic"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_counts_only_for_our_own_pages() {
        let callers = Callers::new(Some(Token::new("right").unwrap()));
        // "me:right"
        for (authorization, site, admitted) in [
            ("Basic bWU6cmlnaHQ=", None, true),
            ("Basic bWU6cmlnaHQ=", Some("same-origin"), true),
            ("Basic bWU6cmlnaHQ=", Some("none"), true),
            ("Basic bWU6cmlnaHQ=", Some("cross-site"), false),
            ("basic bWU6cmlnaHQ=", Some("same-site"), false),
            ("Bearer right", Some("cross-site"), true),
            ("Bearer wrong", None, false),
            ("right", None, false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert("authorization", authorization.parse().unwrap());
            if let Some(site) = site {
                headers.insert("sec-fetch-site", site.parse().unwrap());
            }
            assert_eq!(
                callers.admit(&headers),
                admitted,
                "{authorization} {site:?}"
            );
        }
        assert!(!callers.admit(&HeaderMap::new()));
        assert!(Callers::default().admit(&HeaderMap::new()));
    }

    #[test]
    fn only_health_is_open() {
        for path in ["/health", "/health/ready/", "/v2/health/live"] {
            assert!(is_open(path), "{path}");
        }
        for path in [
            "/",
            "/metrics",
            "/models",
            "/health/x",
            "/docs",
            "/openapi.json",
        ] {
            assert!(!is_open(path), "{path}");
        }
    }
}
