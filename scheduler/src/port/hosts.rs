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
    // Pages that are shown to everybody ask for no token.
    let token = endpoint.security.token.as_ref();
    let token = token.filter(|_| port != Port::Shown);
    let name = endpoint.external_host.clone();
    Hosts::of(endpoint.address.ip(), token, name, origins)
}

/// Refuses requests by any other name.
pub(crate) async fn check(State(hosts): State<Hosts>, request: Request, next: Next) -> Response {
    if !hosts.answer_to(request.headers(), request.uri()) {
        let why = "this port is not called so: call it by its address or by localhost, or start the scheduler with --external-host";
        return Problem::new(StatusCode::MISDIRECTED_REQUEST, why).into_response();
    }
    next.run(request).await
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use gugus_engine::{Security, Token};
    use http::{HeaderMap, Uri, header};

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
        let headers = HeaderMap::from_iter([(header::HOST, name.parse().unwrap())]);
        of(&endpoint, port, &origins).answer_to(&headers, &Uri::from_static("/"))
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
