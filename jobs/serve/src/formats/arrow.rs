//! Arrow IPC streams.
//!
//! Invariant: a short body cannot make long columns. The decoder reads only bytes that came. Rows, and the text of columns
//! that repeat their values, are counted before anything is made of them.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{
    AnyDictionaryArray, Array, ArrayRef, AsArray, Float64Array, GenericStringArray, Int32Array,
    Int64Array, OffsetSizeTrait, RecordBatch, StringArray,
};
use arrow::buffer::Buffer;
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use arrow::ipc::reader::StreamDecoder;
use arrow::ipc::root_as_message;
use arrow::ipc::writer::StreamWriter;
use bytes::Bytes;
use gugus_records::{Columns, ImportError};

use crate::answers::Answers;
use crate::options::Strictness;
use crate::problem::{Code, Problem};
use crate::reading::Reading;
use crate::rows::{Rows, Shape, Wrong};
use crate::strict;

/// How many times the longest body the columns of a body may be.
const LARGEST: usize = 16;

/// How many rows are appended at once. Memory holds the reason of each wrong row of these, although only the first one is told.
const ROWS_AT_ONCE: usize = 64 * 1024;

/// The records of a body.
pub(super) fn read<'a>(body: &Bytes, reading: Reading<'_>) -> Result<Rows<'a>, Problem> {
    if told(body).is_compressed {
        return Err(Problem::new(
            Code::UnsupportedMediaType,
            "the buffers of the stream are compressed; write them plain, and compress the whole body with gzip instead",
        ));
    }
    // The decoder checks what it reads, and still panics over some damage.
    match gugus_error::catch(|| read_stream(body, reading)) {
        Ok(read) => read,
        Err(panic) => Err(not_arrow(gugus_error::panic_text(&*panic))),
    }
}

fn not_arrow(reason: impl std::fmt::Display) -> Problem {
    Problem::new(
        Code::NotArrow,
        format!("the body is not an Arrow IPC stream: {reason}"),
    )
}

fn read_stream<'a>(body: &Bytes, reading: Reading<'_>) -> Result<Rows<'a>, Problem> {
    let mut rest = Buffer::from(body.clone());
    let mut decoder = StreamDecoder::new();
    let mut columns: Option<Columns> = None;
    let mut wrong = None;
    while let Some(batch) = decoder.decode(&mut rest).map_err(not_arrow)? {
        let columns = match &mut columns {
            Some(columns) => columns,
            none => none.insert(begin(&batch, reading)?),
        };
        let before = columns.rows();
        check_size(&batch, columns, reading.limit)?;
        reading.check_rows(before.saturating_add(batch.num_rows()))?;
        // Only the first wrong record is told. The rest is decoded, because a broken stream counts more than a wrong record.
        if wrong.is_none() {
            wrong = push(columns, &batch)?.map(|(row, problem)| (before + row, problem));
        }
    }
    decoder.finish().map_err(not_arrow)?;
    let columns = match (columns, decoder.schema()) {
        (Some(columns), _) => columns,
        (None, Some(schema)) => begin(&RecordBatch::new_empty(schema), reading)?,
        (None, None) => return Err(not_arrow("it has no schema")),
    };
    finish(columns, wrong)
}

/// The records of columns in memory. They are as large as the body that they came in.
pub(super) fn of_batch<'a>(batch: &RecordBatch, reading: Reading<'_>) -> Result<Rows<'a>, Problem> {
    let mut columns = begin(batch, reading)?;
    let wrong = push(&mut columns, batch)?;
    finish(columns, wrong)
}

/// Appends a batch up to its first wrong row or a little further, and tells that row.
fn push(columns: &mut Columns, batch: &RecordBatch) -> Result<Option<(usize, Problem)>, Problem> {
    let mut from = 0;
    loop {
        let rows = batch.slice(from, ROWS_AT_ONCE.min(batch.num_rows() - from));
        let rejected = columns.push_rows(&rows).map_err(of_import)?;
        if let Some(first) = rejected.into_iter().next() {
            return Ok(Some((from + first.row, first.reason.into())));
        }
        from += rows.num_rows();
        if from == batch.num_rows() {
            return Ok(None);
        }
    }
}

fn finish<'a>(mut columns: Columns, wrong: Option<(usize, Problem)>) -> Result<Rows<'a>, Problem> {
    let batch = columns.finish();
    let batch = batch.map_err(|error| Problem::new(Code::WrongValue, error.to_string()))?;
    Ok(Rows {
        batch: match &wrong {
            Some((index, _)) => batch.slice(0, *index),
            None => batch,
        },
        texts: Vec::new(),
        shape: Shape::Many,
        wrong: wrong.map(|(index, problem)| Wrong::at(index)(problem)),
    })
}

