//! What a run did, in the form that scripts rely on (`train --output json`).

use gugus_models::{Extent, ModelJson, ModelStore};
use gugus_spec::{BatchNumber, ModelName};
use serde::{Deserialize, Serialize};

/// What became of one model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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

/// The scope of a model of a window.
const WINDOW: &str = "window";

/// One model, of one batch, of one window or over all batches.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
    /// Nothing was done, for this reason.
    pub(crate) fn skipped(model: &ModelName, of: &Extent, rows: u64, reason: &str) -> Self {
        Self {
            reason: Some(reason.to_owned()),
            ..Self::empty(model, of, rows)
        }
    }

    /// The batch holds nothing to fit.
    pub(crate) fn no_rows(model: &ModelName, batch: BatchNumber) -> Self {
        Self::skipped(model, &Extent::Batch(batch), 0, "the batch has no rows")
    }

    /// The data allow no model.
    pub(crate) fn failed(model: &ModelName, of: &Extent, rows: u64, reason: String) -> Self {
        Self {
            status: Outcome::Failed,
            reason: Some(reason),
            ..Self::empty(model, of, rows)
        }
    }

    /// A model would be trained.
    pub(crate) fn planned(model: &ModelName, of: &Extent, rows: u64) -> Self {
        Self {
            status: Outcome::Planned,
            path: Some(ModelStore::folder(model, of)),
            ..Self::empty(model, of, rows)
        }
    }

    /// A model was written.
    pub(crate) fn trained(model: &ModelName, of: &Extent, written: &ModelJson) -> Self {
        Self {
            status: Outcome::Trained,
            iterations: Some(written.summary.iterations),
            training_cost: Some(written.summary.training_cost),
            sizes: written.summary.sizes.clone(),
            path: Some(ModelStore::folder(model, of)),
            ..Self::empty(model, of, written.summary.rows)
        }
    }

    /// The model is there already.
    pub(crate) fn there(model: &ModelName, of: &Extent, about: &ModelJson) -> Self {
        Self {
            status: Outcome::Skipped,
            reason: Some("the model is there already".to_owned()),
            ..Self::trained(model, of, about)
        }
    }

    /// The line is about all windows of a model, or about rows that are in none.
    pub(crate) fn of_windows(self) -> Self {
        Self {
            scope: WINDOW.to_owned(),
            path: None,
            ..self
        }
    }

    fn empty(model: &ModelName, of: &Extent, rows: u64) -> Self {
        Self {
            model: model.as_str().to_owned(),
            scope: match of {
                Extent::Batch(_) => "batch",
                Extent::Window(_) => WINDOW,
                Extent::All => "all",
            }
            .to_owned(),
            batch: of.batch().map(BatchNumber::get),
            window: of.window().map(|key| key.as_str().to_owned()),
            status: Outcome::Skipped,
            reason: None,
            rows,
            iterations: None,
            training_cost: None,
            sizes: Vec::new(),
            path: None,
        }
    }

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

/// A whole run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// How many models were trained.
    pub trained: u64,
    /// How many models the data did not allow.
    pub failed: u64,
    /// How many were left alone.
    pub skipped: u64,
    /// How many would be trained (`--dry-run` only).
    #[serde(default, skip_serializing_if = "is_zero")]
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

    /// Adds several.
    pub(crate) fn extend(&mut self, models: impl IntoIterator<Item = ModelReport>) {
        models.into_iter().for_each(|model| self.push(model));
    }

    /// Puts models in this order, those of one model by batch and by window.
    pub(crate) fn sort(&mut self, order: &[ModelName]) {
        let place = |line: &ModelReport| {
            let model = order.iter().position(|name| name.as_str() == line.model);
            (model, line.batch)
        };
        self.models.sort_by(|a, b| {
            let by_batch = place(a).cmp(&place(b));
            by_batch.then_with(|| a.window.cmp(&b.window))
        });
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
