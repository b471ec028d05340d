//! The names by which a port may be called on loopback.
//!
//! After a browser has loaded a page, the page can make its own name mean 127.0.0.1 ("DNS rebinding"). Then it can ask a
//! port as if the port were part of its own site, and no rule about other sites applies. Only the name in its requests gives
//! such a page away.

use std::net::IpAddr;
use std::sync::Arc;

use http::uri::Authority;
use http::{HeaderMap, Uri, header};

use crate::origins::Origin;
use crate::token::Token;

/// The names to which a port answers.
#[derive(Clone, Debug)]
pub enum Hosts {
    /// All names, because other machines may call the port by any name, and no page knows its secret.
    Any,
    /// Addresses, `localhost`, and these names.
    Own(Arc<[String]>),
}

impl Hosts {
    /// The names of a port at `address`, which is called by `names` and read by pages of `origins`. Names count only on
    /// loopback and without a token. Beyond loopback other machines may call the port by any name.
    #[must_use]
    pub fn of(
        address: IpAddr,
        token: Option<&Token>,
        names: impl IntoIterator<Item = String>,
        origins: &[Origin],
    ) -> Self {
        if !address.to_canonical().is_loopback() || token.is_some() {
            return Self::Any;
        }
        let sites = origins.iter().filter_map(Origin::authority);
        let sites = sites.map(|site| site.host().to_owned());
        Self::Own(sites.chain(names).collect())
    }

    /// Whether the port answers to the name by which a request calls it.
    #[must_use]
    pub fn answer_to(&self, headers: &HeaderMap, uri: &Uri) -> bool {
        let Self::Own(names) = self else {
            return true;
        };
        let header = headers.get(header::HOST);
        let called = match header {
            Some(host) => Authority::try_from(host.as_bytes()).ok(),
            None => uri.authority().cloned(),
        };
        match called {
            Some(called) => is_one_of(names, called.host()),
            // HTTP/1.0 has no such header, and no browser speaks it. A text that is no name at all is refused.
            None => header.is_none(),
        }
    }
}

fn is_one_of(names: &[String], host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let is = |name: &str| host.eq_ignore_ascii_case(name);
    bare.parse::<IpAddr>().is_ok() || is("localhost") || names.iter().any(|name| is(name))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use super::*;

    fn at(ip: &str, token: Option<&Token>) -> Hosts {
        let origins = ["https://gugus.example:8443".parse::<Origin>().unwrap()];
        let names = ["scheduler.internal".to_owned()];
        Hosts::of(ip.parse().unwrap(), token, names, &origins)
    }

    fn answers(hosts: &Hosts, name: &str) -> bool {
        let headers = HeaderMap::from_iter([(header::HOST, name.parse().unwrap())]);
        hosts.answer_to(&headers, &Uri::from_static("/"))
    }

    #[test]
    fn on_loopback_no_foreign_name_is_answered_to() {
        let hosts = at("127.0.0.1", None);
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
            ("no name", false),
        ] {
            assert_eq!(answers(&hosts, name), answered, "{name}");
        }
        // HTTP/2 has the name in the address, and HTTP/1.0 has none.
        for (uri, answered) in [
            ("http://localhost:50050/x", true),
            ("http://evil.example/x", false),
            ("/x", true),
        ] {
            let found = hosts.answer_to(&HeaderMap::new(), &Uri::from_static(uri));
            assert_eq!(found, answered, "{uri}");
        }
    }

    #[test]
    fn elsewhere_and_with_a_token_names_are_for_others_to_give() {
        let token = Token::new("right").unwrap();
        assert!(answers(&at("0.0.0.0", None), "evil.example"));
        for loopback in ["127.0.0.2", "::1", "::ffff:127.0.0.1"] {
            assert!(answers(&at(loopback, Some(&token)), "evil.example"));
            assert!(!answers(&at(loopback, None), "evil.example"), "{loopback}");
        }
    }
}
