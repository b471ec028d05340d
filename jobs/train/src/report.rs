//! What a run did, in the form that scripts rely on (`train --output json`).

use serde::Serialize;

/// What became of one model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// There is a new model.
    Trained,
    /// The data allow none; the reason says why.
    Failed,
    /// There was nothing to do: the model is there already, or the batch has no rows.
    Skipped,
    /// It would be trained (`--dry-run` only).
    Planned,
}

/// One model, of one batch, of one window or over everything.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ModelReport {
    /// The model's name.
    pub model: String,
    /// The batch's number; null for a model over everything or over a window.
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

/// A whole run.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Report {
    /// How many models were trained.
    pub trained: u64,
    /// How many models the data did not allow.
    pub failed: u64,
    /// How many were left alone.
    pub skipped: u64,
    /// How many would be trained (`--dry-run` only).
    #[serde(skip_serializing_if = "is_zero")]
    pub planned: u64,
    /// Wall-clock time of the run.
    pub seconds: f64,
    /// Every model of every batch: models in the job file's order, batches by number, windows by key.
    pub models: Vec<ModelReport>,
}

#[allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde asks for a reference"
)]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl Report {
    /// Adds one model and counts it.
    pub(crate) fn push(&mut self, model: ModelReport) {
        match model.status {
            Outcome::Trained => self.trained += 1,
            Outcome::Failed => self.failed += 1,
            Outcome::Skipped => self.skipped += 1,
            Outcome::Planned => self.planned += 1,
        }
        self.models.push(model);
    }

    /// Takes back that a batch's model is left alone.
    pub(crate) fn take_back(&mut self, model: &str, batch: u64) {
        let before = self.models.len();
        self.models.retain(|line| {
            let same = line.model == model && line.batch == Some(batch);
            !(same && line.status == Outcome::Skipped)
        });
        self.skipped -= (before - self.models.len()) as u64;
    }
}
