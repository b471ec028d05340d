//! The service with its guards before it. Every request of REST is named, admitted, bounded, counted and logged here. A
//! request of gRPC is admitted, bounded and counted.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use gugus_http::Peer;
use opentelemetry::trace::TraceContextExt;
use tokio::sync::OwnedSemaphorePermit;
use tower_service::Service;
use tracing::{Instrument, Span};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use warp::http::{HeaderName, HeaderValue, Request, StatusCode, Uri, header};
use warp::reply::{Reply, Response};

use super::callers::{Callers, is_open, is_urgent};
use super::limits::Limits;
use super::names::{REQUEST_ID, RequestId, TRACE_PARENT, TraceParent};
use super::refusals;
use super::settings::{AccessLog, Guards, RootPath};
use super::sites::Sites;
use crate::metrics::Metrics;
use crate::problem::{Problem, Told, cut};
use crate::reply;
use crate::route::Matched;

/// Headers that every answer has: browsers must not guess content types, show our pages within others, or tell other sites
/// which model somebody looks at.
const SAFE: [(HeaderName, HeaderValue); 3] = [
    (
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    ),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (
        header::REFERRER_POLICY,
        HeaderValue::from_static("same-origin"),
    ),
];

/// What stands before the routes.
pub(crate) struct Guard {
    callers: Callers,
    limits: Limits,
    root: Option<RootPath>,
    log: AccessLog,
    metrics: Arc<Metrics>,
}

impl Guard {
    pub(crate) fn new(guards: &Guards, metrics: Arc<Metrics>) -> Arc<Self> {
        Arc::new(Self {
            callers: Callers::new(guards.token.clone()),
            limits: Limits::new(guards),
            root: guards.root_path.clone(),
            log: guards.access_log,
            metrics,
        })
    }

    async fn answer<B, S>(&self, mut request: Request<B>, sites: &Sites, inner: S) -> Response
    where
        S: Service<Request<B>, Response = Response, Error = Infallible>,
    {
        let began = Instant::now();
        let id = RequestId::of(request.headers());
        let trace = TraceParent::of(request.headers());
        if let Some(root) = &self.root {
            strip(root, request.uri_mut());
        }
        name_host(&mut request);
        let _in_flight = self.metrics.in_flight();
        let asked = Asked {
            method: request.method().clone(),
            uri: request.uri().clone(),
            peer: request.extensions().get::<Peer>().map(|peer| peer.address),
        };
        let span = self.span(&asked, &id, trace.as_ref());
        if let Some(trace) = &trace {
            trace.adopt(&span);
        }
        let answered = self
            .admitted(request, sites, inner)
            .instrument(span.clone());
        let mut response = answered.await;

        let route = response.extensions_mut().remove::<Matched>();
        let route = route.map_or(NO_ROUTE, |Matched(path)| path);
        let status = response.status();
        if let Some(problem) = response.extensions_mut().remove::<Problem>() {
            self.metrics.refused(&problem);
            let problem = problem.in_request(id.as_str());
            *response.body_mut() = reply::json(status, &problem).into_body();
        }
        if let Some(Told(problem)) = response.extensions_mut().remove::<Told>() {
            self.metrics.refused(&problem);
        }
        let headers = response.headers_mut();
        headers.extend(SAFE);
        headers.insert(REQUEST_ID, id.header());
        if let Some(place) = trace.as_ref().and_then(|trace| trace.answer(&span)) {
            headers.insert(TRACE_PARENT, place);
        }
        let seconds = began.elapsed().as_secs_f64();
        self.metrics.answered(route, status, seconds);
        if !span.is_disabled() {
            // OpenTelemetry names such spans by method and route.
            let name = format!("{} {route}", asked.method);
            span.context().span().update_name(name);
            span.record("route", route);
            // OpenTelemetry has no unsigned numbers.
            span.record("status", i64::from(status.as_u16()));
        }
        self.log(&asked, &id, trace.as_ref(), (route, status, seconds));
        response
    }

    /// The answer of the routes, if the caller may ask and there is room.
    async fn admitted<B, S>(&self, request: Request<B>, sites: &Sites, mut inner: S) -> Response
    where
        S: Service<Request<B>, Response = Response, Error = Infallible>,
    {
        if let Err(problem) = sites.check(request.method(), request.uri(), request.headers()) {
            return problem.into_response();
        }
        let path = request.uri().path();
        if !is_open(path) && !self.callers.admit(request.headers()) {
            return refusals::unauthorized();
        }
        if is_urgent(path) {
            return infallible(inner.call(request).await);
        }
        match self.limits.within(inner.call(request)).await {
            Ok(answered) => infallible(answered),
            Err(exceeded) => refusals::exceeded(exceeded, self.limits.seconds()),
        }
    }

