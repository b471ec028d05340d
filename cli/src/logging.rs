//! Logs on standard error.

use std::io::{self, IsTerminal};

use clap::ValueEnum;
use gugus_scheduler::run_logs;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

use crate::commands::Global;

/// How a log line looks.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum LogFormat {
    /// One line for people.
    Text,
    /// One JSON object a line, for collectors.
    Json,
}

/// Starts logging. What our crates say is shown from the level asked for; libraries only from `warn`, since Ballista and
/// DataFusion report every stage at `info`. librdkafka's lines come through its crate's target.
pub(crate) fn start(global: &Global) {
    let level = &global.log;
    let filter = if level.contains(['=', ',']) {
        EnvFilter::new(level)
    } else {
        let ours = [
            "demo",
            "engine",
            "features",
            "generate",
            "ingest",
            "records",
            "scheduler",
            "serve",
            "store",
            "train",
        ];
        let ours: Vec<String> = ours
            .iter()
            .map(|name| format!("gugus_{name}={level}"))
            .collect();
        // Ballista logs the end of a job that fails at `error`; the command itself reports that, with what to do.
        EnvFilter::new(format!(
            "warn,ballista_core=off,ballista_scheduler=off,ballista_executor=off,gugus={level},{}",
            ours.join(",")
        ))
    };
    let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr);
    let lines = match global.log_format {
        LogFormat::Text => lines
            .with_ansi(io::stderr().is_terminal())
            .with_target(false)
            .boxed(),
        LogFormat::Json => lines.json().boxed(),
    };
    // What goes to the logs of a scheduler's runs does not depend on what is shown here.
    tracing_subscriber::registry()
        .with(lines.with_filter(filter))
        .with(run_logs())
        .init();
}
