//! Knows whether results are being fetched, so that an executor does not leave while its results are needed.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http_body_util::BodyExt;
use prometheus::IntCounter;

/// The beginning of the paths of Arrow Flight's calls.
const FLIGHT: &str = "/arrow.flight.protocol.FlightService/";

/// Counts requests for results, from the head of the request to the last byte of the answer.
#[derive(Debug)]
pub(super) struct Fetches {
    state: Mutex<Seen>,
    all: IntCounter,
}

#[derive(Debug)]
struct Seen {
    running: usize,
    /// The time of the last event: a fetch began or ended, or a task ended and its result will be fetched.
    last: Option<Instant>,
}

impl Fetches {
    pub(super) fn new(all: IntCounter) -> Arc<Self> {
        let state = Mutex::new(Seen {
            running: 0,
            last: None,
        });
        Arc::new(Self { state, all })
    }

    /// For [`axum::middleware::from_fn_with_state`].
    pub(super) async fn watch(
        State(fetches): State<Arc<Self>>,
        request: Request,
        next: Next,
    ) -> Response {
        if !request.uri().path().starts_with(FLIGHT) {
            return next.run(request).await;
        }
        let fetch = Fetch::begin(&fetches);
        next.run(request).await.map(|body| {
            Body::new(body.map_frame(move |frame| {
                let _ends_with_the_body = &fetch;
                frame
            }))
        })
    }

    /// Notes that a task ended. Somebody will probably fetch its result soon.
    pub(super) fn expect(&self) {
        self.state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .last = Some(Instant::now());
    }

    /// How long to wait until `quiet` has passed without a fetch and without a new result. `None` if it has passed
    /// already.
    pub(super) fn until_quiet(&self, quiet: Duration) -> Option<Duration> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.running > 0 {
            return Some(quiet);
        }
        let left = quiet.checked_sub(state.last?.elapsed())?;
        (!left.is_zero()).then_some(left)
    }
}

/// One request, until the body of its answer is dropped.
struct Fetch(Arc<Fetches>);

impl Fetch {
    fn begin(fetches: &Arc<Fetches>) -> Self {
        fetches.all.inc();
        fetches
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .running += 1;
        Self(Arc::clone(fetches))
    }
}

impl Drop for Fetch {
    fn drop(&mut self) {
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.running = state.running.saturating_sub(1);
        state.last = Some(Instant::now());
    }
}
