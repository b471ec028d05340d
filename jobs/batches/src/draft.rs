//! What is to be appended, and whether it is consistent, before anything is written.

use arrow::{
    array::{Array, ArrayRef, AsArray, RecordBatch, UInt32Array},
    compute::take_record_batch,
    datatypes::{
        DataType, Field, Int32Type, Int64Type, Schema, TimeUnit, TimestampMillisecondType,
    },
};

use gugus_spec::OffsetRange;

use crate::{ImportedPart, Jump, LastRecord, LogError, ReplayedFile};

/// The column of a record's partition: int32, not null.
pub const PARTITION: &str = "_partition";
/// The column of a record's offset: int64, not null.
pub const OFFSET: &str = "_offset";
/// The column of a record's timestamp: milliseconds, UTC; null for imports.
pub const TIMESTAMP: &str = "_timestamp";

/// The next batch, as its writer has gathered it.
#[derive(Clone, Debug)]
pub struct Draft {
    /// The accepted records: the job's columns in any order, with [`PARTITION`], [`OFFSET`] and [`TIMESTAMP`]. They
    /// need not be sorted; the file will be. May have no rows.
    pub rows: RecordBatch,
    /// What the commit takes: for each partition from the log's end to the consumer's position. Ranges that are
    /// empty are left out.
    pub ranges: Vec<OffsetRange>,
    /// The records that were refused, in any order.
    pub rejects: Vec<RejectedRecord>,
    /// The files that the records came from, in order; empty where they came from a topic.
    pub imported: Vec<ImportedPart>,
    /// The newest record of each partition that a range holds records of.
    pub lasts: Vec<(i32, LastRecord)>,
    /// The ranges that begin elsewhere than at the log's end because the topic no longer holds what comes next.
    pub jumps: Vec<Jump>,
    /// The reject files whose records are the rows. Then nothing but `rows` and this is set, and a row has the
    /// partition, offset and timestamp that its record had.
    pub replayed: Vec<ReplayedFile>,
}

impl Draft {
    /// A draft of these rows and ranges, and nothing else.
    pub fn new(rows: RecordBatch, ranges: Vec<OffsetRange>) -> Self {
        Self {
            rows,
            ranges,
            rejects: Vec::new(),
            imported: Vec::new(),
            lasts: Vec::new(),
            jumps: Vec::new(),
            replayed: Vec::new(),
        }
    }
}

/// A record that was refused, as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RejectedRecord {
    /// Its partition.
    pub partition: i32,
    /// Its offset.
    pub offset: i64,
    /// Its timestamp in ms, UTC; none for imports.
    pub timestamp: Option<i64>,
    /// Its key, as it came.
    pub key: Option<Vec<u8>>,
    /// Its value, as it came.
    pub value: Option<Vec<u8>>,
    /// Why it was refused.
    pub reason: String,
}

/// The type of [`TIMESTAMP`].
pub(crate) fn timestamp_type() -> DataType {
    DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()))
}

pub(crate) fn contradiction(reason: impl Into<String>) -> LogError {
    LogError::Draft {
        reason: reason.into(),
    }
}

/// The rows as they go into the file: our columns last and of the right types, rows sorted; and rejects sorted.
/// Every record is within its range, and none is there twice. A replay's records are of ranges that other commits took.
pub(crate) fn arrange<'a>(
    draft: &'a Draft,
    ranges: &[OffsetRange],
) -> Result<(RecordBatch, Vec<&'a RejectedRecord>), LogError> {
    let rows = sorted(with_our_columns_last(&draft.rows)?)?;
    let mut rejects: Vec<&RejectedRecord> = draft.rejects.iter().collect();
    rejects.sort_by_key(|record| (record.partition, record.offset));
    let places = places(&rows)?;
    let refused = rejects
        .iter()
        .map(|record| (record.partition, record.offset));
    let mut all: Vec<(i32, i64)> = places.into_iter().chain(refused).collect();
    all.sort_unstable();
    if let Some(pair) = all.windows(2).find(|pair| pair[0] == pair[1]) {
        let (partition, offset) = pair[0];
        return Err(contradiction(format!(
            "offset {offset} of partition {partition} is there twice"
        )));
    }
    let within = |(partition, offset): &(i32, i64)| {
        ranges
            .iter()
            .any(|r| r.partition == *partition && (r.first..r.next).contains(offset))
    };
    let outside = all.iter().find(|place| !within(place));
    if let Some((partition, offset)) = outside.filter(|_| draft.replayed.is_empty()) {
        return Err(contradiction(format!(
            "offset {offset} of partition {partition} is outside of its range"
        )));
    }
    check_lasts(&draft.lasts, &all)?;
    Ok((rows, rejects))
}

/// The newest record that a draft names is the newest that it holds. `all` are the places of its records, sorted.
fn check_lasts(lasts: &[(i32, LastRecord)], all: &[(i32, i64)]) -> Result<(), LogError> {
    for (partition, last) in lasts {
        let end = all.partition_point(|(of, _)| of <= partition);
        let newest = end.checked_sub(1).and_then(|index| all.get(index));
        if newest != Some(&(*partition, last.offset)) {
            return Err(contradiction(format!(
                "offset {} is not the newest record of partition {partition}",
                last.offset
            )));
        }
    }
    Ok(())
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
            return Err(contradiction(format!(
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
            .ok_or_else(|| contradiction(format!("it has no column {name}")))?;
        let wrong = || contradiction(format!("column {name} has type {}", column.data_type()));
        let (data_type, column): (DataType, ArrayRef) = match name {
            PARTITION => (DataType::Int32, ArrayRef::clone(column)),
            OFFSET => (DataType::Int64, ArrayRef::clone(column)),
            _ => {
                let times = column
                    .as_primitive_opt::<TimestampMillisecondType>()
                    .ok_or_else(wrong)?;
                (
                    timestamp_type(),
                    std::sync::Arc::new(times.clone().with_timezone("UTC")),
                )
            }
        };
        if *column.data_type() != data_type {
            return Err(wrong());
        }
        let nullable = name == TIMESTAMP;
        if !nullable && column.null_count() > 0 {
            return Err(contradiction(format!("column {name} has nulls")));
        }
        fields.push(Field::new(name, data_type, nullable));
        columns.push(column);
    }
    let schema = Schema::new(fields);
    RecordBatch::try_new(schema.into(), columns).map_err(|e| contradiction(e.to_string()))
}

/// (partition, offset) of each row, in the order of the rows.
pub(crate) fn places(rows: &RecordBatch) -> Result<Vec<(i32, i64)>, LogError> {
    let partitions = rows
        .column_by_name(PARTITION)
        .and_then(|c| c.as_primitive_opt::<Int32Type>());
    let offsets = rows
        .column_by_name(OFFSET)
        .and_then(|c| c.as_primitive_opt::<Int64Type>());
    let (Some(partitions), Some(offsets)) = (partitions, offsets) else {
        return Err(contradiction(format!(
            "it has no column {PARTITION} of int32 or {OFFSET} of int64"
        )));
    };
    if partitions.null_count() + offsets.null_count() > 0 {
        return Err(contradiction(format!(
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
        .map_err(|_| contradiction("it has more than 4,294,967,295 rows"))?;
    let mut order: Vec<u32> = (0..count).collect();
    order.sort_by_key(|row| places[*row as usize]);
    take_record_batch(&rows, &UInt32Array::from(order)).map_err(|e| contradiction(e.to_string()))
}
