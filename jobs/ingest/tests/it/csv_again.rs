//! Reads a damaged CSV a second time, with another reader, and compares each record with what an import made of it.
//!
//! The crate `csv` finds the same records, but takes damaged ones for good. A record keeps the rules of RFC 4180 if its cells,
//! written as they stand, are its bytes again.

use std::collections::BTreeMap;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{ArrowPrimitiveType, Float64Type, Int64Type};
use csv::{ByteRecord, ReaderBuilder};

use crate::support::Folder;

/// What became of a record.
#[derive(Debug, PartialEq)]
enum Record {
    Row(Row),
    /// Its bytes, without line ends around them.
    Reject(Vec<u8>),
}

/// The columns `n` and `x` of the test's job, and each text that is not empty with the name of its column.
type Row = (Option<i64>, Option<f64>, BTreeMap<String, String>);

/// The records of a file of which an import made something else than another reader does.
pub(crate) async fn misread(file: &[u8], folder: &Folder) -> Vec<String> {
    let expected = expected(file);
    let found = found(folder).await;
    let places = expected.keys().chain(found.keys());
    let differ = |place: &&i64| expected.get(place) != found.get(place);
    let mut places: Vec<&i64> = places.filter(differ).collect();
    places.sort_unstable();
    places.dedup();
    let problem = |place| {
        let (expected, found) = (expected.get(place), found.get(place));
        format!("record {place}: expected {expected:?}, found {found:?}")
    };
    places.into_iter().map(problem).collect()
}

/// What an import must make of each record, by its number.
fn expected(file: &[u8]) -> BTreeMap<i64, Record> {
    let mut reader = ReaderBuilder::new();
    let reader = reader.flexible(true).has_headers(false).from_reader(file);
    let records: Vec<ByteRecord> = reader.into_byte_records().map(Result::unwrap).collect();
    let begin = |record: &ByteRecord| record.position().unwrap().byte() as usize;
    let ends = records.iter().skip(1).map(begin).chain([file.len()]);
    let mut raw = records.iter().zip(ends).map(|(record, end)| {
        let raw = without_line_ends(&file[begin(record)..end]);
        (record, raw)
    });
    let (header, _) = raw.next().unwrap();
    let record = |(record, raw)| match row(header, record, raw) {
        Some(row) => Record::Row(row),
        None => Record::Reject(raw.to_vec()),
    };
    (0..).zip(raw.map(record)).collect()
}

/// The values of a record; none if something of it is damaged.
fn row(header: &ByteRecord, record: &ByteRecord, raw: &[u8]) -> Option<Row> {
    if record.len() != header.len() || !keeps_the_rules(record, raw) {
        return None;
    }
    let (mut n, mut x, mut texts) = (None, None, BTreeMap::new());
    for (at, (name, cell)) in header.iter().zip(record).enumerate() {
        let (name, cell) = (str::from_utf8(name).unwrap(), str::from_utf8(cell).ok()?);
        match name.trim() {
            "n" => n = unless_empty(cell, whole)?,
            "x" => x = unless_empty(cell, finite)?,
            _ if cell.is_empty() => {}
            "" => drop(texts.insert(format!("_c{at}"), cell.to_owned())),
            name => drop(texts.insert(name.to_owned(), cell.to_owned())),
        }
    }
    Some((n, x, texts))
}

/// Nothing for an empty text, which means null. None if the text has no such value.
fn unless_empty<T>(text: &str, value: impl FnOnce(&str) -> Option<T>) -> Option<Option<T>> {
    match text.trim() {
        "" => Some(None),
        text => value(text).map(Some),
    }
}

fn finite(text: &str) -> Option<f64> {
    text.parse().ok().filter(|x: &f64| x.is_finite())
}

/// `12.0` and `1e2` are whole numbers, too.
fn whole(text: &str) -> Option<i64> {
    let is_whole = |x: &f64| x.fract() == 0.0 && x.abs() < 9e18;
    let float = || finite(text).filter(is_whole).map(|x| x as i64);
    text.parse().ok().or_else(float)
}

/// Whether these bytes are the record's cells with commas between them, and each cell is plain or in quotes as a whole.
fn keeps_the_rules(record: &ByteRecord, raw: &[u8]) -> bool {
    let mut rest = raw;
    for (at, cell) in record.iter().enumerate() {
        if at > 0 {
            let Some(behind) = rest.strip_prefix(b",") else {
                return false;
            };
            rest = behind;
        }
        let is_quoted = rest.starts_with(b"\"");
        let written = match is_quoted {
            true => quoted(cell),
            false => cell.to_vec(),
        };
        match rest.strip_prefix(&written[..]) {
            Some(behind) if is_quoted || !cell.contains(&b'"') => rest = behind,
            _ => return false,
        }
    }
    rest.is_empty()
}

fn quoted(cell: &[u8]) -> Vec<u8> {
    let pieces: Vec<&[u8]> = cell.split(|byte| *byte == b'"').collect();
    [b"\"", &pieces.join(&b"\"\""[..])[..], b"\""].concat()
}

/// Empty lines around a record are no records.
fn without_line_ends(mut raw: &[u8]) -> &[u8] {
    while let [b'\r' | b'\n', rest @ ..] | [rest @ .., b'\r' | b'\n'] = raw {
        raw = rest;
    }
    raw
}

/// What an import made of each record, by its offset.
async fn found(folder: &Folder) -> BTreeMap<i64, Record> {
    let mut found = BTreeMap::new();
    let mut insert = |offset, record| {
        let twice = found.insert(offset, record);
        assert_eq!(twice, None, "two records have the offset {offset}");
    };
    for rows in folder.rows().await {
        for at in 0..rows.num_rows() {
            let offset = value::<Int64Type>(&rows, "_offset", at).unwrap();
            let (n, x) = (
                value::<Int64Type>(&rows, "n", at),
                value::<Float64Type>(&rows, "x", at),
            );
            insert(offset, Record::Row((n, x, texts(&rows, at))));
        }
    }
    for (offset, raw, _) in folder.rejects().await {
        let raw = raw.unwrap();
        insert(offset, Record::Reject(without_line_ends(&raw).to_vec()));
    }
    found
}

fn value<T: ArrowPrimitiveType>(rows: &RecordBatch, column: &str, at: usize) -> Option<T::Native> {
    let column = rows[column].as_primitive::<T>();
    column.is_valid(at).then(|| column.value(at))
}

fn texts(rows: &RecordBatch, at: usize) -> BTreeMap<String, String> {
    let schema = rows.schema();
    let columns = schema.fields().iter().zip(rows.columns());
    let texts = columns.filter_map(|(field, column)| {
        let column = column.as_string_opt::<i32>()?;
        let text = column.is_valid(at).then(|| column.value(at).to_owned())?;
        Some((field.name().clone(), text))
    });
    texts.collect()
}
