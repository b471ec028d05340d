//! Results on standard output: a table for people, JSON for scripts.

pub(crate) mod file;
pub(crate) mod offsets;
pub(crate) mod progress;
pub(crate) mod report;
pub(crate) mod run;

use std::io::{self, Write};

use clap::ValueEnum;
use comfy_table::{ContentArrangement, Table, presets};
use gugus_error::printable;
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

impl Output {
    /// Prints a result: `document` for scripts, or its `text` for people.
    pub(crate) fn show(
        self,
        document: &impl Serialize,
        text: impl FnOnce() -> String,
    ) -> Result<(), Failure> {
        match self {
            Self::Text => print(&text()),
            Self::Json => print_json(document),
        }
    }
}

/// Writes to standard output, without what a terminal would obey: names come from files of others.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    print_raw(&printable(text))
}

/// Writes to standard output. If the reader has gone away (`| head`), that is no failure.
pub(crate) fn print_raw(text: &str) -> Result<(), Failure> {
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
    let text = serde_json::to_string_pretty(value).map_err(Failure::failed)?;
    print_raw(&gugus_error::printable_json(&text))
}

/// Writes one JSON document in one line.
pub(crate) fn print_json_line(value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string(value).map_err(Failure::failed)?;
    print_raw(&gugus_error::printable_json(&text))
}

/// The line that tells scripts that a long-running command can take work.
pub(crate) fn ready_line(urls: &[(&str, String)]) -> String {
    let pairs = urls.iter().map(|(name, url)| format!(" {name}={url}"));
    std::iter::once("ready".to_owned()).chain(pairs).collect()
}

/// Prints [`ready_line`].
pub(crate) fn ready(urls: &[(&str, String)]) {
    // The command works even if nobody reads the line.
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

/// `1234567` as `1,234,567`.
pub(crate) fn count(number: u64) -> String {
    indicatif::HumanCount(number).to_string()
}
