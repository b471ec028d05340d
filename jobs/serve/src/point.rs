//! A point, as `/predict_cluster/` takes it: latitude, longitude, and the batch whose model is asked.

use std::fmt;
use std::sync::{Arc, LazyLock};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use gugus_records::{Columns, Layout};
use gugus_spec::{BatchNumber, Column, ColumnType, Nullability, OtherColumns, Source};
use serde::{Deserialize, Deserializer, de};
use utoipa::ToSchema;

use crate::asked::Wanted;
use crate::config::UnknownColumns;
use crate::problem::{Code, Problem};
use crate::records;

/// A point and the batch whose model is asked.
#[derive(ToSchema)]
#[schema(examples(json!({"lat": 34.0141, "lon": -118.2978, "model": "latest"})))]
#[expect(
    dead_code,
    reason = "it describes the body, which is parsed by the rules of records"
)]
pub(crate) struct Point {
    /// The first feature of the model.
    lat: Coordinate,
    /// The second feature of the model.
    lon: Coordinate,
    /// The number of the batch, `latest`, or an alias.
    model: BatchOf,
}

/// A number, or the same as text.
#[derive(ToSchema)]
#[serde(untagged)]
#[expect(
    dead_code,
    reason = "it describes the body, which is parsed by the rules of records"
)]
pub(crate) enum Coordinate {
    Number(f64),
    Text(CoordinateText),
}

/// A number as text.
#[derive(ToSchema)]
#[schema(pattern = "^-?[0-9]{1,15}([.][0-9]{1,15})?$")]
#[expect(
    dead_code,
    reason = "it describes the body, which is parsed by the rules of records"
)]
pub(crate) struct CoordinateText(String);

/// The number of a batch.
#[derive(ToSchema)]
#[schema(minimum = 1)]
#[expect(
    dead_code,
    reason = "it describes the body, which is parsed by the rules of records"
)]
pub(crate) struct NumberOfBatch(u64);

/// A number as text, `latest`, or an alias. Aliases may begin with other characters, too.
#[derive(ToSchema)]
#[schema(pattern = "^([1-9][0-9]{0,8}|[A-Za-z][A-Za-z0-9_-]{0,99})$")]
#[expect(
    dead_code,
    reason = "it describes the body, which is parsed by the rules of records"
)]
pub(crate) struct NameOfBatch(String);

/// A batch by its number, or by a name: `latest`, or an alias of the model.
#[derive(ToSchema)]
#[serde(untagged)]
#[schema(examples(1, "latest"))]
#[expect(
    dead_code,
    reason = "it describes the body, which is parsed by the rules of records"
)]
pub(crate) enum BatchOf {
    Number(NumberOfBatch),
    Name(NameOfBatch),
}

/// The fields of a point are columns of a record, so that text and numbers mean the same everywhere.
pub(crate) static COLUMNS: LazyLock<[Column; 3]> = LazyLock::new(|| columns(ColumnType::Int64));

static NUMBERED: LazyLock<Arc<Layout>> = LazyLock::new(|| layout(&*COLUMNS));

/// The same for a batch that is named.
static NAMED: LazyLock<Arc<Layout>> = LazyLock::new(|| layout(&columns(ColumnType::Utf8)));

fn columns(model: ColumnType) -> [Column; 3] {
    let column = |name: &str, data_type| Column {
        name: name.to_owned(),
        data_type,
        nullability: Nullability::Required,
    };
    [
        column("lat", ColumnType::Float64),
        column("lon", ColumnType::Float64),
        column("model", model),
    ]
}

fn layout(columns: &[Column]) -> Arc<Layout> {
    Layout::new(&Source {
        columns: columns.to_vec(),
        other_columns: OtherColumns::Drop,
        ..Source::default()
    })
}

/// A point as most clients write it: two numbers, and the number or the name of a batch.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Plain {
    lat: f64,
    lon: f64,
    model: Wanted,
}

impl<'de> Deserialize<'de> for Wanted {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        struct Batch;

        impl de::Visitor<'_> for Batch {
            type Value = Wanted;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a batch")
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Wanted, E> {
                let number = i64::try_from(number).is_ok().then_some(number);
                let batch = number.and_then(BatchNumber::new).map(Wanted::Number);
                batch.ok_or_else(|| E::custom("no number of a batch"))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Wanted, E> {
                named(text).ok_or_else(|| E::custom("no name of a batch"))
            }
        }

        json.deserialize_any(Batch)
    }
}

/// Reads the body.
pub(crate) fn read(
    body: &[u8],
    unknown_columns: UnknownColumns,
) -> Result<(f64, f64, Wanted), Problem> {
    // The rules of records read such a body in the same way, by columns that take some microseconds to make.
    match plain(body) {
        Some(Plain { lat, lon, model }) => Ok((lat, lon, model)),
        None => read_as_record(body, unknown_columns),
    }
}

fn plain(body: &[u8]) -> Option<Plain> {
    // serde would take a list of the values, too.
    let is_object = body.trim_ascii_start().first() == Some(&b'{');
    is_object.then(|| serde_json::from_slice(body).ok())?
}

