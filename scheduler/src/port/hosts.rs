//! The names by which the scheduler's port may be called: see [`gugus_http::Hosts`].

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use gugus_engine::Port;
use gugus_http::{Hosts, Origin};
use http::StatusCode;

use crate::endpoint::Endpoint;
use crate::problem::Problem;

/// The names of a port that is reached at `endpoint` and read by pages of `origins`.
pub(crate) fn of(endpoint: &Endpoint, port: Port, origins: &[Origin]) -> Hosts {
    // No page knows the token.
    if endpoint.security.token.is_some() && port != Port::Shown {
        return Hosts::Any;
    }
    let sites = origins.iter().filter_map(Origin::authority);
    let sites = sites.map(|site| site.host().to_owned());
    let names = sites.chain(endpoint.external_host.clone());
    Hosts::at(endpoint.address.ip(), names)
}

/// Refuses requests by any other name.
pub(crate) async fn check(State(hosts): State<Hosts>, request: Request, next: Next) -> Response {
    if !hosts.admit(request.headers(), request.uri().authority()) {
        let why = "this port is not called so: call it by its address or by localhost, or start the scheduler with --external-host";
        return Problem::new(StatusCode::MISDIRECTED_REQUEST, why).into_response();
    }
    next.run(request).await
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use gugus_engine::{Security, Token};
    use http::HeaderMap;

    use super::*;

    fn answers(port: Port, token: Option<&str>, name: &str) -> bool {
        let endpoint = Endpoint {
            address: "127.0.0.1:50050".parse().unwrap(),
            external_host: Some("scheduler.internal".to_owned()),
            security: Security {
                token: token.map(|token| Token::new(token).unwrap()),
                tls: None,
            },
        };
        let origins = ["https://gugus.example:8443".parse::<Origin>().unwrap()];
        let authority = name.parse().unwrap();
        of(&endpoint, port, &origins).admit(&HeaderMap::new(), Some(&authority))
    }

    #[test]
    fn names_that_were_given_are_answered_to_and_all_where_a_token_is_asked_for() {
        for name in ["localhost", "scheduler.internal:50050", "gugus.example"] {
            assert!(answers(Port::Scheduler, None, name), "{name}");
        }
        let foreign = "evil.example:50050";
        assert!(!answers(Port::Scheduler, None, foreign));
        assert!(answers(Port::Scheduler, Some("t0ken"), foreign));
        assert!(!answers(Port::Shown, Some("t0ken"), foreign));
    }
}
