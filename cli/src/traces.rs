//! Traces for an OpenTelemetry collector, where the variable `OTEL_EXPORTER_OTLP_ENDPOINT` names one.
//!
//! Spans go out as OTLP in Protocol Buffers over HTTP, by the crates of OpenTelemetry's makers, which heed the variables of OpenTelemetry.
//! The requests are sent by the client that storage uses, because the crates would bring a second version of that client.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use http_body_util::{BodyExt, Limited};
use opentelemetry::trace::TracerProvider;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{SpanExporter, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData};
use tokio::runtime::Runtime;
use tracing::Subscriber;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::registry::LookupSpan;

/// At the end of the process nobody wants to wait longer for a collector.
const AT_THE_END: Duration = Duration::from_secs(3);

/// How long a collector may take for one request: the default of OpenTelemetry.
const WITHIN: Duration = Duration::from_secs(10);

/// A collector answers with a count of what it refused, and a reason.
const LARGEST_ANSWER: usize = 64 * 1024;

/// What sends the spans of this process, for an end of the process that drops nothing.
static SENDER: OnceLock<SdkTracerProvider> = OnceLock::new();

/// Sends the last spans, before the process ends without dropping [`Traces`].
pub(crate) fn send_last() {
    if let Some(sender) = SENDER.get() {
        // A collector that is away has been told of already.
        let _ = sender.shutdown_with_timeout(AT_THE_END);
    }
}

/// Sends spans until it is dropped, and the last ones then.
pub(crate) struct Traces;

impl Traces {
    /// The layer that gathers our spans, and what sends them; none if no variable names a collector.
    pub(crate) fn from_env<S>() -> Option<Result<(impl Layer<S>, Self), String>>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let names = [
            opentelemetry_otlp::OTEL_EXPORTER_OTLP_TRACES_ENDPOINT,
            opentelemetry_otlp::OTEL_EXPORTER_OTLP_ENDPOINT,
        ];
        let is_set = |name| std::env::var(name).is_ok_and(|text: String| !text.is_empty());
        names.into_iter().any(is_set).then(Self::start)
    }

    fn start<S>() -> Result<(impl Layer<S>, Self), String>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let client = Client::new().map_err(|error| error.to_string())?;
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(client)
            .build()
            .map_err(|error| error.to_string())?;
        let provider = SdkTracerProvider::builder()
            .with_resource(resource())
            .with_batch_exporter(TellOnce {
                exporter,
                failing: AtomicBool::new(false),
            })
            .build();
        let layer = tracing_opentelemetry::layer()
            .with_tracer(provider.tracer("gugus"))
            .with_location(false)
            .with_threads(false)
            .with_tracked_inactivity(false)
            .with_filter(filter_fn(|about| {
                about.is_span() && about.target().starts_with("gugus")
            }));
        let _ = SENDER.set(provider);
        Ok((layer, Self))
    }
}

impl Drop for Traces {
    fn drop(&mut self) {
        send_last();
    }
}

/// Who sends the spans: `gugus`, unless a variable of OpenTelemetry names the service.
fn resource() -> Resource {
    let version = opentelemetry::KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
    let resource = Resource::builder().with_attribute(version);
    let variable = |name| std::env::var(name).unwrap_or_default();
    let is_named = !variable("OTEL_SERVICE_NAME").is_empty()
        || variable("OTEL_RESOURCE_ATTRIBUTES").contains("service.name=");
    if is_named {
        resource.build()
    } else {
        resource.with_service_name("gugus").build()
    }
}

/// Warns of a collector that is away. Once is enough: such a collector stays away for a while.
#[derive(Debug)]
struct TellOnce {
    exporter: SpanExporter,
    failing: AtomicBool,
}

impl opentelemetry_sdk::trace::SpanExporter for TellOnce {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let sent = self.exporter.export(batch).await;
        let was_failing = self.failing.swap(sent.is_err(), Ordering::Relaxed);
        if let Err(error) = &sent
            && !was_failing
        {
            tracing::warn!(%error, "traces do not reach their collector; they are dropped");
        }
        sent
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

/// Sends requests from the thread of OpenTelemetry, which has no runtime of its own.
#[derive(Debug)]
struct Client {
    client: reqwest::Client,
    runtime: Runtime,
}

impl Client {
    fn new() -> Result<Self, Box<dyn std::error::Error>> {
        Ok(Self {
            client: reqwest::Client::builder().timeout(WITHIN).build()?,
            runtime: tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?,
        })
    }

    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let answer = self.client.execute(request.try_into()?).await?;
        let (head, body) = Response::<reqwest::Body>::from(answer).into_parts();
        let body = Limited::new(body, LARGEST_ANSWER).collect().await?;
        Ok(Response::from_parts(head, body.to_bytes()))
    }
}

#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        Ok(self.runtime.block_on(self.send(request))?)
    }
}
