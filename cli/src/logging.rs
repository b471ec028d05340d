//! Logs on standard error.

use std::io::{self, IsTerminal};

use clap::{Args, ValueEnum};
use gugus_scheduler::run_logs;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

use crate::traces::Traces;

/// How a log line looks.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum LogFormat {
    /// One line for people.
    Text,
    /// One JSON object per line, for collectors.
    Json,
}

/// The flags about logs.
#[derive(Debug, Args)]
pub(crate) struct LogFlags {
    /// How much is logged to standard error: error, warn, info, debug, trace, or a filter of tracing
    #[arg(
        long,
        global = true,
        help_heading = "Options of every command",
        value_name = "LEVEL",
        default_value = "info"
    )]
    log: String,
    /// The form of log lines
    #[arg(
        long,
        global = true,
        help_heading = "Options of every command",
        value_name = "FORMAT",
        default_value = "text"
    )]
    log_format: LogFormat,
}

/// Starts logging. Our crates log from the level asked for, libraries only from `warn`, because Ballista and DataFusion report
/// every stage at `info`. librdkafka's lines come through the target of its crate. Spans go to a collector until what this returns is
/// dropped, if a variable names one.
#[must_use]
pub(crate) fn start(flags: &LogFlags) -> Option<Traces> {
    let level = &flags.log;
    let filter = if level.contains(['=', ',']) {
        EnvFilter::new(level)
    } else {
        // Ballista logs the end of a job that fails at `error`; the command itself reports that, with what to do.
        EnvFilter::new(format!(
            "warn,ballista_core=off,ballista_scheduler=off,ballista_executor=off,gugus={level}"
        ))
    };
    let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr);
    let lines = match flags.log_format {
        LogFormat::Text => lines
            .with_ansi(io::stderr().is_terminal())
            .with_target(false)
            .boxed(),
        LogFormat::Json => lines.json().boxed(),
    };
    let (traces, problem) = match Traces::from_env().transpose() {
        Ok(traces) => (traces, None),
        Err(problem) => (None, Some(problem)),
    };
    let (spans, traces) = traces.unzip();
    // The logs of a scheduler's runs do not depend on this level.
    let logs = tracing_subscriber::registry()
        .with(lines.with_filter(filter))
        .with(run_logs());
    // A layer that is absent counts as one that wants everything, so every span and event would be made for nothing.
    match spans {
        Some(spans) => logs.with(spans).init(),
        None => logs.init(),
    }
    if let Some(problem) = problem {
        tracing::warn!(
            problem,
            "no traces are sent: check the variables of OpenTelemetry (OTEL_EXPORTER_OTLP_*)"
        );
    }
    traces
}
