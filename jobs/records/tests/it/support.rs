//! What the tests share.

use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use gugus_records::{Columns, Layout};
use gugus_spec::Job;

/// The layout of a job with these lines below `[source]`.
pub(crate) fn layout_of(source: &str) -> Arc<Layout> {
    let text = format!("name = \"j\"\n[source]\ntopic = \"t\"\n{source}\n");
    Layout::new(&Job::parse(&text, "test.toml").unwrap().source)
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
