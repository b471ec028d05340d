//! What the tests share.

use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{ArrowPrimitiveType, Float64Type, Int32Type, TimestampMillisecondType};
use gugus_records::{Columns, Layout};
use gugus_spec::{Job, Source};

/// The source of a job with these lines below `[source]`.
pub(crate) fn source_of(source: &str) -> Source {
    let text = format!("name = \"j\"\n[source]\ntopic = \"t\"\n{source}\n");
    Job::parse(&text, "test.toml").unwrap().source
}

/// Its layout.
pub(crate) fn layout_of(source: &str) -> Arc<Layout> {
    Layout::new(&source_of(source))
}

/// The layout of these columns, with other columns as text or dropped.
pub(crate) fn layout(columns: &str, others: &str) -> Arc<Layout> {
    layout_of(&format!(
        "other_columns = \"{others}\"\n[source.columns]\n{columns}"
    ))
}

pub(crate) fn columns(columns: &str, others: &str) -> Columns {
    Columns::new(layout(columns, others))
}

/// A column as text.
pub(crate) fn texts(batch: &RecordBatch, column: &str) -> Vec<Option<String>> {
    let array = batch[column].as_string::<i32>();
    array.iter().map(|text| text.map(str::to_owned)).collect()
}

/// The names of a batch's columns.
pub(crate) fn names(batch: &RecordBatch) -> Vec<String> {
    let schema = batch.schema();
    schema.fields().iter().map(|f| f.name().clone()).collect()
}

/// A column of numbers.
pub(crate) fn values<T: ArrowPrimitiveType>(
    batch: &RecordBatch,
    column: &str,
) -> Vec<Option<T::Native>> {
    batch[column].as_primitive::<T>().iter().collect()
}

pub(crate) fn ints(batch: &RecordBatch, column: &str) -> Vec<Option<i32>> {
    values::<Int32Type>(batch, column)
}

pub(crate) fn floats(batch: &RecordBatch, column: &str) -> Vec<Option<f64>> {
    values::<Float64Type>(batch, column)
}

pub(crate) fn times(batch: &RecordBatch, column: &str) -> Vec<Option<i64>> {
    values::<TimestampMillisecondType>(batch, column)
}

/// Texts that are all there.
pub(crate) fn some(texts: &[&str]) -> Vec<Option<String>> {
    texts.iter().map(|text| Some((*text).to_owned())).collect()
}