fn read_as_record(
    body: &[u8],
    unknown_columns: UnknownColumns,
) -> Result<(f64, f64, Wanted), Problem> {
    let (row, named) = match row(&NUMBERED, body) {
        Ok(row) => (row, None),
        // A text that is no number may be a name.
        Err(problem) => match row(&NAMED, body).map(|row| (name(&row), row)) {
            Ok((Some(name), row)) => (row, Some(name)),
            _ => return Err(problem),
        },
    };
    if unknown_columns == UnknownColumns::Refuse {
        let known = ["lat", "lon", "model"];
        let mut unknown = records::keys(body);
        unknown.retain(|key| !known.contains(&key.as_str()));
        if !unknown.is_empty() {
            return Err(Problem::unknown_columns(&unknown, &known));
        }
    }
    let missing =
        |name: &str| Problem::new(Code::MissingField, format!("field {name:?} has no value"));
    let number = |index, name| float(&row, index).ok_or_else(|| missing(name));
    let (lat, lon) = (number(0, "lat")?, number(1, "lon")?);
    for (value, name) in [(lat, "lat"), (lon, "lon")] {
        if !value.is_finite() {
            return Err(Problem::new(
                Code::NotFinite,
                format!("field {name:?} is not a finite number"),
            ));
        }
    }
    if let Some(named) = named {
        return Ok((lat, lon, named));
    }
    let model = whole_number(&row, 2).ok_or_else(|| missing("model"))?;
    let batch = u64::try_from(model).ok().and_then(BatchNumber::new);
    let batch = batch.ok_or_else(|| {
        Problem::new(
            Code::WrongValue,
            format!("field \"model\" is {model}; batches are numbered 1, 2, 3 and so on"),
        )
    })?;
    Ok((lat, lon, Wanted::Number(batch)))
}

fn row(layout: &Arc<Layout>, body: &[u8]) -> Result<RecordBatch, Problem> {
    let mut columns = Columns::new(Arc::clone(layout));
    columns.push_json(body)?;
    let row = columns.finish();
    row.map_err(|error| Problem::new(Code::WrongValue, error.to_string()))
}

/// The batch that a row names, if the text could not be meant as a number.
fn name(row: &RecordBatch) -> Option<Wanted> {
    named(text(row, 2)?)
}

fn named(text: &str) -> Option<Wanted> {
    let is_number = text.parse::<f64>().is_ok();
    Wanted::batch(text).filter(|_| !is_number)
}

fn float(row: &RecordBatch, index: usize) -> Option<f64> {
    let column = row
        .columns()
        .get(index)
        .filter(|c| c.data_type() == &DataType::Float64 && c.is_valid(0))?;
    Some(column.as_primitive::<Float64Type>().value(0))
}

fn whole_number(row: &RecordBatch, index: usize) -> Option<i64> {
    let column = row
        .columns()
        .get(index)
        .filter(|c| c.data_type() == &DataType::Int64 && c.is_valid(0))?;
    Some(column.as_primitive::<Int64Type>().value(0))
}

fn text(row: &RecordBatch, index: usize) -> Option<&str> {
    let column = row
        .columns()
        .get(index)
        .filter(|c| c.data_type() == &DataType::Utf8 && c.is_valid(0))?;
    Some(column.as_string::<i32>().value(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_points_mean_what_they_mean_as_records() {
        for body in [
            r#"{"lat": 33.7, "lon": -118.3, "model": 1}"#,
            r#"{"model":"latest","lon":-0.0,"lat":5e-324}"#,
            r#" {"lat":18446744073709551617,"lon":9007199254740993,"model":"production"} "#,
            r#"{"lat":0.1000000000000000055511151231257827,"lon":-1,"model":9223372036854775807}"#,
            r#"{"lat":1.7976931348623157e308,"lon":123456789.123456789,"model":"a.b-c"}"#,
        ] {
            let plain = plain(body.as_bytes()).unwrap();
            for unknown in [UnknownColumns::Ignore, UnknownColumns::Refuse] {
                let (lat, lon, model) = read_as_record(body.as_bytes(), unknown).unwrap();
                assert_eq!(lat.to_bits(), plain.lat.to_bits(), "{body}");
                assert_eq!(lon.to_bits(), plain.lon.to_bits(), "{body}");
                assert_eq!(model, plain.model, "{body}");
            }
        }
    }

    #[test]
    fn other_points_are_left_to_the_rules_of_records() {
        for body in [
            r#"{"lat": "33.7", "lon": 1, "model": 1}"#,
            r#"{"lat": 1, "lon": 1, "model": 1.0}"#,
            r#"{"lat": 1, "lon": 1, "model": "1"}"#,
            r#"{"lat": 1, "lon": 1, "model": "nan"}"#,
            r#"{"lat": 1, "lon": 1, "model": 0}"#,
            r#"{"lat": 1, "lon": 1, "model": 9223372036854775808}"#,
            r#"{"lat": 1, "lat": 2, "lon": 1, "model": 1}"#,
            r#"{"lat": 1, "lon": 1, "model": 1, "x": 1}"#,
            r#"{"lat": NaN, "lon": 1, "model": 1}"#,
            r#"{"lat": 1e999, "lon": 1, "model": 1}"#,
            "[1, 2, 3]",
        ] {
            assert!(plain(body.as_bytes()).is_none(), "{body}");
        }
    }
}
