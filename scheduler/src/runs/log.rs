//! What is logged while a run is driven, kept beside it.
//!
//! The driver is the same that runs in `gugus train`, and so are its messages: what it says within the span of a run goes
//! to that run's log, whatever else becomes of it.

use std::collections::HashMap;
use std::fmt::{self, Write as _};
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use chrono::{SecondsFormat, Utc};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::{Event, Level, Span, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::id::RunId;

/// The name of the span, and of its field.
const SPAN: &str = "run";
const FIELD: &str = "id";

/// How large a log may grow: far more than a run has to say, and little enough for a hundred of them.
const LIMIT: u64 = 4 * 1024 * 1024;

/// The logs of runs that are driven now.
static OPEN: LazyLock<Mutex<HashMap<String, Arc<RunLog>>>> = LazyLock::new(Mutex::default);

/// The layer that writes the logs of runs: `registry().with(run_logs())`.
pub fn run_logs<S>() -> impl Layer<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    RunLogs.with_filter(filter_fn(|about| {
        *about.level() <= Level::INFO && about.target().starts_with("gugus_")
    }))
}

/// The log of one run, open for as long as it is driven.
#[derive(Debug)]
pub(crate) struct RunLog {
    id: RunId,
    file: Mutex<(File, u64)>,
}

impl RunLog {
    /// Opens the log at `path` to write on at its end.
    pub(crate) fn open(id: &RunId, path: &Path) -> io::Result<Arc<Self>> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        let written = file.metadata()?.len();
        let log = Arc::new(Self {
            id: id.clone(),
            file: Mutex::new((file, written)),
        });
        let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
        open.insert(id.to_string(), Arc::clone(&log));
        Ok(log)
    }

    /// The span within which messages are this run's.
    pub(crate) fn span(&self) -> Span {
        tracing::info_span!(target: "gugus_scheduler::runs", SPAN, id = %self.id)
    }

    /// From now on messages go elsewhere only.
    pub(crate) fn close(&self) {
        OPEN.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(self.id.as_str());
    }

    fn write(&self, line: &str) {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let (file, written) = &mut *file;
        if *written >= LIMIT {
            return;
        }
        *written += line.len() as u64;
        let last = if *written >= LIMIT {
            "… the log is full\n"
        } else {
            ""
        };
        // A full disk must not end the run; its models tell their own failure.
        let _ = file.write_all(format!("{line}{last}").as_bytes());
    }
}

struct RunLogs;

impl<S> Layer<S> for RunLogs
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if attributes.metadata().name() != SPAN {
            return;
        }
        let mut found = FieldText {
            name: FIELD,
            text: String::new(),
        };
        attributes.record(&mut found);
        let open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
        if let (Some(log), Some(span)) = (open.get(&found.text), context.span(id)) {
            span.extensions_mut().insert(Arc::clone(log));
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let Some(mut scope) = context.event_scope(event) else {
            return;
        };
        let Some(log) = scope.find_map(|span| span.extensions().get::<Arc<RunLog>>().cloned())
        else {
            return;
        };
        let now = Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true);
        let mut line = Line::default();
        event.record(&mut line);
        let level = event.metadata().level();
        log.write(&format!(
            "{now} {level:>5} {}{}\n",
            line.message, line.fields
        ));
    }
}

/// One field's text.
struct FieldText {
    name: &'static str,
    text: String,
}

impl Visit for FieldText {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == self.name {
            self.text = format!("{value:?}");
        }
    }
}

/// An event as text: its message, then its fields. Line feeds in either would look like further lines, and a terminal
/// obeys other control characters.
#[derive(Default)]
struct Line {
    message: String,
    fields: String,
}

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let text = format!("{value:?}").replace(char::is_control, " ");
        // Writing to a string does not fail.
        let _ = match field.name() {
            "message" => write!(self.message, "{text}"),
            name => write!(self.fields, " {name}={text}"),
        };
    }
}
