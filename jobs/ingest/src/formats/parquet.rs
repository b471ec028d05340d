//! Parquet, whole columns at a time.

use std::collections::HashSet;
use std::fs::File;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Schema, SchemaRef, TimeUnit};
use gugus_files::{Pages, catch_panic};
use gugus_records::{Columns, Layout, row_json};
use gugus_spec::Job;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use parquet::basic::Type as PhysicalType;
use parquet::column::page::{Page, PageReader};
use parquet::errors::ParquetError;
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData};
use parquet::file::serialized_reader::SerializedPageReader;

use super::csv::check_columns;
use super::file_format::{FileFormat, ToImport};
use crate::Error;
use crate::import::cutter::{Cutter, Halt};
use crate::input::Input;

/// Rows to decode at once. They are some MiB of a table with thirty columns, and few calls for a table with two.
const AT_ONCE: usize = 8 * 1024;

/// The most bytes that rows decoded at once may take. A file of kilobytes may hold a long text once, and name it in
/// each of its rows.
const MOST_AT_ONCE: usize = 64 * 1024 * 1024;

/// How many times longer than the file a column may be, if it is longer than [`MOST_AT_ONCE`].
const MOST_PACKED: i64 = 1000;

/// The name of the format, also in footers.
pub(crate) const NAME: &str = "parquet";

pub(super) struct Parquet;

impl FileFormat for Parquet {
    fn name(&self) -> &'static str {
        NAME
    }

    fn endings(&self) -> &'static [&'static str] {
        &[NAME]
    }

    fn magic(&self) -> Option<&'static [u8]> {
        Some(b"PAR1")
    }

    fn check(&self, input: &Input, job: &Job) -> Result<(), Error> {
        let reader = open(input)?;
        let schema = reader.schema();
        let mut names: Vec<String> = Vec::new();
        let mut seen = HashSet::new();
        for field in schema.fields() {
            if !seen.insert(field.name()) {
                let name = field.name();
                return Err(input.wrong(format!("it has column {name:?} twice; rename one")));
            }
            names.push(field.name().clone());
        }
        check_columns(input, job, &names)?;
        // A table without rows checks all the types.
        Columns::new(Layout::new(&job.source))
            .push_rows(&RecordBatch::new_empty(schema.clone()))
            .map_err(|e| input.wrong(format!("{e}; correct the column's type in the job file")))?;
        Ok(())
    }

    fn has_records(&self, input: &Input, _: &Job) -> Result<bool, Error> {
        Ok(open(input)?.metadata().file_metadata().num_rows() > 0)
    }

    fn read(&self, file: &ToImport<'_>, cutter: &mut Cutter<'_>) -> Result<(), Halt> {
        let (input, size) = (file.input, file.input.size()?);
        let reader = open(input)?;
        let total = u64::try_from(reader.metadata().file_metadata().num_rows())
            .unwrap_or(0)
            .max(1);
        let skip = usize::try_from(file.skip).unwrap_or(usize::MAX);
        let at_once = at_once(input.file()?, reader.metadata());
        let reader = reader.with_batch_size(at_once).with_offset(skip);
        let mut reader = catch_panic(|| reader.build()).map_err(|e| not_whole(input, e))?;
        let begin = file.progress.now().done;
        let mut record = file.skip;
        while let Some(rows) = catch_panic(|| Ok(reader.next().transpose()?))
            .map_err(|e| input.stopped(record, reason(&e), Some(e.into())))?
        {
            cutter.push_rows(&rows, row_json)?;
            record += rows.num_rows() as u64;
            let done = u128::from(size) * u128::from(record) / u128::from(total);
            file.progress
                .set_done(begin + u64::try_from(done).unwrap_or(size));
        }
        Ok(())
    }
}

