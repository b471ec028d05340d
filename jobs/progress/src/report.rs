//! What became of the models of a run, one line for each.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What became of one model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// There is a new model.
    Trained,
    /// The data allow none; the reason says why.
    Failed,
    /// There was nothing to do: the model is there already, or the batch has no rows.
    Skipped,
    /// It is to be trained. A report has such lines after `--dry-run` only.
    Planned,
}

/// The scope of a model in the job file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReportScope {
    /// One model for each batch.
    Batch,
    /// One model for each window.
    Window,
    /// One model over all batches.
    All,
    /// A report of an earlier version does not tell it.
    #[default]
    #[serde(rename = "")]
    Unknown,
}

/// One model, of one batch, of one window or over all batches.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ModelReport {
    /// The model's name.
    pub model: String,
    /// The scope of the model in the job file: `batch`, `window` or `all`. Empty in a report of an earlier version.
    #[serde(default)]
    #[schema(value_type = String)]
    pub scope: ReportScope,
    /// The batch's number; null for a model over all batches or over a window.
    pub batch: Option<u64>,
    /// The window's key; null for others, and where the line is about rows that are in no window.
    pub window: Option<String>,
    /// What became of it.
    pub status: Outcome,
    /// Why it failed or was skipped.
    pub reason: Option<String>,
    /// Rows that were fitted, or given where the fit failed.
    pub rows: u64,
    /// Passes of Lloyd's algorithm.
    pub iterations: Option<u32>,
    /// The cost of the last pass.
    pub training_cost: Option<f64>,
    /// Rows in each cluster; one entry a center.
    pub sizes: Vec<u64>,
    /// The model's folder relative to the models folder, where there is one.
    pub path: Option<String>,
    /// Whether the model took an alias; left out where the job file names none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promotion: Option<PromotionReport>,
}

/// Whether a new model took an alias.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PromotionReport {
    /// The alias.
    pub alias: String,
    /// Whether the alias stands for the model now.
    pub promoted: bool,
    /// Why not; null where it does.
    pub reason: Option<String>,
    /// The metrics that decided, by name; null for a metric that the rows do not allow.
    pub metrics: BTreeMap<String, Option<f64>>,
}

impl ModelReport {
    /// The data that the model is of, in words.
    #[must_use]
    pub fn data(&self) -> String {
        data(self.scope, self.batch, self.window.as_deref())
    }
}

/// The data that a model of this scope is of, in words: `batch 7`, `window "2024-01"`, `by window`, `over all batches`.
#[must_use]
pub fn data(scope: ReportScope, batch: Option<u64>, window: Option<&str>) -> String {
    match (batch, window) {
        (Some(batch), _) => format!("batch {batch}"),
        (None, Some(key)) => format!("window {key:?}"),
        (None, None) if scope == ReportScope::Window => "by window".to_owned(),
        (None, None) => "over all batches".to_owned(),
    }
}

/// One pass over all rows, for a model over all batches.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PassReport {
    /// The model's name.
    pub model: String,
    /// The pass's number, from 1.
    pub pass: u32,
    /// The step of the algorithm that the pass was for.
    pub step: String,
    /// What the rows cost with the centers that the pass began with, as far as the step tells.
    pub cost: Option<f64>,
    /// How far the center moved that moved farthest.
    pub moved: Option<f64>,
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_one_word_and_reports_without_one_are_read() {
        for (scope, json) in [
            (ReportScope::Batch, "\"batch\""),
            (ReportScope::Window, "\"window\""),
            (ReportScope::All, "\"all\""),
            (ReportScope::Unknown, "\"\""),
        ] {
            assert_eq!(serde_json::to_string(&scope).unwrap(), json);
            assert_eq!(serde_json::from_str::<ReportScope>(json).unwrap(), scope);
        }
        let old = r#"{"model":"m","batch":null,"window":null,"status":"trained","reason":null,"rows":1,
            "iterations":null,"training_cost":null,"sizes":[],"path":null}"#;
        let old: ModelReport = serde_json::from_str(old).unwrap();
        assert_eq!(old.scope, ReportScope::Unknown);
        assert_eq!(old.data(), "over all batches");
    }

    #[test]
    fn rows_in_no_window_are_told_by_window() {
        assert_eq!(data(ReportScope::Window, None, None), "by window");
        assert_eq!(
            data(ReportScope::Window, None, Some("2024-01")),
            "window \"2024-01\""
        );
    }
}
