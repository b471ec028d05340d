//! The log of a run.
//!
//! The driver is the one of `gugus train`, with the same messages. Messages within the span of a run go to the log of that
//! run, wherever else they go.

use std::collections::HashMap;
use std::fmt::{self, Write as _};
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::Utc;
use gugus_pages::run::RunId;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::{Event, Level, Span, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use crate::clock;

/// The name of the span, and of its field.
const SPAN: &str = "run";
const FIELD: &str = "id";

/// How large a log may grow: far more than a run logs, and little enough for a hundred runs.
const LIMIT: u64 = 4 * 1024 * 1024;

/// The layer that writes the logs of runs: `registry().with(run_logs())`.
pub fn run_logs<S>() -> impl Layer<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    RunLogs::default().with_filter(filter_fn(|about| {
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
    /// Opens the log at `path` and appends to it.
    pub(crate) fn open(id: &RunId, path: &Path) -> io::Result<Arc<Self>> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        let written = file.metadata()?.len();
        let log = Arc::new(Self {
            id: id.clone(),
            file: Mutex::new((file, written)),
        });
        RunLogs::change(|open| drop(open.insert(id.to_string(), Arc::clone(&log))));
        Ok(log)
    }

    /// The span of the messages of this run.
    pub(crate) fn span(&self) -> Span {
        tracing::info_span!(target: "gugus_scheduler::runs", SPAN, id = %self.id)
    }

    /// Closes the log. Later messages do not reach it.
    pub(crate) fn close(&self) {
        RunLogs::change(|open| drop(open.remove(self.id.as_str())));
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
        // A full disk must not end the run here; writing its models fails with an error of its own.
        let _ = file.write_all(format!("{line}{last}").as_bytes());
    }
}

/// The logs of the runs that are under way, by id.
type Open = HashMap<String, Arc<RunLog>>;

/// The layer. Runs find it in the subscriber that it is a part of; where there is none, they have no log.
#[derive(Default)]
struct RunLogs {
    open: Mutex<Open>,
}

impl RunLogs {
    fn change(change: impl FnOnce(&mut Open)) {
        let dispatch = tracing::dispatcher::get_default(Clone::clone);
        if let Some(logs) = dispatch.downcast_ref::<Self>() {
            change(&mut logs.open.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }
}

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
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
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
        let now = clock::rfc3339(Utc::now());
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

/// An event as text: its message, then its fields. Control characters become blanks, because a line feed would look like a
/// further line, and a terminal obeys the others.
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
