//! How records are written: `format` and `[source.csv]`.

use super::table::{Entry, Table};
use crate::{Column, CsvFormat, Error, Format, Nullability, RESERVED_COLUMNS};

/// What `format` may be.
#[derive(Clone, Copy)]
enum Name {
    Json,
    Csv,
}

/// Why a row without names for its cells is no record.
const NAMELESS: &str = "nothing names the cells of a row: give a header in [source.csv], or name the columns in [source.columns]";

/// The format of `[source]`, whose columns are these.
pub(super) fn format(source: &Table<'_>, columns: &[Column]) -> Result<Format, Error> {
    let format = source.get("format");
    let name = match &format {
        Some(entry) => entry.choice(&[("json", Name::Json), ("csv", Name::Csv)])?,
        None => Name::Json,
    };
    match (name, source.get("csv")) {
        (Name::Json, None) => Ok(Format::Json),
        (Name::Json, Some(entry)) => Err(entry.refuse(
            &"it says how rows of CSV are written: add format = \"csv\" to [source], or leave it out",
        )),
        (Name::Csv, Some(entry)) => Ok(Format::Csv(csv(&entry, columns)?)),
        (Name::Csv, None) => match format {
            Some(entry) if columns.is_empty() => Err(entry.refuse(&NAMELESS)),
            _ => Ok(Format::Csv(CsvFormat::default())),
        },
    }
}

fn csv(entry: &Entry<'_>, columns: &[Column]) -> Result<CsvFormat, Error> {
    let table = entry.table("[source.csv]", &["delimiter", "header"])?;
    let delimiter = match table.get("delimiter") {
        Some(entry) => delimiter(&entry)?,
        None => CsvFormat::DEFAULT_DELIMITER,
    };
    let header = match table.get("header") {
        Some(entry) => Some(header(&entry, columns)?),
        None if columns.is_empty() => return Err(entry.refuse(&NAMELESS)),
        None => None,
    };
    Ok(CsvFormat { delimiter, header })
}

fn delimiter(entry: &Entry<'_>) -> Result<u8, Error> {
    match entry.value().as_str().map(str::as_bytes) {
        // A quote or the end of a line has another meaning in CSV, and a byte beyond ASCII is half a character.
        Some(&[byte]) if byte.is_ascii() && !matches!(byte, b'"' | b'\n' | b'\r') => Ok(byte),
        _ => Err(entry.refuse(
            &r#"it must be one ASCII character such as ",", ";" or "\t", but neither a quote nor the end of a line"#,
        )),
    }
}

/// The names of the cells. A column of the job that is not among them is always null.
fn header(entry: &Entry<'_>, columns: &[Column]) -> Result<Vec<String>, Error> {
    let expected = "it must be a list with the name of each cell, in the order of the cells";
    let mut names: Vec<String> = Vec::new();
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
        if names.iter().any(|other| other == name) {
            return Err(item.refuse(&"that name stands before it in the list"));
        }
        names.push(name.to_owned());
    }
    if names.is_empty() {
        return Err(entry.refuse(&expected));
    }
    let missing = columns
        .iter()
        .find(|c| c.nullability == Nullability::Required && !names.contains(&c.name));
    match missing {
        Some(column) => Err(entry.refuse(&format!(
            "column {:?} is required and not among them, so every record would be rejected",
            column.name
        ))),
        None => Ok(names),
    }
}
