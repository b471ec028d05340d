//! What a run did, in the form that scripts rely on (`train --output json`).

use gugus_progress::{ModelReport, Outcome};
use gugus_spec::ModelName;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A whole run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
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

    /// Adds what another report counts, without its lines.
    pub(crate) fn count(&mut self, other: &Self) {
        self.trained += other.trained;
        self.failed += other.failed;
        self.skipped += other.skipped;
        self.seconds += other.seconds;
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
