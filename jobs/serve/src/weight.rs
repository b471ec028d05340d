//! How much memory a model takes.

use gugus_clusters::{Cells, Fitted};
use gugus_models::ModelJson;

/// What every model takes: its entry, its name, the parts of its document that do not grow.
const MODEL: usize = 4 * 1024;

/// What a compiled expression takes beside its text.
const FEATURE: usize = 2 * 1024;

/// What the expression that a text is compiled to takes, as a multiple of the text.
const COMPILED: usize = 16;

/// What a column takes, in the layout of records and in the schema of expressions.
const COLUMN: usize = 512;

/// What a list takes beside its content.
const LIST: usize = size_of::<Vec<f64>>() + 16;

/// The bytes that a model takes in memory, about. Centers are held twice: to be shown, and to predict.
pub(crate) fn bytes(about: Option<&ModelJson>, fitted: &Fitted) -> u64 {
    let list = |numbers: &Vec<f64>| LIST + size_of_val(numbers.as_slice());
    let cells = |cells: &Cells| match cells {
        Cells::Clusters(numbers) => size_of_val(numbers.as_slice()),
        Cells::Numbers(numbers) => size_of_val(numbers.as_slice()),
        Cells::Lists(lists) => lists.iter().map(list).sum(),
    };
    let table: usize = fitted.table().iter().map(cells).sum();
    let middles: usize = fitted.middles().iter().map(list).sum();
    let document = about.map_or(0, |about| {
        let text = |feature: &gugus_spec::Feature| feature.name.len() + feature.sql.len();
        let features: usize = about.features.iter().map(text).sum();
        about.features.len() * FEATURE
            + features * COMPILED
            + about.columns.len() * COLUMN
            + size_of_val(about.summary.sizes.as_slice())
            + about.counts.len() * size_of::<u64>()
    });
    u64::try_from(MODEL + document + 2 * middles + table).unwrap_or(u64::MAX)
}
