//! The names by which a port may be called on loopback.
//!
//! After a browser has loaded a page, the page can make its own name mean 127.0.0.1 ("DNS rebinding"). Then it can ask a port
//! of this machine as if the port were part of its own site, and no rule about other sites applies. Only the name in its
//! requests gives such a page away.

use std::net::IpAddr;
use std::sync::Arc;

use http::uri::Authority;
use http::{HeaderMap, header};

/// The names to which a port answers.
#[derive(Clone, Debug)]
pub enum Hosts {
    /// All names.
    Any,
    /// Addresses, `localhost`, and these names.
    Own(Arc<[String]>),
}

impl Hosts {
    /// The names of a port that asks for no secret. On loopback it answers to addresses, `localhost` and `names`. Beyond
    /// loopback other machines may call it by any name.
    #[must_use]
    pub fn at(address: IpAddr, names: impl IntoIterator<Item = String>) -> Self {
        if address.to_canonical().is_loopback() {
            Self::Own(names.into_iter().collect())
        } else {
            Self::Any
        }
    }

    /// Whether a request calls the port by one of these names. `authority` is that of the request's address: over HTTP/2 the
    /// name stands there and not in a header.
    #[must_use]
    pub fn admit(&self, headers: &HeaderMap, authority: Option<&Authority>) -> bool {
        let header = headers.get(header::HOST);
        let called = match header {
            Some(host) => Authority::try_from(host.as_bytes()).ok(),
            None => authority.cloned(),
        };
        match &called {
            Some(authority) => self.contain(authority),
            // HTTP/1.0 has no such header, and no browser speaks it. A text that is no name at all is refused.
            None => header.is_none(),
        }
    }

    fn contain(&self, authority: &Authority) -> bool {
        let Self::Own(names) = self else {
            return true;
        };
        let host = authority.host();
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let is = |name: &str| host.eq_ignore_ascii_case(name);
        bare.parse::<IpAddr>().is_ok() || is("localhost") || names.iter().any(|name| is(name))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use super::*;

    fn answers(hosts: &Hosts, name: &str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, name.parse().unwrap());
        let by_header = hosts.admit(&headers, None);
        let authority: Authority = name.parse().unwrap();
        assert_eq!(
            hosts.admit(&HeaderMap::new(), Some(&authority)),
            by_header,
            "{name} over HTTP/2"
        );
        by_header
    }

    #[test]
    fn on_loopback_no_foreign_name_is_answered_to() {
        let names = ["gugus.example", "scheduler.internal"].map(str::to_owned);
        let hosts = Hosts::at("127.0.0.1".parse().unwrap(), names);
        for (name, answered) in [
            ("127.0.0.1:50050", true),
            ("[::1]:50050", true),
            ("localhost:50050", true),
            ("LocalHost", true),
            ("scheduler.internal:50050", true),
            ("gugus.example", true),
            ("evil.example:50050", false),
            ("localhost.evil.example", false),
            ("127.0.0.1.evil.example", false),
        ] {
            assert_eq!(answers(&hosts, name), answered, "{name}");
        }
        assert!(hosts.admit(&HeaderMap::new(), None), "HTTP/1.0");
        let mut odd = HeaderMap::new();
        odd.insert(header::HOST, "no name".parse().unwrap());
        assert!(!hosts.admit(&odd, None));
    }

    #[test]
    fn elsewhere_names_are_for_others_to_give() {
        let at = |ip: &str| Hosts::at(ip.parse().unwrap(), []);
        assert!(answers(&at("0.0.0.0"), "scheduler:50050"));
        for loopback in ["127.0.0.2", "::1", "::ffff:127.0.0.1"] {
            assert!(!answers(&at(loopback), "scheduler:50050"), "{loopback}");
        }
    }
}
