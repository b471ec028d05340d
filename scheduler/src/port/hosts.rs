//! The names by which the port may be called on loopback.
//!
//! After a browser has loaded a page, the page can make its own name mean 127.0.0.1 ("DNS rebinding"). Then it can ask this
//! port as if the port were part of its own site, and no rule about other sites applies. Only the name in its requests gives
//! such a page away.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use gugus_http::Origin;
use http::uri::Authority;
use http::{StatusCode, header};

use crate::endpoint::Endpoint;
use crate::problem::Problem;

/// The names to which the port answers.
#[derive(Clone, Debug)]
pub(crate) enum Hosts {
    /// All names, because other machines may call us by any name, and no page knows the token.
    Any,
    /// Addresses, `localhost`, and these names.
    Own(Arc<[String]>),
}

impl Hosts {
    /// The names of a port that is reached at `endpoint` and read by pages of `origins`.
    pub(crate) fn of(endpoint: &Endpoint, origins: &[Origin]) -> Self {
        if !endpoint.address.ip().is_loopback() || endpoint.security.token.is_some() {
            return Self::Any;
        }
        let sites = origins.iter().filter_map(Origin::authority);
        let sites = sites.map(|site| site.host().to_owned());
        Self::Own(sites.chain(endpoint.external_host.clone()).collect())
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

/// Refuses requests by any other name.
pub(crate) async fn check(State(hosts): State<Hosts>, request: Request, next: Next) -> Response {
    let header = request.headers().get(header::HOST);
    let called = match header {
        Some(host) => Authority::try_from(host.as_bytes()).ok(),
        None => request.uri().authority().cloned(),
    };
    let refused = match &called {
        Some(authority) => !hosts.contain(authority),
        // HTTP/1.0 has no such header, and no browser speaks it. A text that is no name at all is refused.
        None => header.is_some(),
    };
    if refused {
        let why = "this port is not called so: call it by its address or by localhost, or start the scheduler with --external-host";
        return Problem::new(StatusCode::MISDIRECTED_REQUEST, why).into_response();
    }
    next.run(request).await
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use gugus_engine::Security;

    use super::*;

    fn answers(hosts: &Hosts, name: &str) -> bool {
        hosts.contain(&name.parse().unwrap())
    }

    fn at(ip: &str, external_host: Option<&str>) -> Endpoint {
        Endpoint {
            address: (ip.parse::<IpAddr>().unwrap(), 50050).into(),
            external_host: external_host.map(str::to_owned),
            security: Security::default(),
        }
    }

    #[test]
    fn on_loopback_no_foreign_name_is_answered_to() {
        let origins = ["https://gugus.example:8443".parse::<Origin>().unwrap()];
        let hosts = Hosts::of(&at("127.0.0.1", Some("scheduler.internal")), &origins);
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
    }

    #[test]
    fn elsewhere_names_are_for_others_to_give() {
        let hosts = |ip: &str| Hosts::of(&at(ip, None), &[]);
        assert!(answers(&hosts("0.0.0.0"), "scheduler:50050"));
        assert!(!answers(&hosts("::1"), "scheduler:50050"));
    }
}
