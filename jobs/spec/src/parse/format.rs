//! How records are written: `format` and `[source.csv]`.

use std::collections::HashSet;

use super::table::{Entry, Table};
use crate::{Column, CsvFormat, Error, Format, Nullability, RESERVED_COLUMNS};

/// The message about CSV rows whose cells have no names.
const NAMELESS: &str = "nothing names the cells of a row: give a header in [source.csv], or name the columns in [source.columns]";

/// How the records and the files of `[source]` are written. `columns` are the columns of the job.
pub(super) fn format(source: &Table<'_>, columns: &[Column]) -> Result<(Format, CsvFormat), Error> {
    let entry = source.get("format");
    let format = match &entry {
        Some(entry) => entry.choice(Format::ALL)?,
        None => Format::Json,
    };
    let table = source.get("csv");
    let csv = match &table {
        Some(table) => csv(table, format, columns)?,
        None => CsvFormat::default(),
    };
    match table.or(entry) {
        Some(entry) if format == Format::Csv && csv.header.is_none() && columns.is_empty() => {
            Err(entry.refuse(&NAMELESS))
        }
        _ => Ok((format, csv)),
    }
}

fn csv(entry: &Entry<'_>, format: Format, columns: &[Column]) -> Result<CsvFormat, Error> {
    let table = entry.table("[source.csv]", &["delimiter", "escape", "header"])?;
    let delimiter = match table.get("delimiter") {
        Some(entry) => character(&entry, r#"",", ";" or "\t""#)?,
        None => CsvFormat::DEFAULT_DELIMITER,
    };
    let escape = table.get("escape");
    let escape = escape.map(|entry| match character(&entry, r#""\\""#)? {
        escape if escape == delimiter => Err(entry.refuse(&"that is the delimiter")),
        escape => Ok(escape),
    });
    let header = match (table.get("header"), format) {
        (None, _) => None,
        (Some(entry), Format::Csv) => Some(header(&entry, columns)?),
        (Some(entry), _) => {
            return Err(entry.refuse(
                &"it names the cells of a topic's rows, and a file has its own header: add format = \"csv\" to [source], or leave it out",
            ));
        }
    };
    Ok(CsvFormat {
        delimiter,
        escape: escape.transpose()?,
        header,
    })
}

fn character(entry: &Entry<'_>, such_as: &str) -> Result<u8, Error> {
    match entry.value().as_str().map(str::as_bytes) {
        // A quote or the end of a line has another meaning in CSV. A byte beyond ASCII is only a part of a character.
        Some(&[byte]) if byte.is_ascii() && !matches!(byte, b'"' | b'\n' | b'\r') => Ok(byte),
        _ => Err(entry.refuse(&format!(
            "it must be one ASCII character such as {such_as}, but neither a quote nor the end of a line"
        ))),
    }
}

/// The names of the cells. A column of the job without a cell is always null.
fn header(entry: &Entry<'_>, columns: &[Column]) -> Result<Vec<String>, Error> {
    let expected = "it must be a list with the name of each cell, in the order of the cells";
    let mut names: Vec<String> = Vec::new();
    let mut seen = HashSet::new();
    for item in entry.items(expected)? {
        let name = item.text()?;
        if name.is_empty() {
            return Err(item.refuse(&"a cell needs a name"));
        }
        if RESERVED_COLUMNS.contains(&name) {
            return Err(item.refuse(
                &"_partition, _offset and _timestamp are columns that every batch has: give the cell another name",
            ));
        }
        if !seen.insert(name.to_owned()) {
            return Err(item.refuse(&"that name stands before it in the list"));
        }
        names.push(name.to_owned());
    }
    if names.is_empty() {
        return Err(entry.refuse(&expected));
    }
    let missing = columns
        .iter()
        .find(|c| c.nullability == Nullability::Required && !seen.contains(&c.name));
    match missing {
        Some(column) => Err(entry.refuse(&format!(
            "column {:?} is required and not among them, so every record would be rejected",
            column.name
        ))),
        None => Ok(names),
    }
}
