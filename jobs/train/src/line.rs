//! A line of the report: one model, and what became of it.

use gugus_models::{Extent, ModelJson, ModelStore};
use gugus_progress::{ModelReport, Outcome, ReportScope};
use gugus_spec::{BatchNumber, ModelName};

/// Nothing was done, for this reason.
pub(crate) fn skipped(model: &ModelName, of: &Extent, rows: u64, reason: &str) -> ModelReport {
    ModelReport {
        reason: Some(reason.to_owned()),
        ..empty(model, of, rows)
    }
}

/// The batch holds nothing to fit.
pub(crate) fn no_rows(model: &ModelName, batch: BatchNumber) -> ModelReport {
    skipped(model, &Extent::Batch(batch), 0, "the batch has no rows")
}

/// The model was removed on purpose.
pub(crate) fn pruned(model: &ModelName, batch: BatchNumber, rows: u64) -> ModelReport {
    skipped(model, &Extent::Batch(batch), rows, "its model was pruned")
}

/// The data allow no model.
pub(crate) fn failed(model: &ModelName, of: &Extent, rows: u64, reason: String) -> ModelReport {
    ModelReport {
        status: Outcome::Failed,
        reason: Some(reason),
        ..empty(model, of, rows)
    }
}

/// A model would be trained.
pub(crate) fn planned(model: &ModelName, of: &Extent, rows: u64) -> ModelReport {
    ModelReport {
        status: Outcome::Planned,
        path: Some(ModelStore::folder(model, of)),
        ..empty(model, of, rows)
    }
}

/// A model was written.
pub(crate) fn trained(model: &ModelName, of: &Extent, written: &ModelJson) -> ModelReport {
    ModelReport {
        status: Outcome::Trained,
        iterations: Some(written.summary.iterations),
        training_cost: Some(written.summary.training_cost),
        sizes: written.summary.sizes.clone(),
        path: Some(ModelStore::folder(model, of)),
        ..empty(model, of, written.summary.rows)
    }
}

/// The model is there already.
pub(crate) fn there(model: &ModelName, of: &Extent, about: &ModelJson) -> ModelReport {
    ModelReport {
        status: Outcome::Skipped,
        reason: Some("the model is there already".to_owned()),
        ..trained(model, of, about)
    }
}

/// The line is about all windows of a model, or about rows that are in none.
pub(crate) fn of_windows(line: ModelReport) -> ModelReport {
    ModelReport {
        scope: ReportScope::Window,
        path: None,
        ..line
    }
}

fn empty(model: &ModelName, of: &Extent, rows: u64) -> ModelReport {
    ModelReport {
        model: model.as_str().to_owned(),
        scope: match of {
            Extent::Batch(_) => ReportScope::Batch,
            Extent::Window(_) => ReportScope::Window,
            Extent::All => ReportScope::All,
        },
        batch: of.batch().map(BatchNumber::get),
        window: of.window().map(|key| key.as_str().to_owned()),
        status: Outcome::Skipped,
        reason: None,
        rows,
        iterations: None,
        training_cost: None,
        sizes: Vec::new(),
        path: None,
        promotion: None,
    }
}
