//! Decides which callers may talk to a port of the cluster.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use ballista_core::serde::protobuf::scheduler_grpc_server::SERVICE_NAME;
use gugus_http::{BASIC, BEARER, Peer, PeerCertificate, Token};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tonic::Status;

use super::refusal::{Caller, NO_CALL, refusal};
use super::sessions::Sessions;
use super::settings::{Port, Security};
use crate::agreement::about::{ABOUT_HEADER, About};

/// Paths that anybody may ask. They tell only that the process lives.
const OPEN: [&str; 2] = ["/healthz", "/readyz"];

/// The path of the scheduler's page that asks for the token.
pub const SIGN_IN_PATH: &str = "/sign-in";

/// Where the page that asks for the token has its style.
const ASSETS: &str = "/assets/";

/// Paths for scripts, which get no page, whatever they accept.
const FOR_SCRIPTS: [&str; 3] = ["/gugus/", "/api/", "/metrics"];

/// Calls to the scheduler by which a member joins or begins something. The guard also checks the version of these callers;
/// later calls need no second check.
const JOINING: [&str; 4] = [
    "RegisterExecutor",
    "HeartBeatFromExecutor",
    "ExecuteQuery",
    "ExecuteQueryPush",
];

/// Why a caller is refused.
const NO_TOKEN: &str = "this cluster wants its token: name the file that holds it with --token-file, or set GUGUS_TOKEN";

/// Why a caller is refused if there is TLS and no token.
const NO_CERTIFICATE: &str = "this cluster wants a client certificate of its authority: name one with --tls-cert and --tls-key";

/// A request has this among its extensions when its sender has signed in with a browser.
#[derive(Clone, Copy, Debug)]
pub struct SignedIn;

/// The check in front of every route of a port.
#[derive(Debug)]
pub struct Guard {
    token: Option<Token>,
    tls: bool,
    port: Port,
    /// Browsers that have signed in. Only a scheduler with a token has such.
    sessions: Option<Sessions>,
}

impl Guard {
    /// A guard that lets in callers with the token or a certificate. Without token and TLS it lets everybody in.
    #[must_use]
    pub fn new(port: Port, security: &Security) -> Arc<Self> {
        let (token, tls) = (security.token.clone(), security.tls.is_some());
        let asks = port == Port::Scheduler && token.is_some();
        Arc::new(Self {
            token,
            tls,
            port,
            sessions: asks.then(|| Sessions::new(tls)),
        })
    }

    /// Whether browsers sign in here.
    #[must_use]
    pub fn takes_sign_in(&self) -> bool {
        self.sessions.is_some()
    }

    /// Begins a session for a browser that shows the token, and gives the header `set-cookie` for it. `None` when this is
    /// not the token.
    #[must_use]
    pub fn sign_in(&self, shown: &str) -> Option<HeaderValue> {
        let (token, sessions) = (self.token.as_ref()?, self.sessions.as_ref()?);
        token.is(shown.trim()).then(|| sessions.begin())?
    }

    /// Ends the session of a request, and gives the header `set-cookie` that removes its cookie.
    #[must_use]
    pub fn sign_out(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        self.sessions.as_ref()?.end(headers)
    }

    /// For [`axum::middleware::from_fn_with_state`].
    pub async fn check(
        State(guard): State<Arc<Self>>,
        mut request: Request,
        next: Next,
    ) -> Response {
        let sessions = guard.sessions.as_ref();
        if sessions.is_some_and(|sessions| sessions.know(request.headers())) {
            request.extensions_mut().insert(SignedIn);
        }
        let path = request.uri().path();
        let headers = request.headers();
        if guard.demands_proof(path) {
            let trusted = request
                .extensions()
                .get::<Peer>()
                .is_some_and(|peer| peer.certificate == PeerCertificate::Trusted);
            let signed_in = request.extensions().get::<SignedIn>().is_some();
            if !trusted && !signed_in && !guard.admits(headers) {
                tracing::debug!(path, "a request without a proof was refused");
                return guard.refuse(&request);
            }
        }
        let call = call_to_scheduler(path);
        let caller = Caller::of(headers);
        if call.is_some() && caller != Caller::Grpc {
            return refusal(caller, StatusCode::UNSUPPORTED_MEDIA_TYPE, NO_CALL);
        }
        if call.is_some_and(|call| JOINING.contains(&call))
            && let Err(message) = same(headers)
        {
            tracing::warn!(path, "refused: {message}");
            return Status::failed_precondition(message).into_http::<Body>();
        }
        next.run(request).await
    }

    /// Whether a request for this path must show a proof.
    fn demands_proof(&self, path: &str) -> bool {
        if self.port == Port::Shown {
            return call_to_scheduler(path).is_some();
        }
        let asking = path == SIGN_IN_PATH || path.starts_with(ASSETS);
        !(OPEN.contains(&path) || self.takes_sign_in() && asking)
    }

    fn admits(&self, headers: &HeaderMap) -> bool {
        let Some(token) = &self.token else {
            return !self.tls;
        };
        let text = |name| {
            headers
                .get(name)
                .and_then(|value: &HeaderValue| value.to_str().ok())
        };
        token.is_in(headers)
            || (self.port == Port::Executor
                && text(header::USER_AGENT).is_some_and(|agent| {
                    agent
                        .split(' ')
                        .filter_map(|word| word.strip_prefix("peer="))
                        .any(|shown| token.is_peer(shown))
                }))
    }

