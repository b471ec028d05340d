//! From text to a [`Job`]: the walk over the parsed table.
//!
//! Every table is opened with the list of its keys, and any other key is refused at once. Then one function reads each
//! value and knows its range. The first error ends the walk.

mod algorithm;
mod format;
mod model;
mod retrain;
mod scope;
mod table;
mod units;
mod words;

use std::num::NonZeroU64;
use std::path::Path;

use chrono_tz::Tz;
use gugus_error::read_regular_text;
use toml::de::{DeTable, DeValue};

use crate::column::{A_ZONE, Column, ColumnType, Nullability, RESERVED_COLUMNS};
use crate::job::{BatchLimits, Job, Kept, OtherColumns, Source};
use crate::{Error, TimestampFormat};
use table::{Document, Entry, Table};
pub use words::nearest;

/// The longest name of a topic that Kafka takes.
const LONGEST_TOPIC: usize = 249;

impl Job {
    /// Reads and validates a job file.
    ///
    /// # Errors
    /// [`Error::Read`] when the file cannot be read as text, else what [`Job::parse`] returns.
    pub fn from_file(path: &Path) -> Result<Job, Error> {
        let text = read_regular_text(path).map_err(|source| Error::Read {
            path: path.to_owned(),
            source,
        })?;
        Self::parse(&text, &path.display().to_string())
    }

    /// Validates the text of a job file. `origin` is what messages call it, in general its path.
    ///
    /// # Errors
    /// The first thing that is wrong, with its line. No part of a job is returned.
    pub fn parse(text: &str, origin: &str) -> Result<Job, Error> {
        job(text, origin)
    }
}

fn job(text: &str, origin: &str) -> Result<Job, Error> {
    let document = Document::new(text, origin);
    let root = DeTable::parse(text).map_err(|e| document.syntax(&e))?;
    let root = Table::open(
        &document,
        "the job file",
        0,
        root.get_ref(),
        &["name", "source", "batches", "models"],
    )?;

    let name = root.need("name", "the job's name, such as \"crime\"")?;
    let name = name.text()?.parse().map_err(|e| name.refuse(&e))?;
    let source = source(&root.need("source", "a table with the topic and its columns")?)?;
    let batches = root.read("batches", batches)?.unwrap_or_default();
    let models = root.read("models", |entry| model::models(entry, &source))?;
    let models = models.unwrap_or_default();
    Ok(Job {
        name,
        source,
        batches,
        models,
    })
}

fn source(entry: &Entry<'_>) -> Result<Source, Error> {
    let table = entry.table(
        "[source]",
        &[
            "topic",
            "format",
            "csv",
            "null_values",
            "keep",
            "columns",
            "other_columns",
        ],
    )?;
    let topic = table.need("topic", "the name of the Kafka topic")?;
    let name = topic.text()?;
    let fits = name
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
    if name.is_empty() || name.len() > LONGEST_TOPIC || !fits || name == "." || name == ".." {
        return Err(topic.refuse(&"a topic has 1 to 249 of A-Z, a-z, 0-9, \".\", \"_\" and \"-\", and is not \".\" or \"..\""));
    }
    let others = [("utf8", OtherColumns::Utf8), ("drop", OtherColumns::Drop)];
    let other_columns = table.read("other_columns", |entry| entry.choice(&others))?;
    let columns = table.read("columns", columns)?.unwrap_or_default();
    let (format, csv) = format::format(&table, &columns)?;
    let null_values = table.read("null_values", null_values)?.unwrap_or_default();
    let kept = table.read("keep", |entry| keep(entry, &columns))?;
    Ok(Source {
        topic: name.to_owned(),
        format,
        csv,
        null_values,
        keep: kept.unwrap_or_default(),
        columns,
        other_columns: other_columns.unwrap_or_default(),
    })
}

/// The parts of a record to keep. Their columns must not be among the columns that the job names.
fn keep(entry: &Entry<'_>, columns: &[Column]) -> Result<Vec<Kept>, Error> {
    let items = entry.items("it must be a list such as [\"key\", \"headers\"]")?;
    let mut keep = Vec::new();
    for item in items {
        let kept = item.choice(&[("key", Kept::Key), ("headers", Kept::Headers)])?;
        if keep.contains(&kept) {
            return Err(item.refuse(&"it stands there twice"));
        }
        let name = kept.column();
        if columns.iter().any(|column| column.name == name) {
            return Err(item.refuse(&format!(
                "it makes a column {name}, which the job names as well"
            )));
        }
        keep.push(kept);
    }
    Ok(keep)
}

