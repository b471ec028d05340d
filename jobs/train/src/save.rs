//! From a fit to a model folder and a line of the report.

use gugus_clusters::Centers;
use gugus_features::{FitOutcome, Fitted};
use gugus_spec::Algorithm;
use gugus_store::{Existing, Extent, ModelDraft, ModelStore};

use crate::error::Error;
use crate::prepare::{Config, ModelWork, empty};
use crate::report::{ModelReport, Outcome};

/// What was fitted, or the line that says why nothing was.
pub(crate) fn trained(
    work: &ModelWork,
    extent: &Extent,
    outcome: FitOutcome,
) -> Result<Fitted, ModelReport> {
    match outcome {
        FitOutcome::Trained(fitted) => Ok(fitted),
        FitOutcome::Failed { reason, rows } => Err(ModelReport {
            status: Outcome::Failed,
            reason: Some(reason),
            ..empty(&work.model.name, extent, rows)
        }),
    }
}

/// Writes a model and reports it.
pub(crate) async fn save(
    models: &ModelStore,
    work: &ModelWork,
    draft: ModelDraft,
    existing: Existing,
) -> Result<ModelReport, Error> {
    let name = &work.model.name;
    let folder = ModelStore::folder(name, &draft.extent);
    let written = models.write(&draft, existing).await;
    let written = written.map_err(|source| Error::Write {
        model: name.clone(),
        place: folder.clone(),
        source,
    })?;
    Ok(ModelReport {
        status: Outcome::Trained,
        iterations: Some(written.iterations),
        training_cost: Some(written.training_cost),
        sizes: written.sizes,
        path: Some(folder),
        ..empty(name, &draft.extent, written.rows)
    })
}

/// What is to be saved of a fit, but for the data that it was fitted on.
pub(crate) fn draft(
    config: &Config,
    work: &ModelWork,
    fitted: Fitted,
) -> Result<ModelDraft, Error> {
    let model = &work.model;
    let Some(params) = model.algorithm.kmeans() else {
        return Err(other_algorithm(work));
    };
    Ok(ModelDraft {
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
        algorithm: Algorithm::KMeans(params.clone()),
        offsets: Vec::new(),
        rows: fitted.rows,
        rejected: 0,
        iterations: fitted.iterations,
        training_cost: fitted.training_cost,
        sizes: fitted.sizes,
        noise: 0,
        carried_from: None,
        fitted: gugus_clusters::Fitted::Centers(Centers {
            centers: fitted.centers,
            distance_measure: params.distance_measure,
        }),
    })
}

pub(crate) fn other_algorithm(work: &ModelWork) -> Error {
    Error::Algorithm {
        model: work.model.name.clone(),
        algorithm: work.model.algorithm.name(),
    }
}
