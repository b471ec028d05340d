//! Predictions of a model about the rows of a body, column by column.

use arrow::array::{Array, RecordBatch};
use gugus_clusters::{Explain, Predictions};
use gugus_features::{EvaluateError, FeatureRows};

use crate::input::Input;
use crate::loaded::Loaded;
use crate::options::Strictness;
use crate::problem::Problem;
use crate::records;
use crate::rows::{Rows, Wrong};

impl Loaded {
    /// The clusters of rows: all of them, or the problem of the first wrong one.
    pub(crate) fn predict(&self, rows: Rows<'_>, explain: Explain) -> Result<Predictions, Problem> {
        let (shape, wrong) = (rows.shape, rows.wrong);
        let predictions = self
            .predict_rows(&rows.batch, &rows.texts, explain)
            .map_err(|wrong| wrong.problem(shape))?;
        // A row before the record that could not be read may have no features. Then that row is the first wrong one.
        wrong.map_or(Ok(predictions), |wrong| Err(wrong.problem(shape)))
    }

    /// `texts` are the records of the rows, if each record names its columns itself.
    fn predict_rows(
        &self,
        rows: &RecordBatch,
        texts: &[&[u8]],
        explain: Explain,
    ) -> Result<Predictions, Wrong> {
        let features = match self.input.features(rows) {
            Ok(features) => features,
            Err(error) => return Err(self.failing_row(rows, texts, error)),
        };
        let columns = features.finite();
        if columns.is_none() || may_lack_columns(rows, texts) {
            self.check_rows(rows, texts, &features)?;
        }
        let columns = columns.unwrap_or_default();
        let predictions = self.predictor.predict_columns(&columns, explain);
        predictions.map_err(|(row, error)| {
            let name = |d| self.feature_name(d);
            Wrong::at(row)(Problem::of_point(&error, name))
        })
    }

    /// Finds the row that makes the features fail. One error stands for all rows, so each row is tried alone.
    fn failing_row(&self, rows: &RecordBatch, texts: &[&[u8]], error: EvaluateError) -> Wrong {
        for row in 0..rows.num_rows() {
            let one = rows.slice(row, 1);
            let checked = check_columns(&self.input, rows, row, texts).map_err(Wrong::at(row));
            let features = match checked.map(|()| self.input.features(&one)) {
                Err(wrong) => return wrong,
                Ok(Err(error)) => return Wrong::at(row)(error.into()),
                Ok(Ok(features)) => features,
            };
            if let Err(problem) = point(&features, 0, rows, row) {
                return Wrong::at(row)(problem);
            }
        }
        Wrong::of_all(error.into())
    }

    /// Refuses the first row that lacks the model's columns, or a feature.
    fn check_rows(
        &self,
        rows: &RecordBatch,
        texts: &[&[u8]],
        features: &FeatureRows,
    ) -> Result<(), Wrong> {
        for row in 0..rows.num_rows() {
            check_columns(&self.input, rows, row, texts)
                .and_then(|()| {
                    let point = point(features, row, rows, row)?;
                    let name = |d| self.feature_name(d);
                    let predicted = self.predictor.predict(&point);
                    predicted.map_err(|error| Problem::of_point(&error, name))
                })
                .map_err(Wrong::at(row))?;
        }
        Ok(())
    }

    fn feature_name(&self, dimension: usize) -> String {
        let features = self.saved.about.iter().flat_map(|about| &about.features);
        let mut names = features
            .skip(dimension)
            .map(|f| format!("feature {:?}", f.name));
        names
            .next()
            .unwrap_or_else(|| format!("feature {dimension}"))
    }
}

/// Whether a row may be without any value. Only then is it worth while to look for its columns.
fn may_lack_columns(rows: &RecordBatch, texts: &[&[u8]]) -> bool {
    !texts.is_empty() && rows.columns().iter().all(|column| column.null_count() > 0)
}

/// Refuses a record that has none of the model's columns.
fn check_columns(
    input: &Input,
    rows: &RecordBatch,
    row: usize,
    texts: &[&[u8]],
) -> Result<(), Problem> {
    let has_value = || rows.columns().iter().any(|column| column.is_valid(row));
    match texts.get(row) {
        Some(text) if !has_value() => {
            input.check_present(&records::keys(text), Strictness::Lenient)
        }
        _ => Ok(()),
    }
}

/// The features of a row, which stand at `at` in `features`. A row without a usable value for a feature is refused.
fn point(
    features: &FeatureRows,
    at: usize,
    rows: &RecordBatch,
    row: usize,
) -> Result<Vec<f64>, Problem> {
    let missing = |missing| Problem::from(&missing).because(&without_value(rows, row));
    features.row(at).map_err(missing)
}

/// The columns that are null in a row.
fn without_value(rows: &RecordBatch, index: usize) -> Vec<String> {
    let schema = rows.schema();
    let names = schema.fields().iter().map(|field| field.name());
    names
        .zip(rows.columns())
        .filter(|(_, column)| column.is_null(index))
        .map(|(name, _)| name.clone())
        .collect()
}
