//! Parquet, whole columns at a time.

use arrow::array::{Array, RecordBatch};
use arrow::util::display::array_value_to_string;
use gugus_files::catch_panic;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::Config;
use super::cutter::{Cutter, Halt, PushRows};
use super::plan::Planned;
use crate::input::wrong;

/// Rows that are decoded at once: some MiB of a table of thirty columns, and still few calls for one of two.
const AT_ONCE: usize = 8 * 1024;

pub(super) fn parquet(
    file: &Planned,
    config: &Config,
    cutter: &mut Cutter<'_>,
) -> Result<(), Halt> {
    let input = &file.input;
    let unreadable = |e: parquet::errors::ParquetError| {
        wrong(
            &input.path,
            "it is no whole parquet file, it is cut off or damaged; get it anew",
            Some(e.into()),
        )
    };
    let disk = input.file()?;
    let reader =
        catch_panic(|| ParquetRecordBatchReaderBuilder::try_new(disk)).map_err(unreadable)?;
    let total = u64::try_from(reader.metadata().file_metadata().num_rows())
        .unwrap_or(0)
        .max(1);
    let skip = usize::try_from(file.skip).unwrap_or(usize::MAX);
    let reader = reader.with_batch_size(AT_ONCE).with_offset(skip);
    let mut reader = catch_panic(|| reader.build()).map_err(unreadable)?;
    let begin = config.progress.position();
    let mut record = file.skip;
    while let Some(rows) =
        catch_panic(|| Ok(reader.next().transpose()?)).map_err(|e| input.broke_off(record, e))?
    {
        match cutter.push_rows(&rows, as_json) {
            Ok(()) => {}
            Err(PushRows::Halt(halt)) => return Err(halt),
            Err(PushRows::Import(e)) => return Err(input.broke_off(record, e).into()),
        }
        record += rows.num_rows() as u64;
        let done = u128::from(file.size) * u128::from(record) / u128::from(total);
        config
            .progress
            .set_position(begin + u64::try_from(done).unwrap_or(file.size));
    }
    Ok(())
}

/// A row as a JSON object of texts, since Parquet has no bytes of one row that could be kept.
fn as_json(rows: &RecordBatch, row: usize) -> Vec<u8> {
    let cell = |column: &dyn Array| match array_value_to_string(column, row) {
        Ok(text) if column.is_valid(row) => serde_json::Value::String(text),
        _ => serde_json::Value::Null,
    };
    let schema = rows.schema();
    let cells = schema.fields().iter().zip(rows.columns());
    let object: serde_json::Map<_, _> = cells
        .map(|(field, column)| (field.name().clone(), cell(column.as_ref())))
        .collect();
    serde_json::to_vec(&object).unwrap_or_default()
}
