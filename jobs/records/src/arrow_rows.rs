//! Rows of Arrow batches (a Parquet import): whole columns are cast, and single wrong rows are left out.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, RecordBatch, StringArray, TimestampMillisecondArray,
    make_array, new_null_array,
};
use arrow::compute::kernels::nullif::nullif;
use arrow::compute::{CastOptions, can_cast_types, cast_with_options, filter};
use arrow::datatypes::{DataType, Field, Float32Type, Float64Type, Int64Type, TimeUnit};
use arrow::error::ArrowError;
use arrow::json::writer::{EncoderOptions, make_encoder};
use arrow::util::display::array_value_to_string;
use gugus_spec::{NotAnInstant, Nullability, TimestampReader};
use thiserror::Error;

use crate::buffer::{Buffer, Refusal};
use crate::columns::Columns;
use crate::layout::{Kind, Layout, LayoutColumn, Place};
use crate::{Misfit, Reason};

/// A row that was left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RejectedRow {
    /// The number of the row in the pushed batch, from 0.
    pub row: usize,
    /// Why.
    pub reason: Reason,
}

/// No row of a batch could be taken. Nothing was appended.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ImportError {
    /// The values of a column cannot have the type of the job.
    #[error(
        "column {column:?} is {found}, which cannot become {expected}: give it the type utf8, which keeps the JSON text of lists and structs, or leave it out of the job, with other_columns = \"drop\""
    )]
    Type {
        /// The column.
        column: String,
        /// Its type in the file.
        found: DataType,
        /// Its type in the job.
        expected: &'static str,
    },
    /// The batch has no room for the rows: finish it and push them again, or push fewer at once.
    #[error(transparent)]
    Full(Reason),
    /// Arrow could not cast a column, although it had said that it could.
    #[error("column {column:?} could not be cast: {source}")]
    Arrow {
        /// The column.
        column: String,
        /// The error of Arrow.
        source: ArrowError,
    },
}

impl Columns {
    /// Appends all rows of an Arrow batch that follow the rules of text: a number is read as its text would be.
    ///
    /// Columns are found by name; a missing column is null in every row. Timestamps without a zone follow the clocks of their
    /// column's zone. Lists and structs become JSON text in columns of text. Rows keep their order. A row that is wrong in several columns is rejected because of the first one.
    ///
    /// # Errors
    /// [`ImportError`], when a column as a whole cannot be read or held.
    pub fn push_rows(&mut self, batch: &RecordBatch) -> Result<Vec<RejectedRow>, ImportError> {
        let rows = batch.num_rows();
        let layout = self.layout().clone();
        let mut rejects = BTreeMap::new();
        let mut job = Vec::with_capacity(layout.columns().len());
        for column in layout.columns() {
            let array = match batch.column_by_name(&column.name) {
                Some(source) => {
                    let source = plain(source, &column.name, &layout)?;
                    convert(&source, column, &mut rejects)?
                }
                None => new_null_array(&column.kind.data_type(), rows),
            };
            if column.nullability == Nullability::Required && array.null_count() > 0 {
                for row in (0..rows).filter(|row| array.is_null(*row)) {
                    rejects.entry(row).or_insert_with(|| Reason::Null {
                        column: column.name.clone(),
                    });
                }
            }
            job.push(array);
        }
        let mut others = Vec::new();
        for (field, source) in batch.schema_ref().fields().iter().zip(batch.columns()) {
            if layout.place(field.name()) == Place::Other {
                let source = plain(source, field.name(), &layout)?;
                let text = text(&source, field.name(), "utf8", &mut rejects)?;
                others.push((field.name().as_str(), empty_to_null(&text)));
            }
        }
        let kept = rows - rejects.len();
        if kept > 0 {
            if kept < rows {
                let keep: BooleanArray = (0..rows)
                    .map(|row| Some(!rejects.contains_key(&row)))
                    .collect();
                for (array, column) in job.iter_mut().zip(layout.columns()) {
                    *array = filter(array, &keep).map_err(|e| arrow_error(&column.name, e))?;
                }
                for (name, array) in &mut others {
                    let kept = filter(array, &keep).map_err(|e| arrow_error(name, e))?;
                    *array = kept.as_string::<i32>().clone();
                }
            }
            self.extend(kept, &job, &others)
                .map_err(ImportError::Full)?;
        }
        Ok(rejects
            .into_iter()
            .map(|(row, reason)| RejectedRow { row, reason })
            .collect())
    }
}

pub(crate) type Rejects = BTreeMap<usize, Reason>;

fn arrow_error(column: &str, source: ArrowError) -> ImportError {
    ImportError::Arrow {
        column: column.to_owned(),
        source,
    }
}

