//! The rows of a batch file: first the job's columns, then ours. The rows are sorted by partition and offset.

use std::sync::Arc;

use arrow::{
    array::{Array, ArrayRef, AsArray, RecordBatch, UInt32Array},
    compute::take_record_batch,
    datatypes::{
        DataType, Field, Int32Type, Int64Type, Schema, TimeUnit, TimestampMillisecondType,
    },
};

use crate::LogError;

/// The column of a record's partition: int32, not null.
pub const PARTITION: &str = "_partition";
/// The column of a record's offset: int64, not null.
pub const OFFSET: &str = "_offset";
/// The column of a record's timestamp: milliseconds, UTC; null for imports.
pub const TIMESTAMP: &str = "_timestamp";

/// Partition and offset of a record.
pub(crate) type RecordPlace = (i32, i64);

/// The type of [`TIMESTAMP`].
pub(crate) fn timestamp_type() -> DataType {
    DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()))
}

/// The rows in the form of the file.
pub(crate) fn arranged(rows: &RecordBatch) -> Result<RecordBatch, LogError> {
    sorted(with_our_columns_last(rows)?)
}

fn with_our_columns_last(rows: &RecordBatch) -> Result<RecordBatch, LogError> {
    let schema = rows.schema();
    let ours = [PARTITION, OFFSET, TIMESTAMP];
    let mut fields: Vec<Field> = Vec::with_capacity(schema.fields().len());
    let mut columns: Vec<ArrayRef> = Vec::with_capacity(schema.fields().len());
    for (field, column) in schema.fields().iter().zip(rows.columns()) {
        if ours.contains(&field.name().as_str()) {
            continue;
        }
        if fields.iter().any(|other| other.name() == field.name()) {
            return Err(LogError::contradiction(format!(
                "column {:?} is there twice",
                field.name()
            )));
        }
        fields.push(field.as_ref().clone());
        columns.push(ArrayRef::clone(column));
    }
    for name in ours {
        let column = rows
            .column_by_name(name)
            .ok_or_else(|| LogError::contradiction(format!("it has no column {name}")))?;
        let wrong =
            || LogError::contradiction(format!("column {name} has type {}", column.data_type()));
        let (data_type, column): (DataType, ArrayRef) = match name {
            PARTITION => (DataType::Int32, ArrayRef::clone(column)),
            OFFSET => (DataType::Int64, ArrayRef::clone(column)),
            _ => {
                let times = column
                    .as_primitive_opt::<TimestampMillisecondType>()
                    .ok_or_else(wrong)?;
                (
                    timestamp_type(),
                    Arc::new(times.clone().with_timezone("UTC")),
                )
            }
        };
        if *column.data_type() != data_type {
            return Err(wrong());
        }
        let nullable = name == TIMESTAMP;
        if !nullable && column.null_count() > 0 {
            return Err(LogError::contradiction(format!("column {name} has nulls")));
        }
        fields.push(Field::new(name, data_type, nullable));
        columns.push(column);
    }
    let schema = Schema::new(fields);
    RecordBatch::try_new(schema.into(), columns).map_err(|e| LogError::contradiction(e.to_string()))
}

/// (partition, offset) of each row, in the order of the rows.
pub(crate) fn places(rows: &RecordBatch) -> Result<Vec<RecordPlace>, LogError> {
    let partitions = rows
        .column_by_name(PARTITION)
        .and_then(|c| c.as_primitive_opt::<Int32Type>());
    let offsets = rows
        .column_by_name(OFFSET)
        .and_then(|c| c.as_primitive_opt::<Int64Type>());
    let (Some(partitions), Some(offsets)) = (partitions, offsets) else {
        return Err(LogError::contradiction(format!(
            "it has no column {PARTITION} of int32 or {OFFSET} of int64"
        )));
    };
    if partitions.null_count() + offsets.null_count() > 0 {
        return Err(LogError::contradiction(format!(
            "column {PARTITION} or {OFFSET} has nulls"
        )));
    }
    Ok(partitions
        .values()
        .iter()
        .copied()
        .zip(offsets.values().iter().copied())
        .collect())
}

fn sorted(rows: RecordBatch) -> Result<RecordBatch, LogError> {
    let places = places(&rows)?;
    if places.is_sorted() {
        return Ok(rows);
    }
    let count = u32::try_from(places.len())
        .map_err(|_| LogError::contradiction("it has more than 4,294,967,295 rows"))?;
    let mut order: Vec<u32> = (0..count).collect();
    order.sort_by_key(|row| places[*row as usize]);
    take_record_batch(&rows, &UInt32Array::from(order))
        .map_err(|e| LogError::contradiction(e.to_string()))
}