/// Columns for batches like this one.
fn begin(batch: &RecordBatch, reading: Reading<'_>) -> Result<Columns, Problem> {
    let schema = batch.schema_ref();
    let names: Vec<String> = schema
        .fields()
        .iter()
        .map(|field| field.name().clone())
        .collect();
    let mut seen = HashSet::with_capacity(names.len());
    if let Some(twice) = names.iter().find(|name| !seen.insert(name.as_str())) {
        let detail = format!("two columns are named {twice:?}; rename one");
        return Err(Problem::new(Code::WrongValue, detail));
    }
    let Reading {
        input, strictness, ..
    } = reading;
    let layout = input.layout_of(&names, reading.dimensions, strictness)?;
    if strictness == Strictness::Strict {
        strict::check_types(schema, input.columns())?;
    }
    Ok(Columns::new(layout))
}

fn of_import(error: ImportError) -> Problem {
    let code = match error {
        ImportError::Full(_) => Code::BodyTooLarge,
        _ => Code::WrongValue,
    };
    Problem::new(code, error.to_string())
}

/// Refuses a batch whose columns would be far larger than its bytes.
fn check_size(batch: &RecordBatch, columns: &Columns, limit: usize) -> Result<(), Problem> {
    let most = limit.saturating_mul(LARGEST);
    let rows = columns.rows().saturating_add(batch.num_rows());
    let fields = columns.layout().fields();
    let mut bytes = rows
        .saturating_mul(8 * (fields.len() + 1))
        .saturating_add(columns.bytes());
    for field in fields {
        let Some(column) = batch.column_by_name(field.name()) else {
            continue;
        };
        let text = text_bytes(column).ok_or_else(|| {
            let (name, found) = (field.name(), column.data_type());
            let detail =
                format!("column {name:?} is {found}; send numbers, text, bools or timestamps");
            Problem::new(Code::WrongValue, detail)
        })?;
        bytes = bytes.saturating_add(text);
    }
    if bytes <= most {
        return Ok(());
    }
    Err(Problem::new(
        Code::BodyTooLarge,
        format!(
            "the columns of the body are larger than {most} bytes; send fewer records at a time"
        ),
    ))
}

/// How many bytes the text of a column takes when it is written out; none for columns that are not read.
fn text_bytes(column: &ArrayRef) -> Option<usize> {
    Some(match column.data_type() {
        kind if kind.is_primitive() => 0,
        DataType::Null | DataType::Boolean => 0,
        DataType::Utf8 => spanned(column.as_string::<i32>().value_offsets()),
        DataType::LargeUtf8 => spanned(column.as_string::<i64>().value_offsets()),
        DataType::Binary => spanned(column.as_binary::<i32>().value_offsets()),
        DataType::LargeBinary => spanned(column.as_binary::<i64>().value_offsets()),
        // Many views may show one text.
        DataType::Utf8View => column
            .as_string_view()
            .lengths()
            .map(|length| length as usize)
            .sum(),
        DataType::Dictionary(..) => {
            let dictionary = column.as_any_dictionary();
            let values = dictionary.values();
            match values.data_type() {
                _ if values.is_empty() => 0,
                kind if kind.is_primitive() => 0,
                DataType::Utf8 => repeated(dictionary, values.as_string::<i32>()),
                DataType::LargeUtf8 => repeated(dictionary, values.as_string::<i64>()),
                _ => return None,
            }
        }
        _ => return None,
    })
}

/// How many bytes lie between the first of these offsets and the last one.
fn spanned<O: OffsetSizeTrait>(offsets: &[O]) -> usize {
    match offsets {
        [first, .., last] => last.as_usize() - first.as_usize(),
        _ => 0,
    }
}

/// How many bytes the rows of a dictionary take if each row has its text itself.
fn repeated<O: OffsetSizeTrait>(
    dictionary: &dyn AnyDictionaryArray,
    texts: &GenericStringArray<O>,
) -> usize {
    let keys = dictionary.normalized_keys().into_iter().enumerate();
    keys.filter(|(row, _)| dictionary.is_valid(*row))
        .map(|(_, key)| texts.value_length(key).as_usize())
        .fold(0, usize::saturating_add)
}

/// What the heads of the messages of a stream tell.
#[derive(Debug, Default)]
struct Heads {
    /// Whether the buffers of a batch are compressed. The length that such a buffer claims to have cannot be trusted.
    is_compressed: bool,
    /// Whether rows may share a text, so that the columns may be much longer than the body.
    may_repeat: bool,
    rows: usize,
}

