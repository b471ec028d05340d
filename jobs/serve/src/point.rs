//! A point, as `/predict_cluster/` takes it: latitude, longitude, and the batch whose model is asked.

use std::sync::{Arc, LazyLock};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use gugus_records::{Columns, Layout};
use gugus_spec::{BatchNumber, Column, ColumnType, Nullability, OtherColumns, Source};
use utoipa::ToSchema;

use crate::asked::Wanted;
use crate::config::UnknownColumns;
use crate::problem::{Code, Problem};
use crate::records;

/// A point and the batch whose model is asked.
#[derive(ToSchema)]
#[expect(
    dead_code,
    reason = "it describes the body, which is parsed by the rules of records"
)]
pub(crate) struct Point {
    /// The first feature of the model.
    #[schema(examples(34.0141))]
    lat: f64,
    /// The second feature of the model.
    #[schema(examples(-118.2978))]
    lon: f64,
    /// The number of the batch, `latest`, or an alias.
    model: BatchOf,
}

/// A batch by its number, or by a name: `latest`, or an alias of the model.
#[derive(ToSchema)]
#[serde(untagged)]
#[schema(examples(1, "latest"))]
#[expect(
    dead_code,
    reason = "it describes the body, which is parsed by the rules of records"
)]
pub(crate) enum BatchOf {
    Number(u64),
    Name(String),
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

/// Reads the body.
pub(crate) fn read(
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
    let text = text(row, 2)?;
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
