//! The metrics of the service. Invariant: a label has few values, and no text of a request becomes one: paths are counted by the
//! patterns of routes.

use std::sync::Arc;

use gugus_http::Monitor;
use prometheus::{
    HistogramVec, IntCounterVec, IntGauge, register_histogram_vec_with_registry,
    register_int_counter_vec_with_registry, register_int_gauge_with_registry,
};
use warp::http::StatusCode;

use crate::problem::Problem;

/// Upper bounds of the times of requests, in seconds. A prediction takes less than a millisecond, a model that is read for it
/// some milliseconds, and a request of a second is trouble.
const REQUEST_SECONDS: [f64; 12] = [
    0.000_25, 0.000_5, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 10.0,
];

/// Counters, gauges and times of one service.
#[derive(Debug)]
pub(crate) struct Metrics {
    pub(crate) monitor: Monitor,
    requests: IntCounterVec,
    seconds: HistogramVec,
    in_flight: IntGauge,
    refused: IntCounterVec,
}

impl Metrics {
    /// Metrics beside those that `monitor` has, or in a registry of their own.
    pub(crate) fn new(monitor: Option<Monitor>) -> Result<Arc<Self>, prometheus::Error> {
        let monitor = monitor.map_or_else(Monitor::new, Ok)?;
        let registry = monitor.registry();
        Ok(Arc::new(Self {
            requests: register_int_counter_vec_with_registry!(
                "gugus_serve_requests_total",
                "Requests that were answered, by route and status; requests that no route takes have the route none.",
                &["route", "status"],
                registry
            )?,
            seconds: register_histogram_vec_with_registry!(
                "gugus_serve_request_seconds",
                "From the head of a request to its answer, by route.",
                &["route"],
                REQUEST_SECONDS.to_vec(),
                registry
            )?,
            in_flight: register_int_gauge_with_registry!(
                "gugus_serve_requests_in_flight",
                "Requests that are answered or wait for their turn.",
                registry
            )?,
            refused: register_int_counter_vec_with_registry!(
                "gugus_serve_refused_total",
                "Requests that got an error, by its code.",
                &["error"],
                registry
            )?,
            monitor,
        }))
    }

    /// Counts a request as in flight until what this returns is dropped.
    pub(crate) fn in_flight(&self) -> InFlight<'_> {
        self.in_flight.inc();
        InFlight(&self.in_flight)
    }

    pub(crate) fn answered(&self, route: &'static str, status: StatusCode, seconds: f64) {
        let counted = self.requests.with_label_values(&[route, status.as_str()]);
        counted.inc();
        self.seconds.with_label_values(&[route]).observe(seconds);
    }

    pub(crate) fn refused(&self, problem: &Problem) {
        self.refused
            .with_label_values(&[&problem.code_text()])
            .inc();
    }
}

/// A request in flight, also if its client hangs up.
pub(crate) struct InFlight<'a>(&'a IntGauge);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.dec();
    }
}