fn open(input: &Input) -> Result<ParquetRecordBatchReaderBuilder<File>, Error> {
    let file = input.file()?;
    let open = || {
        let options = ArrowReaderOptions::new();
        let metadata = ArrowReaderMetadata::load(&file, options)?;
        match Pages::check(&file, metadata.metadata()) {
            // The reader of the rows stops there, too, and the rows before are imported.
            Ok(()) | Err(ParquetError::EOF(_)) => {}
            Err(refused) => return Err(refused),
        }
        let options = ArrowReaderOptions::new().with_schema(without_nanoseconds(&metadata));
        let metadata = ArrowReaderMetadata::try_new(metadata.metadata().clone(), options)?;
        Ok(ParquetRecordBatchReaderBuilder::new_with_metadata(
            file, metadata,
        ))
    };
    let reader = catch_panic(open).map_err(|e| not_whole(input, e))?;
    let size = i64::try_from(input.size()?).unwrap_or(i64::MAX);
    let most = size.saturating_mul(MOST_PACKED).max(MOST_AT_ONCE as i64);
    let groups = reader.metadata().row_groups();
    let columns = groups.iter().flat_map(|group| group.columns());
    let large = columns
        .map(ColumnChunkMetaData::uncompressed_size)
        .find(|size| *size > most);
    match large {
        None => Ok(reader),
        Some(size) => Err(input.wrong(format!(
            "a column of a row group in it unpacks to {} MiB; write it anew, with smaller row groups",
            size >> 20
        ))),
    }
}

/// How many rows to decode at once, by the longest texts in dictionaries. If a dictionary cannot be read, the reader of its
/// rows reports that, and until then few rows are decoded at once.
fn at_once(file: File, metadata: &ParquetMetaData) -> usize {
    let file = Arc::new(file);
    let longest = || {
        let mut of_groups = 1_usize;
        for group in metadata.row_groups() {
            let rows = usize::try_from(group.num_rows()).unwrap_or(usize::MAX);
            let mut of_row = 0_usize;
            for column in group.columns() {
                if column.column_type() != PhysicalType::BYTE_ARRAY {
                    continue;
                }
                let mut pages = SerializedPageReader::new(Arc::clone(&file), column, rows, None)?;
                if let Some(Page::DictionaryPage { buf, .. }) = pages.get_next_page()? {
                    of_row = of_row.saturating_add(longest_text(&buf));
                }
            }
            of_groups = of_groups.max(of_row);
        }
        Ok(of_groups)
    };
    let longest = catch_panic(longest).unwrap_or(MOST_AT_ONCE / 64);
    (MOST_AT_ONCE / longest).clamp(1, AT_ONCE)
}

/// The length of the longest text in a dictionary. Each text stands behind its length in four bytes.
fn longest_text(mut dictionary: &[u8]) -> usize {
    let mut longest = 0_usize;
    while let Some((length, rest)) = dictionary.split_first_chunk() {
        let length = u32::from_le_bytes(*length) as usize;
        longest = longest.max(length.min(rest.len()));
        dictionary = rest.get(length..).unwrap_or_default();
    }
    longest
}

/// The schema of a file, but with milliseconds in UTC for INT96, by which Spark writes instants. The nanoseconds that the
/// reader takes them for wrap round beyond the years 1677 and 2262.
fn without_nanoseconds(metadata: &ArrowReaderMetadata) -> SchemaRef {
    let schema = metadata.schema();
    let parquet = metadata.parquet_schema();
    let is_int96 = |at: usize| match parquet.root_schema().get_fields().get(at) {
        Some(field) => field.is_primitive() && field.get_physical_type() == PhysicalType::INT96,
        None => false,
    };
    let instant = DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()));
    let fields = schema.fields().iter().enumerate().map(|(at, field)| {
        if is_int96(at) {
            Arc::new(field.as_ref().clone().with_data_type(instant.clone()))
        } else {
            field.clone()
        }
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

fn not_whole(input: &Input, error: ParquetError) -> Error {
    input.wrong_with(reason(&error), error)
}

/// Why a file cannot be read, and what to do.
fn reason(error: &ParquetError) -> &'static str {
    match error {
        ParquetError::NYI(_) => {
            "it is written in a way that this program does not read; write it anew, such as with compression zstd"
        }
        ParquetError::External(error) if error.is::<std::io::Error>() => {
            "the system does not give all of it; check its disk or network"
        }
        _ => "it is no whole parquet file, it is cut off or damaged; get it anew",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_text_of_a_dictionary_is_found() {
        let text = |length: u32| [&length.to_le_bytes()[..], &vec![b'a'; length as usize]].concat();
        let dictionary = [text(3), text(700), text(0), text(5)].concat();
        assert_eq!(longest_text(&dictionary), 700);
        assert_eq!(longest_text(&[]), 0);
        // A length beyond the end counts as what is there.
        assert_eq!(longest_text(&[255, 255, 255, 255, b'a', b'b']), 2);
    }
}