    /// Admits a request of gRPC, which tells problems in its own way. A problem that the answer tells is [`Told`] among its
    /// extensions.
    pub(crate) async fn admit<A, B, F>(
        &self,
        method: &'static str,
        request: Request<A>,
        sites: &Sites,
        answer: impl FnOnce(Request<A>) -> F,
    ) -> Result<warp::http::Response<B>, Problem>
    where
        F: Future<Output = warp::http::Response<B>>,
    {
        let began = Instant::now();
        let _in_flight = self.metrics.in_flight();
        let welcome = sites.check(request.method(), request.uri(), request.headers());
        let mut answered = match welcome {
            Err(problem) => Err(problem),
            Ok(()) if is_open(method) => Ok(answer(request).await),
            Ok(()) if self.callers.admit(request.headers()) => self.turn(answer(request)).await,
            Ok(()) => Err(refusals::no_token()),
        };
        let told = match &mut answered {
            Ok(response) => response.extensions_mut().remove::<Told>(),
            Err(problem) => Some(Told(problem.clone())),
        };
        let status = match told {
            Some(Told(problem)) => {
                self.refused(&problem);
                problem.protocol_status()
            }
            None => StatusCode::OK,
        };
        self.metrics
            .answered(method, status, began.elapsed().as_secs_f64());
        answered
    }

    /// Counts a problem that is told within an answer.
    pub(crate) fn refused(&self, problem: &Problem) {
        self.metrics.refused(problem);
    }

    /// A place for a stream of requests, as long as it is open.
    pub(crate) fn stream(&self) -> Result<OwnedSemaphorePermit, Problem> {
        let exceeded = |exceeded| refusals::no_turn(exceeded, self.limits.seconds());
        self.limits.stream().map_err(exceeded)
    }

    /// The next request of a stream; a problem if it does not come in time.
    pub(crate) async fn next<T>(&self, request: impl Future<Output = T>) -> Result<T, Problem> {
        let idle = |_| refusals::idle(self.limits.seconds());
        self.limits.in_time(request).await.map_err(idle)
    }

    /// The answer when it is its turn, and a problem if that takes too long.
    pub(crate) async fn turn<T>(&self, answer: impl Future<Output = T>) -> Result<T, Problem> {
        let exceeded = |exceeded| refusals::no_turn(exceeded, self.limits.seconds());
        self.limits.within(answer).await.map_err(exceeded)
    }

    /// The span of a request: events within it have its id. Without a log of requests nobody pays for the span.
    fn span(&self, asked: &Asked, id: &RequestId, trace: Option<&TraceParent>) -> Span {
        macro_rules! span {
            ($level:expr) => {
                tracing::span!(
                    target: "gugus_serve::request",
                    $level,
                    "request",
                    method = %asked.method,
                    request_id = id.as_str(),
                    trace_id = trace.map(TraceParent::trace),
                    otel.kind = "server",
                    route = tracing::field::Empty,
                    status = tracing::field::Empty,
                )
            };
        }
        match self.log {
            AccessLog::On => span!(tracing::Level::INFO),
            AccessLog::Off => span!(tracing::Level::DEBUG),
        }
    }

    /// One line. It holds neither query nor headers nor bodies, because those may hold secrets.
    fn log(
        &self,
        asked: &Asked,
        id: &RequestId,
        trace: Option<&TraceParent>,
        (route, status, seconds): (&str, StatusCode, f64),
    ) {
        macro_rules! line {
            ($level:expr) => {
                tracing::event!(
                    target: "gugus_serve::access",
                    $level,
                    method = %asked.method,
                    path = cut(asked.uri.path()),
                    route,
                    status = status.as_u16(),
                    seconds,
                    request_id = id.as_str(),
                    trace_id = trace.map(TraceParent::trace),
                    peer = asked.peer.map(tracing::field::display),
                    "answered"
                )
            };
        }
        match self.log {
            AccessLog::On => line!(tracing::Level::INFO),
            AccessLog::Off => line!(tracing::Level::DEBUG),
        }
    }
}

/// The parts of a request that the log tells.
struct Asked {
    method: warp::http::Method,
    uri: Uri,
    peer: Option<std::net::SocketAddr>,
}

/// The label of requests that no route takes. Their paths are no labels: there are endlessly many.
const NO_ROUTE: &str = "none";

/// Takes the path of the proxy off, if the proxy has not done so.
fn strip(root: &RootPath, uri: &mut Uri) {
    let rest = uri
        .path_and_query()
        .and_then(|path| root.strip(path.as_str()));
    let mut parts = uri.clone().into_parts();
    if let Some(Ok(rest)) = rest.map(str::parse) {
        parts.path_and_query = Some(rest);
        if let Ok(stripped) = Uri::from_parts(parts) {
            *uri = stripped;
        }
    }
}

/// Puts the host into the headers, where routes look for it. HTTP/2 names it in the address alone.
fn name_host<B>(request: &mut Request<B>) {
    let Some(authority) = request.uri().authority() else {
        return;
    };
    if let Ok(host) = HeaderValue::from_str(authority.as_str()) {
        request.headers_mut().entry(header::HOST).or_insert(host);
    }
}

fn infallible(answered: Result<Response, Infallible>) -> Response {
    match answered {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

/// A service behind its guard.
#[derive(Clone)]
pub(crate) struct Guarded<S> {
    pub(crate) inner: S,
    pub(crate) guard: Arc<Guard>,
    pub(crate) sites: Arc<Sites>,
}

impl<B, S> Service<Request<B>> for Guarded<S>
where
    B: Send + 'static,
    S: Service<Request<B>, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (guard, inner) = (Arc::clone(&self.guard), self.inner.clone());
        let sites = Arc::clone(&self.sites);
        Box::pin(async move { Ok(guard.answer(request, &sites, inner).await) })
    }
}
