//! Results on standard output: a table for people, JSON for scripts.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use clap::ValueEnum;
use comfy_table::{ContentArrangement, Table, presets};
use gugus_progress::Progress;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

use crate::exit::Failure;

/// The form of a result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// A table or a sentence.
    #[default]
    Text,
    /// One JSON document.
    Json,
}

/// Writes to standard output. A reader that has gone away (`| head`) is no failure of ours.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out
        .write_all(text.as_bytes())
        .and_then(|()| out.write_all(b"\n"))
        .and_then(|()| out.flush())
    {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::failed(error)),
        _ => Ok(()),
    }
}

/// Writes one JSON document.
pub(crate) fn print_json(value: &impl Serialize) -> Result<(), Failure> {
    print(&serde_json::to_string_pretty(value).map_err(Failure::failed)?)
}

/// The line by which scripts know that a long-running command can take work.
pub(crate) fn ready_line(urls: &[(&str, String)]) -> String {
    let pairs = urls.iter().map(|(name, url)| format!(" {name}={url}"));
    std::iter::once("ready".to_owned()).chain(pairs).collect()
}

/// Prints [`ready_line`].
pub(crate) fn ready(urls: &[(&str, String)]) {
    // Nobody may be reading; the command works all the same.
    let _ = print(&ready_line(urls));
}

/// A table with the given header, in the look of all our tables.
pub(crate) fn table<const N: usize>(header: [&str; N]) -> Table {
    let mut table = Table::new();
    table
        .load_preset(presets::UTF8_HORIZONTAL_ONLY)
        .set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(header);
    table
}

/// A bar that counts to `length` (a spinner when that is not known yet); nothing where standard error is not a terminal.
pub(crate) fn progress(length: Option<u64>, unit: &str) -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(length, ProgressDrawTarget::stderr());
    let template = format!(
        "{{spinner}} {{bar:32}} {{human_pos}}/{{human_len}} {unit} {{per_sec}} {{eta}} {{msg}}"
    );
    // The template is ours; if it were wrong, indicatif's own look does as well.
    bar.set_style(
        ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_bar()),
    );
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

/// A bar on standard error that shows how far `progress` is, as long as it is there.
pub(crate) fn draw(progress: &Progress, unit: &str) -> Drawn {
    let bar = self::progress(Some(0), unit);
    let (drawn, progress) = (bar.clone(), progress.clone());
    let drawing = (!bar.is_hidden()).then(|| {
        tokio::spawn(async move {
            loop {
                let now = progress.now();
                drawn.set_length(now.total);
                drawn.set_position(now.done);
                drawn.set_message(now.message);
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        })
    });
    Drawn { bar, drawing }
}

/// A bar that is drawn until this is dropped.
pub(crate) struct Drawn {
    bar: ProgressBar,
    drawing: Option<tokio::task::JoinHandle<()>>,
}

impl Drawn {
    /// Writes to standard error without the bar in between.
    pub(crate) fn suspend(&self, write: impl FnOnce()) {
        self.bar.suspend(write);
    }
}

impl Drop for Drawn {
    fn drop(&mut self) {
        if let Some(drawing) = &self.drawing {
            drawing.abort();
        }
        self.bar.finish_and_clear();
    }
}

/// A line about work that has no end; nothing where standard error is not a terminal.
pub(crate) fn status(unit: &str) -> ProgressBar {
    let bar = progress(None, unit);
    let template = format!("{{spinner}} {{human_pos}} {unit} {{per_sec}} {{msg}}");
    // The template is ours; if it were wrong, indicatif's own look does as well.
    bar.set_style(
        ProgressStyle::with_template(&template)
            .unwrap_or_else(|_| ProgressStyle::default_spinner()),
    );
    bar
}

/// `1234567` as `1,234,567`.
pub(crate) fn count(number: u64) -> String {
    indicatif::HumanCount(number).to_string()
}
