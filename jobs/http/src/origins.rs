//! The sites whose pages may read answers.

use std::str::FromStr;

use http::HeaderValue;
use http::uri::Authority;
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
}
