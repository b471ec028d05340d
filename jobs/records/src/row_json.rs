//! A row of an Arrow batch as one JSON object, since Parquet has no bytes of one row that could be kept.

use std::collections::BTreeMap;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::DataType;
use arrow::util::display::array_value_to_string;

use crate::arrow_rows::{cast, text};

/// A row as a JSON object, from which [`Columns::push_row_json`](crate::Columns::push_row_json) reads the values that
/// [`Columns::push_rows`](crate::Columns::push_rows) would have read.
///
/// Each value is the JSON string of its text. Lists and structs are JSON of their own. Bytes that are no text stay as they
/// are, so that they are rejected again.
pub fn row_json(rows: &RecordBatch, row: usize) -> Vec<u8> {
    let mut json = vec![b'{'];
    for (field, column) in rows.schema_ref().fields().iter().zip(rows.columns()) {
        if json.len() > 1 {
            json.push(b',');
        }
        push_string(field.name().as_bytes(), &mut json);
        json.push(b':');
        push_value(&column.slice(row, 1), &mut json);
    }
    json.push(b'}');
    json
}

/// Appends the one value of an array.
fn push_value(value: &ArrayRef, json: &mut Vec<u8>) {
    let plain = match value.data_type() {
        DataType::Dictionary(_, values) => cast(value, values, ""),
        DataType::RunEndEncoded(_, values) => cast(value, values.data_type(), ""),
        _ => Ok(value.clone()),
    };
    let value = plain.as_ref().unwrap_or(value);
    if value.logical_null_count() > 0 {
        return json.extend_from_slice(b"null");
    }
    let texts = text(value, "", "utf8", &mut BTreeMap::new());
    match texts.as_ref().ok().filter(|texts| texts.is_valid(0)) {
        Some(texts) if value.data_type().is_nested() => {
            json.extend_from_slice(texts.value(0).as_bytes());
        }
        Some(texts) => push_string(texts.value(0).as_bytes(), json),
        None => match cast(value, &DataType::Binary, "") {
            Ok(bytes) if bytes.is_valid(0) => push_string(bytes.as_binary::<i32>().value(0), json),
            _ => {
                let shown = array_value_to_string(value, 0).unwrap_or_default();
                push_string(shown.as_bytes(), json);
            }
        },
    }
}

/// Appends a JSON string. All bytes that need no escape stay as they are, also those that are not UTF-8.
fn push_string(text: &[u8], json: &mut Vec<u8>) {
    json.push(b'"');
    for byte in text {
        match byte {
            b'"' | b'\\' => json.extend_from_slice(&[b'\\', *byte]),
            0..=0x1f => json.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
            _ => json.push(*byte),
        }
    }
    json.push(b'"');
}
