//! Batches and reject files as Parquet bytes.

use std::sync::Arc;

use arrow::{
    array::{
        Array, ArrayRef, AsArray, BinaryArray, BinaryBuilder, Int32Array, Int64Array, RecordBatch,
        StringArray, TimestampMillisecondArray,
    },
    compute::concat_batches,
    datatypes::{DataType, Field, Int32Type, Int64Type, Schema, TimestampMillisecondType},
};
use bytes::Bytes;
use gugus_files::catch_panic;
use parquet::{
    arrow::{ArrowWriter, arrow_reader::ParquetRecordBatchReaderBuilder},
    basic::{Compression, ZstdLevel},
    errors::ParquetError,
    file::{metadata::KeyValue, properties::WriterProperties},
};

use crate::{
    RejectedRecord,
    columns::{OFFSET, PARTITION, TIMESTAMP, timestamp_type},
    footer::FOOTER_KEY,
};

/// A Parquet file of these rows, compressed with zstd, with the footer's JSON when it is a batch.
pub(crate) fn to_parquet(
    rows: &RecordBatch,
    footer: Option<String>,
) -> Result<Bytes, ParquetError> {
    let entries = footer.map(|text| vec![KeyValue::new(FOOTER_KEY.to_owned(), text)]);
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_key_value_metadata(entries)
        .build();
    let mut writer = ArrowWriter::try_new(Vec::new(), rows.schema(), Some(properties))?;
    writer.write(rows)?;
    writer.into_inner().map(Bytes::from)
}

/// The rows of a Parquet file, all or at most so many. The reader adds the footer to the schema, so the schema is made again without it.
pub(crate) fn from_parquet(bytes: Bytes, most: Option<usize>) -> Result<RecordBatch, ParquetError> {
    catch_panic(|| {
        let reader = ParquetRecordBatchReaderBuilder::try_new(bytes)?;
        let schema = Arc::new(Schema::new(reader.schema().fields().clone()));
        let reader = match most {
            Some(most) => reader.with_limit(most),
            None => reader,
        };
        let batches = reader.build()?.collect::<Result<Vec<_>, _>>()?;
        Ok(concat_batches(&schema, &batches)?)
    })
}

/// The column of the headers, in files of jobs that keep them.
const HEADERS: &str = "headers";

/// The rows of a reject file.
pub(crate) fn reject_rows(rejects: &[&RejectedRecord]) -> Result<RecordBatch, ParquetError> {
    let mut fields = vec![
        Field::new(PARTITION, DataType::Int32, false),
        Field::new(OFFSET, DataType::Int64, false),
        Field::new(TIMESTAMP, timestamp_type(), true),
        Field::new("key", DataType::Binary, true),
        Field::new("value", DataType::Binary, true),
        Field::new("reason", DataType::Utf8, false),
    ];
    let binary = |of: fn(&RejectedRecord) -> Option<&[u8]>| {
        let mut builder = BinaryBuilder::new();
        rejects
            .iter()
            .for_each(|record| builder.append_option(of(record)));
        Arc::new(builder.finish())
    };
    let times = TimestampMillisecondArray::from_iter(rejects.iter().map(|r| r.timestamp));
    let mut columns: Vec<ArrayRef> = vec![
        Arc::new(Int32Array::from_iter_values(
            rejects.iter().map(|r| r.partition),
        )),
        Arc::new(Int64Array::from_iter_values(
            rejects.iter().map(|r| r.offset),
        )),
        Arc::new(times.with_timezone("UTC")),
        binary(|r| r.key.as_deref()),
        binary(|r| r.value.as_deref()),
        Arc::new(StringArray::from_iter_values(
            rejects.iter().map(|r| r.reason.as_str()),
        )),
    ];
    if rejects.iter().any(|r| r.headers.is_some()) {
        fields.push(Field::new(HEADERS, DataType::Utf8, true));
        let headers = rejects.iter().map(|r| r.headers.as_deref());
        columns.push(Arc::new(headers.collect::<StringArray>()));
    }
    Ok(RecordBatch::try_new(
        Arc::new(Schema::new(fields)),
        columns,
    )?)
}

/// Reads the rows that [`reject_rows`] made.
pub(crate) fn reject_records(rows: &RecordBatch) -> Result<Vec<RejectedRecord>, ParquetError> {
    let column = |name: &str| {
        let column = rows.column_by_name(name);
        column.ok_or_else(|| ParquetError::General(format!("no column {name}")))
    };
    let wrong = |name: &str| ParquetError::General(format!("column {name} has another type"));
    let binary = |name: &str| {
        let column = column(name)?.as_binary_opt::<i32>();
        column.ok_or_else(|| wrong(name))
    };
    let partitions = column(PARTITION)?.as_primitive_opt::<Int32Type>();
    let partitions = partitions.ok_or_else(|| wrong(PARTITION))?;
    let offsets = column(OFFSET)?.as_primitive_opt::<Int64Type>();
    let offsets = offsets.ok_or_else(|| wrong(OFFSET))?;
    let times = column(TIMESTAMP)?.as_primitive_opt::<TimestampMillisecondType>();
    let times = times.ok_or_else(|| wrong(TIMESTAMP))?;
    let (keys, values) = (binary("key")?, binary("value")?);
    let reasons = column("reason")?.as_string_opt::<i32>();
    let reasons = reasons.ok_or_else(|| wrong("reason"))?;
    // Most files do not have this column.
    let headers = rows.column_by_name(HEADERS);
    let headers = headers.and_then(|column| column.as_string_opt::<i32>());
    let bytes =
        |column: &BinaryArray, row| column.is_valid(row).then(|| column.value(row).to_vec());
    Ok((0..rows.num_rows())
        .map(|row| RejectedRecord {
            partition: partitions.value(row),
            offset: offsets.value(row),
            timestamp: times.is_valid(row).then(|| times.value(row)),
            key: bytes(keys, row),
            value: bytes(values, row),
            headers: headers
                .filter(|headers| headers.is_valid(row))
                .map(|headers| headers.value(row).to_owned()),
            reason: reasons.value(row).to_owned(),
        })
        .collect())
}
