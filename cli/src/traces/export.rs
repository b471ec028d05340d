//! Sends spans to a collector, from a thread of its own.

use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tracing::Subscriber;
use tracing_subscriber::Layer;
use tracing_subscriber::registry::LookupSpan;

use super::layer::layer;
use super::span::{Ended, body};

/// How many spans wait, go out at a time, and how long a span waits at most: the defaults of OpenTelemetry.
const QUEUE: usize = 2048;
const AT_A_TIME: usize = 512;
const DELAY: Duration = Duration::from_secs(5);

/// How long a collector may take. At the end of the process nobody wants to wait longer.
const WITHIN: Duration = Duration::from_secs(3);

/// Where spans go.
#[derive(Debug)]
struct Collector {
    url: String,
    service: String,
    agent: ureq::Agent,
}

/// Sends spans until it is dropped, and the last ones then.
pub(crate) struct Exporter {
    thread: Option<JoinHandle<()>>,
    end: Option<std::sync::mpsc::Sender<()>>,
}

impl Exporter {
    /// The layer that gathers spans, and what sends them; none if no variable names a collector.
    pub(crate) fn from_env<S>() -> Option<(impl Layer<S>, Self)>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let variable = |name| std::env::var(name).ok().filter(|text| !text.is_empty());
        let own = variable("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT");
        let of_all = || variable("OTEL_EXPORTER_OTLP_ENDPOINT");
        let url = own.or_else(|| Some(format!("{}/v1/traces", of_all()?.trim_end_matches('/'))))?;
        let collector = Collector {
            url,
            service: variable("OTEL_SERVICE_NAME").unwrap_or_else(|| "gugus".to_owned()),
            agent: ureq::Agent::config_builder()
                .timeout_global(Some(WITHIN))
                .build()
                .new_agent(),
        };
        let (queue, ended) = sync_channel(QUEUE);
        let (end, ending) = std::sync::mpsc::channel();
        let sending = move || collector.send_all(&ended, &ending);
        let thread = std::thread::Builder::new().name("traces".to_owned());
        let exporter = Self {
            thread: Some(thread.spawn(sending).ok()?),
            end: Some(end),
        };
        Some((layer(queue), exporter))
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Collector {
    fn send_all(&self, ended: &Receiver<Ended>, ending: &Receiver<()>) {
        let mut failing = false;
        loop {
            let over = matches!(
                ending.recv_timeout(DELAY),
                Err(RecvTimeoutError::Disconnected)
            );
            let begun = Instant::now();
            loop {
                let spans: Vec<Ended> = ended.try_iter().take(AT_A_TIME).collect();
                if spans.is_empty() || (over && begun.elapsed() > WITHIN) {
                    break;
                }
                let sent = self
                    .agent
                    .post(&self.url)
                    .send_json(body(&self.service, &spans));
                match sent {
                    Ok(_) => failing = false,
                    // Once is enough: a collector that is away stays away for a while.
                    Err(error) if !failing => {
                        failing = true;
                        tracing::warn!(%error, "traces do not reach their collector; they are dropped");
                    }
                    Err(_) => {}
                }
            }
            if over {
                return;
            }
        }
    }
}
