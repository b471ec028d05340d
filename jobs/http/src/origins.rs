//! The sites whose pages may ask, and which requests come from pages of other sites.

use std::str::FromStr;

use http::uri::Authority;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, header};
use thiserror::Error;
use tower_http::cors::{AllowOrigin, CorsLayer};

/// The header by which newer browsers say whether a page of another site asks. No page can set it.
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The header by which they say whether the answer is to be shown as a page.
const FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");

/// The site of a page, as browsers name it: `https://grafana.example`, with a port where it is not the usual one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin(HeaderValue);

impl Origin {
    /// Its host and port.
    #[must_use]
    pub fn authority(&self) -> Option<Authority> {
        let (_, authority) = self.0.to_str().ok()?.split_once("://")?;
        authority.parse().ok()
    }

    /// Whether a request with this header `origin` comes from the site.
    #[must_use]
    pub fn is(&self, header: &HeaderValue) -> bool {
        self.0 == *header
    }
}

/// A text that is no origin.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "\"{text}\" is no origin; write the scheme, host and port of one site, for example https://grafana.example:3000"
)]
pub struct ParseOriginError {
    text: String,
}

impl FromStr for Origin {
    type Err = ParseOriginError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || ParseOriginError {
            text: text.to_owned(),
        };
        let host = text
            .strip_prefix("http://")
            .or_else(|| text.strip_prefix("https://"));
        let host = host.ok_or_else(wrong)?;
        if host.is_empty() || host.contains(['/', '*', '?', '#', '@', ' ', ',']) {
            return Err(wrong());
        }
        text.parse().map(Self).map_err(|_| wrong())
    }
}

/// The layer that lets these sites read answers; `None` if there are no sites. The methods and headers that they may use
/// are to be added.
#[must_use]
pub fn cors(origins: &[Origin]) -> Option<CorsLayer> {
    if origins.is_empty() {
        return None;
    }
    let list = origins.iter().map(|origin| origin.0.clone());
    Some(CorsLayer::new().allow_origin(AllowOrigin::list(list)))
}

/// Who sends a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asking {
    /// A browser that has signed in, and shows its cookie whatever page made it ask.
    Browser,
    /// A command, or a page that shows the token itself.
    Anybody,
}

/// Whether a request comes from a command, from a page of the port itself, or from a page of one of these sites. Links from
/// other sites are welcome, too. A browser keeps answers from pages of other sites, but the request is served all the same,
/// and a browser that knows the token adds it by itself.
#[must_use]
pub fn is_welcome<B>(request: &Request<B>, origins: &[Origin], asking: Asking) -> bool {
    let headers = request.headers();
    if only_looks(request.method()) {
        return may_read(headers, origins);
    }
    let authority = request.uri().authority().map(Authority::as_str);
    may_change(headers, authority, origins, asking)
}

/// Whether requests of this method change nothing.
#[must_use]
pub fn only_looks(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// Whether a page of another site made a browser ask, as far as newer browsers say.
#[must_use]
pub fn is_from_elsewhere(headers: &HeaderMap) -> bool {
    let site = headers.get(FETCH_SITE);
    site.is_some_and(|site| site != "same-origin" && site != "none")
}

fn is_named(origin: &HeaderValue, origins: &[Origin]) -> bool {
    origins.iter().any(|named| named.is(origin))
}

fn may_read(headers: &HeaderMap, origins: &[Origin]) -> bool {
    let follows_a_link = headers
        .get(FETCH_MODE)
        .is_some_and(|mode| mode == "navigate");
    let origin = headers.get(header::ORIGIN);
    !is_from_elsewhere(headers)
        || follows_a_link
        || origin.is_some_and(|origin| is_named(origin, origins))
}

/// Whether a request with these headers may change something. Commands may, our own pages, and pages of `origins`. A page of
/// another site cannot read the answer, but the change would be made all the same.
///
/// `authority` is the host in the address of a request, where HTTP/2 has it.
#[must_use]
pub fn may_change(
    headers: &HeaderMap,
    authority: Option<&str>,
    origins: &[Origin],
    asking: Asking,
) -> bool {
    // Browsers send this header with every request that may change something; commands do not.
    let Some(origin) = headers.get(header::ORIGIN) else {
        return asking == Asking::Anybody && !is_from_elsewhere(headers);
    };
    // The cookie is for our own pages only.
    if asking == Asking::Anybody && is_named(origin, origins) {
        return true;
    }
    match headers.get(FETCH_SITE) {
        // A proxy may have put another host into the request, and the browser still knows.
        Some(site) if site == "same-origin" => return true,
        Some(site) if site == "cross-site" => return false,
        _ => {}
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
    fn an_origin_is_one_site() {
        for text in ["https://grafana.example", "http://127.0.0.1:3000"] {
            text.parse::<Origin>().unwrap();
        }
        for text in [
            "*",
            "",
            "grafana.example",
            "https://",
            "https://*.example",
            "https://a/b",
            "http://a, http://b",
            "null",
        ] {
            assert!(text.parse::<Origin>().is_err(), "{text:?}");
        }
    }

    fn asked(method: Method, headers: &[(&str, &str)]) -> Request<()> {
        let request = Request::builder()
            .method(method)
            .header(header::HOST, "scheduler:50050");
        let with = |request: http::request::Builder, (name, value): &(&str, &str)| {
            request.header(*name, *value)
        };
        headers.iter().fold(request, with).body(()).unwrap()
    }

    #[test]
    fn changes_come_from_commands_the_own_page_and_named_sites() {
        let named = ["https://grafana.example".parse::<Origin>().unwrap()];
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
                let headers: Vec<_> = origin
                    .map(|origin| ("origin", origin))
                    .into_iter()
                    .collect();
                assert_eq!(
                    is_welcome(&asked(Method::POST, &headers), &named, asking),
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
            let request = asked(Method::PATCH, &[("sec-fetch-site", site)]);
            assert_eq!(
                is_welcome(&request, &named, Asking::Anybody),
                welcome,
                "{site}"
            );
        }
        let by_a_browser = |origin, site| {
            let headers = [("origin", origin), ("sec-fetch-site", site)];
            is_welcome(&asked(Method::POST, &headers), &named, Asking::Browser)
        };
        assert!(!by_a_browser("http://scheduler:50050", "cross-site"));
        assert!(!by_a_browser("http://other:50050", "same-site"));
        // A proxy shows the service under another name.
        assert!(by_a_browser("https://public.example", "same-origin"));
    }

    #[test]
    fn answers_are_for_commands_readers_the_own_page_and_named_sites() {
        let named = ["https://grafana.example".parse::<Origin>().unwrap()];
        let cross = ("sec-fetch-site", "cross-site");
        let same = ("sec-fetch-site", "same-site");
        for (headers, welcome) in [
            (vec![], true),
            (vec![("sec-fetch-site", "same-origin")], true),
            (vec![cross, ("sec-fetch-mode", "navigate")], true),
            (vec![cross, ("origin", "https://grafana.example")], true),
            (vec![cross, ("origin", "https://evil.example")], false),
            (vec![same, ("sec-fetch-mode", "no-cors")], false),
            (vec![cross, ("sec-fetch-mode", "no-cors")], false),
        ] {
            for method in [Method::GET, Method::HEAD, Method::OPTIONS] {
                assert_eq!(
                    is_welcome(&asked(method, &headers), &named, Asking::Anybody),
                    welcome,
                    "{headers:?}"
                );
            }
        }
    }
}
