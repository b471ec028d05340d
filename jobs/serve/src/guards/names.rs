//! The names of a request: its id, and its place in a trace that other services began.

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
        let id = format!("{:032x}", rand::random::<u128>());
        // Digits are always a header's value.
        Self(HeaderValue::try_from(id).unwrap_or(HeaderValue::from_static("0")))
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

/// A place in a trace: `00-<trace>-<span>-<flags>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TraceParent {
    trace: String,
    parent: String,
    /// The span of the answer.
    own: String,
    flags: String,
}

impl TraceParent {
    /// The trace of a request; none if it has none, or if the header is wrong, as the recommendation says.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let text = headers.get(TRACE_PARENT)?.to_str().ok()?;
        let mut parts = text.split('-');
        let (version, trace) = (parts.next()?, parts.next()?);
        let (span, flags) = (parts.next()?, parts.next()?);
        let is_hex = |text: &str, length: usize| {
            let mut bytes = text.bytes();
            text.len() == length && bytes.all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        };
        let is_zero = |text: &str| text.bytes().all(|byte| byte == b'0');
        let is_right = is_hex(version, 2)
            && version != "ff"
            && (version != "00" || parts.next().is_none())
            && is_hex(trace, 32)
            && !is_zero(trace)
            && is_hex(span, 16)
            && !is_zero(span)
            && is_hex(flags, 2);
        is_right.then(|| Self {
            trace: trace.to_owned(),
            parent: span.to_owned(),
            own: format!("{:016x}", rand::random_range(1..=u64::MAX)),
            flags: flags.to_owned(),
        })
    }

    /// The id of the trace.
    pub(crate) fn trace(&self) -> &str {
        &self.trace
    }

    /// The id of the caller's span.
    pub(crate) fn parent(&self) -> &str {
        &self.parent
    }

    /// The id of the span of the answer.
    pub(crate) fn own(&self) -> &str {
        &self.own
    }

    /// Whether the caller keeps the trace.
    pub(crate) fn is_sampled(&self) -> bool {
        u8::from_str_radix(&self.flags, 16).is_ok_and(|flags| flags & 1 == 1)
    }

    /// The place of the answer in the same trace.
    pub(crate) fn answer(&self) -> Option<HeaderValue> {
        let text = format!("00-{}-{}-{}", self.trace, self.own, self.flags);
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
        let answer = parent.answer().unwrap();
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
            assert_eq!(
                TraceParent::of(&headers(TRACE_PARENT, wrong)),
                None,
                "{wrong}"
            );
        }
    }
}
