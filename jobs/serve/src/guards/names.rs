//! The names of a request: its id, and its place in a trace that other services began.

use opentelemetry::Context;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{SpanId, TraceContextExt};
use opentelemetry_http::HeaderExtractor;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;
use warp::http::{HeaderMap, HeaderName, HeaderValue};

/// The header of a request's id.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The header of a request's place in a trace, by the W3C's recommendation *Trace Context*.
pub(crate) const TRACE_PARENT: HeaderName = HeaderName::from_static("traceparent");

/// A longer id would fill logs.
const LONGEST_ID: usize = 64;

/// The id of a request: the caller's own if it is short and clean, else a random one.
#[derive(Clone, Debug)]
pub(crate) struct RequestId(HeaderValue);

impl RequestId {
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        match headers.get(REQUEST_ID) {
            Some(id) if is_clean(id.as_bytes()) => Self(id.clone()),
            _ => Self::random(),
        }
    }

    fn random() -> Self {
        const DIGITS: [u8; 16] = *b"0123456789abcdef";
        let digit = |half: u8| DIGITS[usize::from(half & 15)];
        let mut id = [0_u8; 32];
        let bytes: [u8; 16] = rand::random();
        for (pair, byte) in id.as_chunks_mut::<2>().0.iter_mut().zip(bytes) {
            *pair = [digit(byte >> 4), digit(byte)];
        }
        // Digits are always a header's value.
        Self(HeaderValue::from_bytes(&id).unwrap_or(HeaderValue::from_static("0")))
    }

    pub(crate) fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }

    pub(crate) fn header(&self) -> HeaderValue {
        self.0.clone()
    }
}

fn is_clean(id: &[u8]) -> bool {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
    (1..=LONGEST_ID).contains(&id.len()) && id.iter().all(is_plain)
}

/// A request's place in a trace that its caller began.
#[derive(Clone, Debug)]
pub(crate) struct TraceParent {
    caller: Context,
    trace: String,
}

impl TraceParent {
    /// The trace of a request; none if it has none, or if the header is wrong, as the recommendation says.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        if !headers.contains_key(TRACE_PARENT) {
            return None;
        }
        let headers = HeaderExtractor(headers);
        let caller = TraceContextPropagator::new().extract_with_context(&Context::new(), &headers);
        let place = caller.span().span_context().clone();
        place.is_valid().then(|| Self {
            caller,
            trace: place.trace_id().to_string(),
        })
    }

    /// The id of the trace.
    pub(crate) fn trace(&self) -> &str {
        &self.trace
    }

    /// Makes a span that is not entered yet a part of the caller's trace.
    pub(crate) fn adopt(&self, span: &Span) {
        // An error says that no collector wants this span.
        let _ = span.set_parent(self.caller.clone());
    }

    /// The place of the answer in the same trace: the span, if a collector wants spans, else a random place.
    pub(crate) fn answer(&self, span: &Span) -> Option<HeaderValue> {
        let caller = self.caller.span().span_context().clone();
        let own = span.context().span().span_context().span_id();
        let own = if own == SpanId::INVALID {
            SpanId::from(rand::random_range(1..=u64::MAX))
        } else {
            own
        };
        let text = format!("00-{}-{own}-{:02x}", self.trace, caller.trace_flags());
        HeaderValue::try_from(text).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: HeaderName, value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().unwrap());
        headers
    }

    #[test]
    fn a_clean_id_is_kept_and_another_is_replaced() {
        for id in ["a", "Req-1_2.3", &"x".repeat(64)] {
            assert_eq!(RequestId::of(&headers(REQUEST_ID, id)).as_str(), id);
        }
        for id in ["", "two words", "a/b", "<script>", &"x".repeat(65)] {
            let made = RequestId::of(&headers(REQUEST_ID, id));
            assert_eq!(made.as_str().len(), 32, "{id:?}");
        }
        let (one, other) = (RequestId::random(), RequestId::random());
        assert_ne!(one.as_str(), other.as_str());
    }

    #[test]
    fn a_trace_goes_on_with_another_span() {
        let given = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let parent = TraceParent::of(&headers(TRACE_PARENT, given)).unwrap();
        assert_eq!(parent.trace(), "4bf92f3577b34da6a3ce929d0e0e4736");
        let answer = parent.answer(&Span::none()).unwrap();
        let answer = answer.to_str().unwrap();
        assert!(answer.starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-"));
        assert!(answer.ends_with("-01") && answer.len() == given.len());
        assert_ne!(answer, given);
        for wrong in [
            "",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
        ] {
            let read = TraceParent::of(&headers(TRACE_PARENT, wrong));
            assert!(read.is_none(), "{wrong}");
        }
    }
}