/// The same values, with a null wherever there is no value: columns of type null and encoded ones hide their nulls, and the
/// job may have words for "no value".
fn plain(source: &ArrayRef, column: &str, layout: &Layout) -> Result<ArrayRef, ImportError> {
    let source = match source.data_type() {
        DataType::Null => return Ok(new_null_array(&DataType::Utf8, source.len())),
        DataType::Dictionary(_, values) => cast(source, values, column)?,
        DataType::RunEndEncoded(_, values) => cast(source, values.data_type(), column)?,
        _ => source.clone(),
    };
    if !layout.has_null_values() || source.data_type().is_nested() {
        return Ok(source);
    }
    let texts = text(&source, column, "utf8", &mut Rejects::new())?;
    let is_null = texts
        .iter()
        .map(|text| Some(text.is_some_and(|text| layout.is_null(text))));
    nullif(&source, &is_null.collect::<BooleanArray>()).map_err(|e| arrow_error(column, e))
}

/// The array in the column's type; rows that do not fit are null in it and named in `rejects`.
fn convert(
    source: &ArrayRef,
    column: &LayoutColumn,
    rejects: &mut Rejects,
) -> Result<ArrayRef, ImportError> {
    use DataType::{Date32, Date64, Float16, Float32, Float64, Timestamp};
    let from = source.data_type();
    let number = |t: &DataType| t.is_integer() || matches!(t, Float16 | Float32 | Float64);
    match &column.kind {
        Kind::Utf8 => Ok(Arc::new(empty_to_null(&text(
            source,
            &column.name,
            "utf8",
            rejects,
        )?))),
        Kind::Timestamp(reader) if matches!(from, Timestamp(..) | Date32 | Date64) => {
            instants(source, column, reader, rejects)
        }
        kind if *from == kind.data_type() => Ok(source.clone()),
        Kind::Int32 | Kind::Int64 if from.is_integer() => cast_numbers(source, column, rejects),
        Kind::Float32 | Kind::Float64 if number(from) => cast_numbers(source, column, rejects),
        _ => parse(source, column, rejects),
    }
}

/// Numbers to numbers; those out of range are rejected.
fn cast_numbers(
    source: &ArrayRef,
    column: &LayoutColumn,
    rejects: &mut Rejects,
) -> Result<ArrayRef, ImportError> {
    let array = cast(source, &column.kind.data_type(), &column.name)?;
    let lost_int = array.null_count() > source.null_count();
    let lost_float = array
        .as_primitive_opt::<Float32Type>()
        .is_some_and(|a| a.values().iter().any(|v| v.is_infinite()));
    if lost_int || lost_float {
        let wide = cast(source, &DataType::Float64, &column.name)?;
        let wide = wide.as_primitive::<Float64Type>();
        for row in (0..source.len()).filter(|row| source.is_valid(*row)) {
            let infinite = array
                .as_primitive_opt::<Float32Type>()
                .is_some_and(|a| a.value(row).is_infinite());
            if array.is_null(row) || (infinite && wide.value(row).is_finite()) {
                reject(source, row, column, Misfit::Range, rejects);
            }
        }
    }
    Ok(array)
}

/// Timestamps and dates to milliseconds in UTC. Those without a zone follow the clocks of the column's zone. Arrow's cast
/// between zones would need a list of zones.
fn instants(
    source: &ArrayRef,
    column: &LayoutColumn,
    reader: &TimestampReader,
    rejects: &mut Rejects,
) -> Result<ArrayRef, ImportError> {
    let from = source.data_type();
    let plain = cast(source, &DataType::Int64, &column.name)?;
    let to_millis = |value: i64| match from {
        DataType::Date32 => value.checked_mul(86_400_000),
        DataType::Timestamp(TimeUnit::Second, _) => value.checked_mul(1000),
        DataType::Timestamp(TimeUnit::Microsecond, _) => Some(value.div_euclid(1000)),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => Some(value.div_euclid(1_000_000)),
        _ => Some(value),
    };
    let is_local = !matches!(from, DataType::Timestamp(_, Some(_)));
    let to_instant = |value: i64| {
        let millis = to_millis(value).ok_or(NotAnInstant::Range)?;
        if is_local {
            reader.local(millis)
        } else {
            reader.instant(millis)
        }
    };
    let values = plain.as_primitive::<Int64Type>().iter().enumerate();
    let millis: TimestampMillisecondArray = values
        .map(|(row, value)| match value.map(to_instant)? {
            Ok(instant) => Some(instant),
            Err(why) => {
                reject(source, row, column, why.into(), rejects);
                None
            }
        })
        .collect();
    Ok(Arc::new(millis))
}

