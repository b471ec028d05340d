//! The sites whose pages may read answers and ask for changes.

use std::str::FromStr;

use http::uri::Authority;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use thiserror::Error;
use tower_http::cors::{AllowOrigin, CorsLayer};

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

/// The header by which newer browsers say whether a page of another site asks. No page can set it.
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Who asks for a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asking {
    /// A browser that has signed in, and shows its cookie whatever page made it ask.
    Browser,
    /// A command, or a page that shows the token itself.
    Anybody,
}

/// Whether a page of another site made a browser ask, as far as newer browsers say.
#[must_use]
pub fn is_from_elsewhere(headers: &HeaderMap) -> bool {
    let site = headers.get(FETCH_SITE);
    site.is_some_and(|site| site != "same-origin" && site != "none")
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
    if asking == Asking::Anybody && origins.iter().any(|welcome| welcome.is(origin)) {
        return true;
    }
    match headers.get(FETCH_SITE) {
        // A proxy may have put another host into the request, and the browser still knows.
        Some(site) if site == "same-origin" => return true,
        Some(site) if site == "cross-site" => return false,
        _ => {}
    }
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    let site = origin
        .to_str()
        .ok()
        .and_then(|origin| origin.split_once("://"));
    matches!((host.or(authority), site), (Some(own), Some((_, site))) if own.eq_ignore_ascii_case(site))
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
                    may_change(&headers, None, &named, asking),
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
                may_change(&headers, None, &named, Asking::Anybody),
                welcome,
                "{site}"
            );
        }
        let by_a_browser = |origin: &str, site: &'static str| {
            let mut headers = headers(Some(origin));
            headers.insert(FETCH_SITE, HeaderValue::from_static(site));
            may_change(&headers, None, &named, Asking::Browser)
        };
        assert!(!by_a_browser("http://scheduler:50050", "cross-site"));
        assert!(!by_a_browser("http://other:50050", "same-site"));
        // A proxy shows the service under another name.
        assert!(by_a_browser("https://public.example", "same-origin"));
    }
}
