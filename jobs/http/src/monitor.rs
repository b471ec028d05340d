//! `/metrics`, `/healthz` and `/readyz`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use prometheus::{IntGauge, Opts, Registry, TEXT_FORMAT, TextEncoder};
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::http::{HeaderMap, Response, StatusCode, Uri, header::CONTENT_TYPE};

use crate::hosts::Hosts;
use crate::process::Process;

/// The answer to a name that is not the port's.
const MISDIRECTED: &str = "this port is not called so: call it by its address or by localhost\n";

/// Whether a service can take work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// It can take work.
    Ready,
    /// It cannot take work yet, or no longer.
    NotReady,
}

/// The metrics and the readiness of a service. All clones share them.
#[derive(Clone, Debug)]
pub struct Monitor {
    registry: Registry,
    ready: Arc<AtomicBool>,
}

impl Monitor {
    /// A monitor that is not ready, with a registry that holds `gugus_build_info`.
    ///
    /// # Errors
    /// None that a caller could cause: the names are ours.
    pub fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let build = Opts::new("gugus_build_info", "Always 1; the version is the label.")
            .const_label("version", env!("CARGO_PKG_VERSION"));
        let build = IntGauge::with_opts(build)?;
        build.set(1);
        registry.register(Box::new(build))?;
        registry.register(Box::new(Process::new()?))?;
        Ok(Self {
            registry,
            ready: Arc::default(),
        })
    }

    /// Where the service registers its metrics.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Says whether the service can take work.
    pub fn set(&self, readiness: Readiness) {
        self.ready
            .store(readiness == Readiness::Ready, Ordering::Release);
    }

    /// The readiness that [`Self::set`] was last given.
    #[must_use]
    pub fn readiness(&self) -> Readiness {
        if self.ready.load(Ordering::Acquire) {
            Readiness::Ready
        } else {
            Readiness::NotReady
        }
    }

    /// `GET /metrics` in Prometheus' text format, `GET /healthz` (200 while the process lives) and `GET /readyz` (200 while
    /// it can take work, else 503). Requests by a name that is not among `hosts` get 421.
    pub fn routes(&self, hosts: Hosts) -> BoxedFilter<(Response<String>,)> {
        let misdirected = warp::header::headers_cloned().and_then(move |headers: HeaderMap| {
            // A port without TLS speaks HTTP/1.1 to browsers: the name is in a header.
            let admitted = hosts.answer_to(&headers, &Uri::default());
            async move {
                if admitted {
                    return Err(warp::reject());
                }
                Ok(text(
                    StatusCode::MISDIRECTED_REQUEST,
                    MISDIRECTED.to_owned(),
                ))
            }
        });
        let get = warp::get().or(warp::head()).unify();
        let monitor = self.clone();
        let metrics = warp::path!("metrics").map(move || monitor.page());
        let health = warp::path!("healthz").map(|| text(StatusCode::OK, "ok\n".to_owned()));
        let monitor = self.clone();
        let ready = warp::path!("readyz").map(move || monitor.ready_page());
        let pages = get.and(metrics.or(health).unify().or(ready).unify());
        misdirected.or(pages).unify().boxed()
    }

    fn ready_page(&self) -> Response<String> {
        match self.readiness() {
            Readiness::Ready => text(StatusCode::OK, "ready\n".to_owned()),
            Readiness::NotReady => text(StatusCode::SERVICE_UNAVAILABLE, "not ready\n".to_owned()),
        }
    }

    /// The answer of `GET /metrics`, for a service that has routes of its own.
    pub fn page(&self) -> Response<String> {
        match TextEncoder::new().encode_to_string(&self.registry.gather()) {
            Ok(metrics) => {
                let mut response = Response::new(metrics);
                let format = warp::http::HeaderValue::from_static(TEXT_FORMAT);
                response.headers_mut().insert(CONTENT_TYPE, format);
                response
            }
            Err(error) => text(StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")),
        }
    }
}

fn text(status: StatusCode, text: String) -> Response<String> {
    let mut response = Response::new(text);
    *response.status_mut() = status;
    response
}