/// All other types are parsed from their text, one value after the other.
fn parse(
    source: &ArrayRef,
    column: &LayoutColumn,
    rejects: &mut Rejects,
) -> Result<ArrayRef, ImportError> {
    let texts = text(source, &column.name, column.type_name, rejects)?;
    let mut buffer = Buffer::new(&column.kind);
    for (row, value) in texts.iter().enumerate() {
        match value.map(str::trim) {
            None | Some("") => buffer.push_null(),
            Some(value) => {
                if let Err(refusal) = buffer.push(value) {
                    buffer.push_null();
                    rejects.entry(row).or_insert_with(|| match refusal {
                        Refusal::Misfit(misfit) => {
                            Reason::value(&column.name, value, misfit, column.type_name)
                        }
                        Refusal::Full => Reason::Full {
                            column: column.name.clone(),
                        },
                    });
                }
            }
        }
    }
    buffer.finish().map_err(|e| arrow_error(&column.name, e))
}

/// The text of each value. Bytes that are no text are rejected.
pub(crate) fn text(
    source: &ArrayRef,
    column: &str,
    expected: &'static str,
    rejects: &mut Rejects,
) -> Result<StringArray, ImportError> {
    let from = source.data_type();
    if from.is_nested() && expected == "utf8" {
        return nested_text(source, column);
    }
    let is_bytes = matches!(from, DataType::FixedSizeBinary(_));
    if from.is_nested() || !(is_bytes || can_cast_types(from, &DataType::Utf8)) {
        return Err(ImportError::Type {
            column: column.to_owned(),
            found: from.clone(),
            expected,
        });
    }
    let source = match from {
        // The text of an instant is its RFC 3339 form in UTC, whatever zone the file shows it in.
        DataType::Timestamp(unit, Some(_)) => {
            let utc = DataType::Timestamp(*unit, Some("+00:00".into()));
            let relabelled = source.to_data().into_builder().data_type(utc).build();
            &make_array(relabelled.map_err(|e| arrow_error(column, e))?)
        }
        // A short float is the long float that it equals. So its text gives the same number in a column of long floats.
        DataType::Float16 | DataType::Float32 => &cast(source, &DataType::Float64, column)?,
        DataType::FixedSizeBinary(_) => &cast(source, &DataType::Binary, column)?,
        _ => source,
    };
    let texts = cast(source, &DataType::Utf8, column)?;
    if texts.null_count() > source.null_count() {
        for row in (0..source.len()).filter(|row| source.is_valid(*row) && texts.is_null(*row)) {
            rejects.entry(row).or_insert_with(|| Reason::CellNotUtf8 {
                column: column.to_owned(),
                at: not_utf8_at(source, row),
            });
        }
    }
    Ok(texts.as_string::<i32>().clone())
}

/// The first byte of a value that is not UTF-8.
fn not_utf8_at(source: &ArrayRef, row: usize) -> usize {
    let bytes = cast(&source.slice(row, 1), &DataType::Binary, "");
    let bytes = bytes.as_ref().ok().and_then(|b| b.as_binary_opt::<i32>());
    let end = bytes.map(|bytes| std::str::from_utf8(bytes.value(0)));
    end.and_then(Result::err).map_or(0, |e| e.valid_up_to())
}

/// The JSON text of each list or struct.
fn nested_text(source: &ArrayRef, column: &str) -> Result<StringArray, ImportError> {
    let options = EncoderOptions::default().with_explicit_nulls(true);
    let field = Arc::new(Field::new(column, source.data_type().clone(), true));
    let mut encoder = make_encoder(&field, source, &options).map_err(|e| arrow_error(column, e))?;
    let mut json = Vec::new();
    let rows = (0..source.len()).map(|row| {
        if source.is_null(row) {
            return Ok(None);
        }
        json.clear();
        encoder.encode(row, &mut json);
        let text = std::str::from_utf8(&json).map(str::to_owned);
        text.map(Some)
            .map_err(|e| arrow_error(column, ArrowError::ExternalError(e.into())))
    });
    rows.collect()
}

/// Values that cannot be cast become null.
pub(crate) fn cast(
    source: &ArrayRef,
    to: &DataType,
    column: &str,
) -> Result<ArrayRef, ImportError> {
    let options = CastOptions {
        safe: true,
        ..CastOptions::default()
    };
    cast_with_options(source, to, &options).map_err(|e| arrow_error(column, e))
}

fn reject(
    source: &ArrayRef,
    row: usize,
    column: &LayoutColumn,
    misfit: Misfit,
    rejects: &mut Rejects,
) {
    let value = array_value_to_string(source, row).unwrap_or_default();
    rejects
        .entry(row)
        .or_insert_with(|| Reason::value(&column.name, &value, misfit, column.type_name));
}

/// Empty text is null, wherever it comes from.
fn empty_to_null(texts: &StringArray) -> StringArray {
    if texts
        .value_offsets()
        .windows(2)
        .zip(0..)
        .any(|(ends, row)| ends[0] == ends[1] && texts.is_valid(row))
    {
        texts
            .iter()
            .map(|text| text.filter(|text| !text.is_empty()))
            .collect()
    } else {
        texts.clone()
    }
}
