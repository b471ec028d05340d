//! The rows of a Parquet file of a model.

use arrow::array::RecordBatch;
use bytes::Bytes;
use gugus_files::{Pages, PagesTooLarge, catch_panic};
use parquet::{arrow::arrow_reader::ParquetRecordBatchReaderBuilder, errors::ParquetError};

/// All rows of a file. The error says in words what is wrong.
pub(crate) fn read(file: &Bytes) -> Result<Vec<RecordBatch>, String> {
    let read = || {
        let reader = ParquetRecordBatchReaderBuilder::try_new(file.clone())?;
        Pages::check(file, reader.metadata())?;
        Ok(reader.build()?.collect::<Result<Vec<_>, _>>()?)
    };
    catch_panic(read).map_err(|error| match error {
        ParquetError::External(large) if large.is::<PagesTooLarge>() => large.to_string(),
        error => format!("it is not a whole parquet file: {error}"),
    })
}
