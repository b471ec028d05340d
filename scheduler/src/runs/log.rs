//! The log of a run.
//!
//! The driver is the one of `gugus train`, with the same messages. Messages within the span of a run go to the log of that
//! run, wherever else they go.

use std::collections::HashMap;
use std::fmt::{self, Write as _};
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
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
use crate::replace::replace;

/// The name of the span, and of its field.
const SPAN: &str = "run";
const FIELD: &str = "id";

/// How large a log may grow: far more than a run logs that ends, and little enough for a hundred runs. Of a log that has
/// grown so large, the newest quarter stays: a standing run logs for months.
const LIMIT: u64 = 4 * 1024 * 1024;
const KEPT: u64 = LIMIT / 4;

/// The layer that writes the logs of runs: `registry().with(run_logs())`.
pub fn run_logs<S>() -> impl Layer<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let ours =
        filter_fn(|about| *about.level() <= Level::INFO && about.target().starts_with("gugus_"));
    // Without the hint, callers would make spans and events of every level.
    RunLogs::default().with_filter(ours.with_max_level_hint(Level::INFO))
}

/// The log of one run, open for as long as it is driven.
#[derive(Debug)]
pub(crate) struct RunLog {
    id: RunId,
    path: PathBuf,
    file: Mutex<(File, u64)>,
}

impl RunLog {
    /// Opens the log at `path` and appends to it.
    pub(crate) fn open(id: &RunId, path: &Path) -> io::Result<Arc<Self>> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        let written = file.metadata()?.len();
        let log = Arc::new(Self {
            id: id.clone(),
            path: path.to_owned(),
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
            match cut(&self.path) {
                Ok((shorter, length)) => (*file, *written) = (shorter, length),
                Err(_) => return,
            }
        }
        *written += line.len() as u64;
        // A full disk must not end the run here; writing its models fails with an error of its own.
        let _ = file.write_all(line.as_bytes());
    }
}

/// Replaces a log by its newest lines; gives the shorter one and its length.
fn cut(path: &Path) -> io::Result<(File, u64)> {
    let mut file = gugus_error::open_regular(path)?;
    let from = file.metadata()?.len().saturating_sub(KEPT);
    file.seek(SeekFrom::Start(from))?;
    let mut newest = Vec::new();
    file.read_to_end(&mut newest)?;
    let line = newest
        .iter()
        .position(|byte| *byte == b'\n')
        .map_or(0, |end| end + 1);
    let mut text = "… the log was full, and earlier lines were dropped\n"
        .as_bytes()
        .to_vec();
    text.extend(newest.drain(line..));
    replace(path, &text, |_| Ok(()))?;
    let file = OpenOptions::new().append(true).open(path)?;
    Ok((file, text.len() as u64))
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use super::*;

    #[test]
    fn a_log_that_is_full_keeps_its_newest_lines_and_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.txt");
        let log = RunLog::open(&"1m7x2k9q4".parse().unwrap(), &path).unwrap();
        let line = |number: u64| format!("{number:07} {}\n", "x".repeat(1000));
        let lines = 2 * LIMIT / line(0).len() as u64;
        (0..lines).for_each(|number| log.write(&line(number)));
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.len() as u64 <= LIMIT + 2_000, "{}", text.len());
        assert!(text.len() as u64 >= KEPT, "{}", text.len());
        let mut kept = text.lines();
        assert!(kept.next().unwrap().contains("earlier lines were dropped"));
        let numbers: Vec<u64> = kept.map(|line| line[..7].parse().unwrap()).collect();
        assert_eq!(numbers.last(), Some(&(lines - 1)));
        assert!(numbers.windows(2).all(|two| two[0] + 1 == two[1]));
    }
}