/// Reads the heads up to the first one that the decoder will refuse.
fn told(stream: &[u8]) -> Heads {
    let mut heads = Heads::default();
    let mut rest = stream;
    while let Some((head, after)) = message(rest) {
        let Ok(message) = root_as_message(head) else {
            break;
        };
        let dictionary = message.header_as_dictionary_batch();
        heads.may_repeat |= dictionary.is_some();
        let batch = message.header_as_record_batch();
        let batch = batch.or_else(|| dictionary.and_then(|dictionary| dictionary.data()));
        if let Some(batch) = batch {
            let rows = usize::try_from(batch.length()).unwrap_or(usize::MAX);
            heads.rows = heads.rows.saturating_add(rows);
            heads.is_compressed |= batch.compression().is_some();
            let shared = batch.variadicBufferCounts();
            heads.may_repeat |= shared.is_some_and(|shared| !shared.is_empty());
        }
        let body = usize::try_from(message.bodyLength()).ok();
        let Some(next) = body.and_then(|body| after.get(body..)) else {
            break;
        };
        rest = next;
    }
    heads
}

/// How many bytes of text would be as much work as this stream; none if only its columns tell.
pub(super) fn work(stream: &[u8]) -> Option<usize> {
    let heads = told(stream);
    let is_known = !heads.is_compressed && !heads.may_repeat;
    is_known.then(|| heads.rows.saturating_mul(ROW).max(stream.len()))
}

/// A row of numbers is as much work as a short record of JSON, at most.
const ROW: usize = 32;

/// The head of the first message, and all that is behind it.
fn message(stream: &[u8]) -> Option<(&[u8], &[u8])> {
    let stream = stream.strip_prefix(&[0xff; 4]).unwrap_or(stream);
    let (length, rest) = stream.split_first_chunk()?;
    let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    if length == 0 {
        return None;
    }
    rest.split_at_checked(length)
}

/// The answers: a column of clusters, and the columns of the explanation if there is one.
pub(super) fn write(answers: &Answers<'_>) -> Result<Vec<u8>, ArrowError> {
    let clusters = Int32Array::from(answers.labels().to_vec());
    let mut columns: Vec<(&str, ArrayRef, bool)> = vec![("cluster", Arc::new(clusters), false)];
    if let Some(about) = answers.about() {
        let rows = answers.len();
        let explained = || (0..rows).filter_map(|row| answers.explanation(row));
        let distances: Float64Array = explained().map(|it| Some(it.distance)).collect();
        let seconds: Int32Array = explained().map(|it| Some(it.second?.0)).collect();
        let far: Float64Array = explained().map(|it| Some(it.second?.1)).collect();
        let text = |text: &str| {
            Arc::new(StringArray::from_iter_values(std::iter::repeat_n(
                text, rows,
            )))
        };
        let batch = about.batch.map(u64::cast_signed);
        let batches: Int64Array = std::iter::repeat_n(batch, rows).collect();
        columns.push(("distance", Arc::new(distances), false));
        columns.push(("second_cluster", Arc::new(seconds), true));
        columns.push(("second_distance", Arc::new(far), true));
        columns.push(("model", text(about.model), false));
        columns.push(("batch", Arc::new(batches), true));
        if let Some(window) = about.window {
            columns.push(("window", text(window), false));
        }
        columns.push(("uid", text(about.uid), false));
    }
    let batch = RecordBatch::try_from_iter_with_nullable(columns)?;
    let mut writer = StreamWriter::try_new(Vec::new(), batch.schema_ref())?;
    writer.write(&batch)?;
    writer.into_inner()
}

#[cfg(test)]
mod tests {
    use arrow::array::{DictionaryArray, StringViewArray};
    use arrow::datatypes::Int32Type;

    use super::*;

    fn stream(column: ArrayRef) -> Vec<u8> {
        let batch = RecordBatch::try_from_iter([("x", column)]).unwrap();
        let mut writer = StreamWriter::try_new(Vec::new(), batch.schema_ref()).unwrap();
        writer.write(&batch).unwrap();
        writer.write(&batch).unwrap();
        writer.into_inner().unwrap()
    }

    #[test]
    fn heads_tell_how_much_work_a_stream_is() {
        let few = stream(Arc::new(Float64Array::from(vec![0.5; 10])));
        assert_eq!(told(&few).rows, 20);
        assert_eq!(work(&few), Some(few.len()));
        // Nulls take no bytes, and rows of them are rows all the same.
        let nulls = stream(arrow::array::new_null_array(&DataType::Null, 1_000_000));
        assert!(nulls.len() < 1_000);
        assert_eq!(work(&nulls), Some(2_000_000 * ROW));
        let long = "x".repeat(100);
        let shared = DictionaryArray::<Int32Type>::from_iter([&*long, &*long]);
        let views = StringViewArray::from(vec![&*long, &*long]);
        for column in [Arc::new(shared) as ArrayRef, Arc::new(views)] {
            assert_eq!(work(&stream(column)), None);
        }
        assert_eq!(work(b"no stream"), Some(9));
    }
}