/// Texts that mean "no value".
fn null_values(entry: &Entry<'_>) -> Result<Vec<String>, Error> {
    let items = entry.items("it must be a list of texts such as [\"NULL\", \"NA\"]")?;
    let texts = items.iter().map(|item| {
        let text = item.text()?;
        // Values are compared without the blanks around them, so no value could be equal to this text.
        if text.is_empty() || text.trim() != text {
            return Err(
                item.refuse(&"it must be text without blanks around it; empty text is always null")
            );
        }
        Ok(text.to_owned())
    });
    texts.collect()
}

/// The columns in the order of the file. TOML itself refuses a key that stands twice.
fn columns(entry: &Entry<'_>) -> Result<Vec<Column>, Error> {
    let table = entry.any_table(
        "[source.columns]",
        "it must be a table with one line for each column",
    )?;
    table.entries().iter().map(column).collect()
}

fn column(entry: &Entry<'_>) -> Result<Column, Error> {
    let name = entry.name();
    if name.is_empty() {
        return Err(entry.refuse(&"a column needs a name"));
    }
    if RESERVED_COLUMNS.contains(&name) {
        return Err(entry.refuse(
            &"_partition, _offset and _timestamp are columns that every batch has: leave it out",
        ));
    }
    if !matches!(entry.value(), DeValue::Table(_)) {
        return Err(
            entry.refuse(&"it must be a table such as { type = \"float64\", required = true }")
        );
    }
    let title = format!("[source.columns.{}]", entry.key());
    let table = entry.table(&title, &["type", "format", "timezone", "required"])?;
    let kind = table.need(
        "type",
        "one of utf8, bool, int32, int64, float32, float64, timestamp",
    )?;
    let text = kind.text()?;
    let mut data_type =
        ColumnType::from_name(text).ok_or_else(|| kind.not_one_of(&ColumnType::NAMES))?;
    for key in ["format", "timezone"] {
        let Some(entry) = table.get(key) else {
            continue;
        };
        match &mut data_type {
            ColumnType::Timestamp { formats, .. } if key == "format" => {
                *formats = timestamp_formats(&entry)?;
            }
            ColumnType::Timestamp { timezone, .. } => *timezone = Some(zone(&entry)?),
            other => {
                return Err(entry.refuse(&format!(
                    "only a timestamp has a {key}, and this is {other}"
                )));
            }
        }
    }
    if let ColumnType::Timestamp {
        formats,
        timezone: Some(_),
    } = &data_type
        && let Some(entry) = table.get("timezone")
        && let Some(format) = formats
            .iter()
            .find(|f| f.ends_with('Z') || f.ends_with("UTC"))
    {
        return Err(entry.refuse(&format!(
            "format {format:?} says that its times are in UTC: leave timezone out"
        )));
    }
    let nullability = match table.read("required", Entry::truth)? {
        Some(true) => Nullability::Required,
        Some(false) | None => Nullability::Optional,
    };
    Ok(Column {
        name: name.to_owned(),
        data_type,
        nullability,
    })
}

/// The timezone of times without an offset.
fn zone(entry: &Entry<'_>) -> Result<Tz, Error> {
    entry.text()?.parse().map_err(|_| entry.refuse(&A_ZONE))
}

/// One format or a list of them.
fn timestamp_formats(entry: &Entry<'_>) -> Result<Vec<String>, Error> {
    let expected = "it must be a format such as \"%Y-%m-%d %H:%M\", or a list of formats";
    let formats = match entry.value() {
        DeValue::String(_) => vec![entry.clone()],
        DeValue::Array(_) => entry.items(expected)?,
        _ => return Err(entry.refuse(&expected)),
    };
    if formats.is_empty() {
        return Err(entry.refuse(&"an empty list reads nothing: leave format out for ISO 8601"));
    }
    formats
        .iter()
        .map(|format| {
            let text = format.text()?;
            TimestampFormat::new(text).map_err(|why| format.refuse(&why))?;
            Ok(text.to_owned())
        })
        .collect()
}

fn batches(entry: &Entry<'_>) -> Result<BatchLimits, Error> {
    let table = entry.table(
        "[batches]",
        &[
            "rows",
            "bytes",
            "max_record_bytes",
            "max_age",
            "idle",
            "max_reject_ratio",
        ],
    )?;
    let rows = table.read("rows", |entry| entry.integer(1, i64::MAX))?;
    let rows = rows.and_then(|rows| NonZeroU64::new(rows.unsigned_abs()));
    Ok(BatchLimits {
        rows: rows.unwrap_or(BatchLimits::DEFAULT_ROWS),
        bytes: table.read("bytes", units::size)?,
        max_record_bytes: table.read("max_record_bytes", units::size)?,
        max_age: table.read("max_age", units::duration)?,
        idle: table.read("idle", units::duration)?,
        max_reject_ratio: table.read("max_reject_ratio", |entry| entry.number(0.0, 1.0))?,
    })
}
