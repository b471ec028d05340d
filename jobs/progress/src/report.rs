//! What became of the models of a run, one line for each.

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

/// The scope of a model of a window.
pub const WINDOW: &str = "window";

/// One model, of one batch, of one window or over all batches.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ModelReport {
    /// The model's name.
    pub model: String,
    /// The scope of the model in the job file: `batch`, `window` or `all`. Empty in a report of an earlier version.
    #[serde(default)]
    pub scope: String,
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
}

impl ModelReport {
    /// The data that the model is of, in words: `batch 7`, `window "2024-01"`, `by window`, `over all batches`.
    #[must_use]
    pub fn data(&self) -> String {
        match (self.batch, &self.window) {
            (Some(batch), _) => format!("batch {batch}"),
            (None, Some(key)) => format!("window {key:?}"),
            (None, None) if self.scope == WINDOW => "by window".to_owned(),
            (None, None) => "over all batches".to_owned(),
        }
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
