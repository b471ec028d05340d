//! A span that ended, and its form in OTLP.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

/// What kind of a span it is: a number of OTLP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Work within the process.
    Internal = 1,
    /// The answer to a request.
    Server = 2,
}

/// A span that ended.
#[derive(Clone, Debug)]
pub(super) struct Ended {
    pub(super) trace: String,
    pub(super) id: String,
    pub(super) parent: Option<String>,
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) begin: SystemTime,
    pub(super) end: SystemTime,
    pub(super) attributes: Vec<(&'static str, Value)>,
}

impl Ended {
    fn json(&self) -> Value {
        json!({
            "traceId": self.trace,
            "spanId": self.id,
            "parentSpanId": self.parent.as_deref().unwrap_or_default(),
            "name": self.name,
            "kind": self.kind as u8,
            "startTimeUnixNano": nanoseconds(self.begin),
            "endTimeUnixNano": nanoseconds(self.end),
            "attributes": self.attributes.iter().map(|(key, value)| attribute(key, value)).collect::<Vec<_>>(),
        })
    }
}

/// Spans as the body of one request.
pub(super) fn body(service: &str, spans: &[Ended]) -> Value {
    json!({ "resourceSpans": [{
        "resource": { "attributes": [
            attribute("service.name", &service.into()),
            attribute("service.version", &env!("CARGO_PKG_VERSION").into()),
        ] },
        "scopeSpans": [{
            "scope": { "name": "gugus", "version": env!("CARGO_PKG_VERSION") },
            "spans": spans.iter().map(Ended::json).collect::<Vec<_>>(),
        }],
    }] })
}

fn attribute(key: &str, value: &Value) -> Value {
    let value = match value {
        Value::Bool(value) => json!({ "boolValue": value }),
        // OTLP writes whole numbers as text.
        Value::Number(number) if number.is_f64() => json!({ "doubleValue": number }),
        Value::Number(number) => json!({ "intValue": number.to_string() }),
        Value::String(text) => json!({ "stringValue": text }),
        other => json!({ "stringValue": other.to_string() }),
    };
    json!({ "key": key, "value": value })
}

fn nanoseconds(time: SystemTime) -> String {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_nanos().to_string()
}
