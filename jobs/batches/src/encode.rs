//! Batches and reject files as Parquet bytes.

use std::sync::Arc;

use arrow::{
    array::{
        Array, ArrayRef, AsArray, BinaryArray, BinaryBuilder, Int32Array, Int64Array, RecordBatch,
        StringArray, TimestampMillisecondArray,
    },
    compute::concat_batches,
    datatypes::{
        DataType, Field, Int32Type, Int64Type, Schema, SchemaRef, TimestampMillisecondType,
    },
};
use bytes::Bytes;
use gugus_files::{Pages, ParquetEnd, catch_panic, seal, unsealed};
use parquet::{
    arrow::{
        ArrowWriter,
        arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder},
    },
    basic::{Compression, ZstdLevel},
    errors::ParquetError,
    file::{metadata::KeyValue, properties::WriterProperties},
};

use crate::{
    RejectedRecord,
    columns::{OFFSET, PARTITION, TIMESTAMP, timestamp_type},
    footer::FOOTER_KEY,
    numbers::stored,
};

/// A Parquet file of these rows.
pub(crate) fn to_parquet(rows: &RecordBatch) -> Result<Bytes, ParquetError> {
    let properties = properties(rows, None);
    let mut writer = ArrowWriter::try_new(Vec::new(), rows.schema(), Some(properties))?;
    writer.write(rows)?;
    writer.into_inner().map(Bytes::from)
}

/// The file of a batch with these rows and the footer's JSON, and the hash of its footer. The same rows and footer give the
/// same bytes.
pub(crate) fn batch_file(
    rows: &RecordBatch,
    footer: String,
) -> Result<(Bytes, String), ParquetError> {
    let footer = vec![KeyValue::new(FOOTER_KEY.to_owned(), footer)];
    let properties = properties(rows, Some(footer));
    let mut file = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut file, rows.schema(), Some(properties))?;
    writer.write(rows)?;
    writer.flush()?;
    let groups = writer.flushed_row_groups().iter();
    let chunks = groups.map(|group| group.columns().len()).sum();
    writer.append_key_value_metadata(unsealed(chunks));
    let metadata = writer.close()?;
    let hash = seal(&mut file, &metadata)?;
    Ok((file.into(), hash))
}

fn properties(rows: &RecordBatch, entries: Option<Vec<KeyValue>>) -> WriterProperties {
    let compressed = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_key_value_metadata(entries);
    stored(compressed, rows).build()
}

/// The rows of a Parquet file, all or at most so many. If the file has hashes, they are checked first.
pub(crate) fn from_parquet(bytes: Bytes, most: Option<usize>) -> Result<RecordBatch, ParquetError> {
    let end = ParquetEnd::of_file(&bytes)?;
    let (schema, batches) = decoded(bytes, end, most)?;
    catch_panic(|| Ok(concat_batches(&schema, &batches)?))
}

/// The schema and the rows of a Parquet file whose end was read. If the file has hashes, they are checked first. The reader
/// adds the footer to the schema, so the schema is made again without it.
pub(crate) fn decoded(
    bytes: Bytes,
    end: ParquetEnd,
    most: Option<usize>,
) -> Result<(SchemaRef, Vec<RecordBatch>), ParquetError> {
    if let Some(seal) = &end.seal {
        seal.check_all(&bytes)?;
    }
    Pages::check(&bytes, &end.metadata)?;
    catch_panic(|| {
        let metadata = ArrowReaderMetadata::try_new(end.metadata, ArrowReaderOptions::new())?;
        let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(bytes, metadata);
        let schema = Arc::new(Schema::new(reader.schema().fields().clone()));
        let reader = match most {
            Some(most) => reader.with_limit(most),
            None => reader,
        };
        let batches = reader.build()?.collect::<Result<Vec<_>, _>>()?;
        Ok((schema, batches))
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