    fn refuse(&self, request: &Request) -> Response {
        let headers = request.headers();
        if self.takes_sign_in() && is_for_a_page(request) {
            return Redirect::to(&sign_in_before(request)).into_response();
        }
        let wanted = if self.token.is_some() {
            NO_TOKEN
        } else {
            NO_CERTIFICATE
        };
        let caller = Caller::of(headers);
        let mut response = refusal(caller, StatusCode::UNAUTHORIZED, wanted);
        if caller == Caller::Grpc {
            return response;
        }
        let headers_of_answer = response.headers_mut();
        headers_of_answer.append(header::WWW_AUTHENTICATE, BEARER);
        // A browser would ask for a password in the middle of a page whose session has ended.
        let by_a_script = headers
            .get("sec-fetch-mode")
            .is_some_and(|mode| mode != "navigate");
        if !by_a_script {
            headers_of_answer.append(header::WWW_AUTHENTICATE, BASIC);
        }
        response
    }
}

/// Whether a browser wants to show the answer as a page.
#[must_use]
pub fn is_for_a_page(request: &Request) -> bool {
    let path = request.uri().path();
    let accepted = request.headers().get(header::ACCEPT);
    let accepted = accepted.and_then(|kinds| kinds.to_str().ok());
    accepted.is_some_and(|kinds| kinds.contains("text/html"))
        && !FOR_SCRIPTS.iter().any(|start| path.starts_with(start))
}

/// The page that asks for the token and then leads to what was asked for.
fn sign_in_before(request: &Request) -> String {
    let next = request.uri().path_and_query();
    match next.filter(|_| request.method() == Method::GET || request.method() == Method::HEAD) {
        Some(next) => format!(
            "{SIGN_IN_PATH}?next={}",
            utf8_percent_encode(next.as_str(), NON_ALPHANUMERIC)
        ),
        None => SIGN_IN_PATH.to_owned(),
    }
}

/// The name of the scheduler's gRPC call that has this path.
fn call_to_scheduler(path: &str) -> Option<&str> {
    let call = path.strip_prefix('/')?.strip_prefix(SERVICE_NAME)?;
    call.strip_prefix('/')
}

fn same(headers: &HeaderMap) -> Result<(), String> {
    let ours = About::ours().to_string();
    match headers.get(ABOUT_HEADER).map(HeaderValue::to_str) {
        Some(Ok(theirs)) if theirs == ours => Ok(()),
        Some(Ok(theirs)) => Err(format!(
            "this scheduler is {ours}, what asks is {theirs}; install the same version on both"
        )),
        _ => Err(format!(
            "this scheduler is {ours}, what asks does not say what it is; use the client and executor of the same version"
        )),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use base64::Engine;
    use base64::prelude::BASE64_STANDARD;

    use super::*;

    fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            let name: http::HeaderName = name.parse().unwrap();
            headers.insert(name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn only_who_shows_the_token_is_let_in() {
        let token = Token::new("right-token").unwrap();
        let agent = format!("gugus/0 peer={} tonic/0.14", token.peer());
        let basic = |pair: &str| format!("Basic {}", BASE64_STANDARD.encode(pair));
        let security = Security {
            token: Some(token),
            tls: None,
        };
        let scheduler = Guard::new(Port::Scheduler, &security);
        let executor = Guard::new(Port::Executor, &security);
        for (name, value, at_scheduler, at_executor) in [
            ("authorization", "Bearer right-token".to_owned(), true, true),
            ("authorization", "bearer right-token".to_owned(), true, true),
            ("authorization", basic("me:right-token"), true, true),
            ("authorization", basic("right-token"), false, false),
            (
                "authorization",
                "Bearer wrong-token".to_owned(),
                false,
                false,
            ),
            ("authorization", "right-token".to_owned(), false, false),
            ("user-agent", agent, false, true),
            (
                "user-agent",
                "gugus/0 peer=right-token".to_owned(),
                false,
                false,
            ),
        ] {
            let shown = headers(&[(name, &value)]);
            assert_eq!(
                scheduler.admits(&shown),
                at_scheduler,
                "{name} {value} at the scheduler"
            );
            assert_eq!(
                executor.admits(&shown),
                at_executor,
                "{name} {value} at an executor"
            );
        }
        assert!(!scheduler.admits(&HeaderMap::new()));
        assert!(Guard::new(Port::Scheduler, &Security::default()).admits(&HeaderMap::new()));
    }

    #[test]
    fn shown_pages_are_open_and_calls_are_not() {
        let security = Security {
            token: Some(Token::new("right-token").unwrap()),
            tls: None,
        };
        let demands = |port, path: &str| Guard::new(port, &security).demands_proof(path);
        for (path, shown, scheduler) in [
            ("/", false, true),
            ("/gugus/v1/runs", false, true),
            ("/healthz", false, false),
            ("/sign-in", false, false),
            ("/ballista.protobuf.SchedulerGrpc/ExecuteQuery", true, true),
            ("/ballista.protobuf.SchedulerGrpc/", true, true),
        ] {
            assert_eq!(demands(Port::Shown, path), shown, "{path}");
            assert_eq!(demands(Port::Scheduler, path), scheduler, "{path}");
            assert_eq!(demands(Port::Executor, path), path != "/healthz", "{path}");
        }
    }

    #[test]
    fn a_refusal_names_both_sides() {
        let ours = About::ours().to_string();
        assert_eq!(same(&headers(&[(ABOUT_HEADER, &ours)])), Ok(()));
        let refusal = same(&headers(&[(ABOUT_HEADER, "gugus 0.0.1 (functions ab)")])).unwrap_err();
        assert!(
            refusal.contains(&ours) && refusal.contains("gugus 0.0.1 (functions ab)"),
            "{refusal}"
        );
        assert!(
            same(&HeaderMap::new())
                .unwrap_err()
                .contains("does not say what it is")
        );
    }
}
