//! From a fit to a model folder and a line of the report.

use gugus_features::{FitOutcome, Fitted};
use gugus_models::{Existing, Extent, ModelDraft, ModelJson, ModelStore};

use crate::error::Error;
use crate::prepare::{Config, ModelWork, empty};
use crate::report::{ModelReport, Outcome};

/// What was fitted, or the line that says why nothing was.
pub(crate) fn trained(
    work: &ModelWork,
    extent: &Extent,
    outcome: FitOutcome,
) -> Result<Fitted, Box<ModelReport>> {
    match outcome {
        FitOutcome::Trained(fitted) => Ok(fitted),
        FitOutcome::Failed { reason, rows } => Err(Box::new(ModelReport {
            status: Outcome::Failed,
            reason: Some(reason),
            ..empty(&work.model.name, extent, rows)
        })),
    }
}

/// Writes a model and reports it.
pub(crate) async fn save(
    models: &ModelStore,
    work: &ModelWork,
    draft: ModelDraft,
    existing: Existing,
) -> Result<ModelReport, Error> {
    let written = write(models, work, &draft, existing).await?;
    Ok(line(work, &draft.extent, &written))
}

/// Writes a model.
pub(crate) async fn write(
    models: &ModelStore,
    work: &ModelWork,
    draft: &ModelDraft,
    existing: Existing,
) -> Result<ModelJson, Error> {
    let written = models.write(draft, existing).await;
    written.map_err(|source| Error::Write {
        model: work.model.name.clone(),
        place: ModelStore::folder(&work.model.name, &draft.extent),
        source: Box::new(source),
    })
}

/// The report of a model that was written.
pub(crate) fn line(work: &ModelWork, extent: &Extent, written: &ModelJson) -> ModelReport {
    let name = &work.model.name;
    ModelReport {
        status: Outcome::Trained,
        iterations: Some(written.iterations),
        training_cost: Some(written.training_cost),
        sizes: written.sizes.clone(),
        path: Some(ModelStore::folder(name, extent)),
        ..empty(name, extent, written.rows)
    }
}

/// What is to be saved of a fit, but for the data that it was fitted on.
pub(crate) fn draft(config: &Config, work: &ModelWork, fitted: Fitted) -> ModelDraft {
    let model = &work.model;
    ModelDraft {
        job: config.job.name.clone(),
        model: model.name.clone(),
        extent: Extent::All,
        window: None,
        commit_id: None,
        features: model.features.clone(),
        condition: model.condition.clone(),
        weight_col: model.weight_col.clone(),
        handle_invalid: model.handle_invalid,
        columns: work.plan.columns().to_vec(),
        algorithm: model.algorithm.clone(),
        offsets: Vec::new(),
        rows: fitted.rows,
        rejected: 0,
        iterations: fitted.iterations,
        training_cost: fitted.training_cost,
        sizes: fitted.sizes,
        noise: fitted.noise,
        carried_from: None,
        fitted: fitted.model,
    }
}
