//! Values that have the type of their column already, which `strict=true` asks for.

use arrow::datatypes::{DataType, Schema};
use gugus_spec::{Column, ColumnType};
use serde_json::{Map, Value};

use crate::problem::{Code, Problem};

/// Refuses a JSON record that holds a value of another type than its column: a number as text, or text as a number.
pub(crate) fn check_values(record: &[u8], columns: &[Column]) -> Result<(), Problem> {
    // Text that is no JSON, such as NaN, is read leniently only.
    let record: Map<String, Value> =
        serde_json::from_slice(record).map_err(|error| Problem::not_json(&error))?;
    for column in columns {
        let found = match record.get(&column.name) {
            None | Some(Value::Null) => continue,
            Some(Value::Bool(_)) => Holds::Bool,
            Some(Value::Number(_)) => Holds::Number,
            Some(Value::String(_)) => Holds::Text,
            Some(Value::Array(_) | Value::Object(_)) => Holds::Other,
        };
        let wanted = match Holds::wanted(column) {
            // JSON has no instants.
            Holds::Instant => Holds::Text,
            wanted => wanted,
        };
        check(column, wanted, found)?;
    }
    Ok(())
}

/// Refuses Arrow columns of another kind than the model's columns.
pub(crate) fn check_types(schema: &Schema, columns: &[Column]) -> Result<(), Problem> {
    for column in columns {
        let Some((_, field)) = schema.column_with_name(&column.name) else {
            continue;
        };
        let values = match field.data_type() {
            DataType::Dictionary(_, values) => values,
            plain => plain,
        };
        let found = match values {
            DataType::Null => continue,
            DataType::Boolean => Holds::Bool,
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Holds::Text,
            DataType::Timestamp(..) | DataType::Date32 | DataType::Date64 => Holds::Instant,
            number if number.is_numeric() => Holds::Number,
            _ => Holds::Other,
        };
        check(column, Holds::wanted(column), found)?;
    }
    Ok(())
}

fn check(column: &Column, wanted: Holds, found: Holds) -> Result<(), Problem> {
    if wanted == found {
        return Ok(());
    }
    let (name, kind) = (&column.name, column.data_type.name());
    let found = found.name();
    Err(Problem::new(
        Code::WrongValue,
        format!("column {name:?} is {found}, and strict=true reads no {found} as {kind}"),
    ))
}

/// What a value is, whoever wrote it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Holds {
    Bool,
    Number,
    Text,
    Instant,
    Other,
}

impl Holds {
    fn wanted(column: &Column) -> Self {
        match &column.data_type {
            ColumnType::Utf8 => Self::Text,
            ColumnType::Bool => Self::Bool,
            ColumnType::Timestamp { .. } => Self::Instant,
            _ => Self::Number,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Bool => "bool",
            Self::Number => "number",
            Self::Text => "text",
            Self::Instant => "timestamp",
            Self::Other => "list or struct",
        }
    }
}
