//! Gathers our spans.

use std::fmt::Debug;
use std::sync::mpsc::SyncSender;
use std::time::SystemTime;

use serde_json::Value;
use tracing::Subscriber;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::span::{Ended, Kind};

/// The layer that sends each of our spans that ends to the exporter. A span that finds the queue full is dropped: traces must not
/// hold up what they watch.
pub(super) fn layer<S>(queue: SyncSender<Ended>) -> impl Layer<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    Spans { queue }.with_filter(filter_fn(|about| {
        about.is_span() && about.target().starts_with("gugus")
    }))
}

struct Spans {
    queue: SyncSender<Ended>,
}

/// A span that is open. A span may say itself where in a trace it is, by the fields `trace_id`, `parent_id` and `span_id`: a request that
/// came with a trace does.
struct Open {
    begin: SystemTime,
    trace: String,
    id: String,
    parent: Option<String>,
    /// False when the caller decided that the trace is not to be kept.
    sampled: bool,
    attributes: Vec<(&'static str, Value)>,
}

impl Open {
    fn below(parent: Option<&Open>) -> Self {
        let random = || format!("{:016x}", rand::random_range(1..=u64::MAX));
        Self {
            begin: SystemTime::now(),
            trace: match parent {
                Some(parent) => parent.trace.clone(),
                None => format!("{}{}", random(), random()),
            },
            id: random(),
            parent: parent.map(|parent| parent.id.clone()),
            sampled: parent.is_none_or(|parent| parent.sampled),
            attributes: Vec::new(),
        }
    }

    fn set(&mut self, field: &Field, value: Value) {
        match (field.name(), value) {
            ("trace_id", Value::String(text)) => self.trace = text,
            ("parent_id", Value::String(text)) => self.parent = Some(text),
            ("span_id", Value::String(text)) => self.id = text,
            ("sampled", Value::Bool(sampled)) => self.sampled = sampled,
            (name, value) => self.attributes.push((name, value)),
        }
    }

    fn text(&self, name: &str) -> Option<&str> {
        let mut attributes = self.attributes.iter();
        attributes.find(|(key, _)| *key == name)?.1.as_str()
    }

    fn end(self, name: &str) -> Ended {
        // A span with a route is the answer to a request, and is named as OpenTelemetry names such spans.
        let request = self.text("method").zip(self.text("route"));
        let (name, kind) = match request {
            Some((method, route)) => (format!("{method} {route}"), Kind::Server),
            None => (name.to_owned(), Kind::Internal),
        };
        Ended {
            name,
            kind,
            trace: self.trace,
            id: self.id,
            parent: self.parent,
            begin: self.begin,
            end: SystemTime::now(),
            attributes: self.attributes,
        }
    }
}

impl Visit for Open {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.set(field, format!("{value:?}").into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.set(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.set(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.set(field, value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.set(field, value.into());
    }
}

impl<S> Layer<S> for Spans
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut open = match span.parent() {
            Some(parent) => Open::below(parent.extensions().get::<Open>()),
            None => Open::below(None),
        };
        attributes.record(&mut open);
        span.extensions_mut().insert(open);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if let Some(open) = span.extensions_mut().get_mut::<Open>() {
            values.record(open);
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let Some(span) = context.span(&id) else {
            return;
        };
        let open = span.extensions_mut().remove::<Open>();
        if let Some(open) = open.filter(|open| open.sampled) {
            let _ = self.queue.try_send(open.end(span.name()));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::sync_channel;

    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    #[test]
    fn spans_are_below_their_callers() {
        let (queue, ended) = sync_channel(10);
        let subscriber = tracing_subscriber::registry().with(layer(queue));
        tracing::subscriber::with_default(subscriber, || {
            let request = tracing::debug_span!(
                target: "gugus_serve::request", "request", method = "GET", trace_id = "t", parent_id = "p", span_id = "s", route = tracing::field::Empty
            );
            request.in_scope(|| tracing::info_span!(target: "gugus_models", "read", rows = 3));
            request.record("route", "/models");
            drop(request);
            tracing::info_span!(target: "gugus_serve::request", "request", trace_id = "u", sampled = false);
            tracing::info_span!(target: "hyper", "connection");
        });
        let ended: Vec<Ended> = ended.try_iter().collect();
        let [read, request] = &ended[..] else {
            panic!("{ended:?}")
        };
        assert_eq!((&*request.trace, &*request.id), ("t", "s"));
        assert_eq!(request.parent.as_deref(), Some("p"));
        assert_eq!(
            (&*request.name, request.kind),
            ("GET /models", Kind::Server)
        );
        assert_eq!((&*read.trace, read.parent.as_deref()), ("t", Some("s")));
        assert_eq!((&*read.name, read.kind), ("read", Kind::Internal));
        assert_eq!(read.attributes, [("rows", 3.into())]);
        assert!(read.begin >= request.begin && read.end <= request.end);
    }
}
