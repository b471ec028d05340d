//! Traces for an OpenTelemetry collector, where the variable `OTEL_EXPORTER_OTLP_ENDPOINT` names one.
//!
//! Spans go out as OTLP in JSON over HTTP, which collectors take on the port of OTLP over HTTP. The makers of OpenTelemetry have crates for
//! this. They turn on a feature below DataFusion and Ballista that nothing else needs, and bring a second set of spans beside those of
//! `tracing`. What remains for us is a layer, a queue and one request.

mod export;
mod layer;
mod span;

pub(crate) use export::Exporter;
