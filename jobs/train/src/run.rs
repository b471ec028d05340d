//! What all kinds of training share: what is trained on, where models go, and how they get there.

use std::collections::BTreeMap;
use std::ops::RangeBounds;

use gugus_clusters::Fit;
use gugus_features::FitOutcome;
use gugus_kmeans::FitSummary;
use gugus_models::{Existing, Extent, ModelDraft, ModelJson, ModelStore};
use gugus_progress::Progress;
use gugus_spec::{BatchNumber, JobName, ModelName, Scope};

use crate::batches::Batches;
use crate::error::Error;
use crate::report::ModelReport;
use crate::work::ModelWork;

/// Model folders written at the same time; each is seven small files.
pub(crate) const WRITES_AT_ONCE: usize = 8;

/// What a run trains on, and where its models go.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) job: JobName,
    pub(crate) batches: Batches,
    pub(crate) models: ModelStore,
    /// The batches that have a model, by the model's name.
    pub(crate) listed: BTreeMap<String, Vec<BatchNumber>>,
    pub(crate) existing: Existing,
    pub(crate) progress: Progress,
}

impl Run {
    /// The batches that have a model of this name.
    pub(crate) fn listed(&self, model: &ModelName) -> impl Iterator<Item = BatchNumber> {
        self.listed
            .get(model.as_str())
            .into_iter()
            .flatten()
            .copied()
    }

    /// Models of these batches that would be trained.
    pub(crate) fn planned_batches<'a>(
        &self,
        model: &ModelName,
        numbers: impl IntoIterator<Item = &'a BatchNumber>,
    ) -> Vec<ModelReport> {
        let planned = |number: &BatchNumber| {
            let rows = self.batches.rows(*number..=*number);
            ModelReport::planned(model, &Extent::Batch(*number), rows)
        };
        numbers.into_iter().map(planned).collect()
    }

    /// Writes the model of `of`, which was fitted on these batches, or says why there is none.
    pub(crate) async fn save(
        &self,
        work: &ModelWork,
        of: Extent,
        batches: impl RangeBounds<BatchNumber>,
        outcome: FitOutcome,
        existing: Existing,
    ) -> Result<ModelReport, Error> {
        let name = &work.model.name;
        match outcome {
            FitOutcome::Failed { reason, rows } => Ok(ModelReport::failed(name, &of, rows, reason)),
            FitOutcome::Trained(fitted) => {
                let draft = self.draft(work, of, batches, fitted);
                let written = self.write(&draft, existing).await?;
                Ok(ModelReport::trained(name, &draft.extent, &written))
            }
        }
    }

    /// What is to be saved of a fit on these batches.
    pub(crate) fn draft(
        &self,
        work: &ModelWork,
        extent: Extent,
        batches: impl RangeBounds<BatchNumber>,
        fit: Fit,
    ) -> ModelDraft {
        let (model, origin) = (&work.model, self.batches.origin(batches));
        let window = match &model.scope {
            Scope::Window(window) => Some(window.clone()),
            Scope::Batch | Scope::All => None,
        };
        ModelDraft {
            job: self.job.clone(),
            model: model.name.clone(),
            extent,
            window,
            commit_id: origin.commit_id,
            features: model.features.clone(),
            condition: model.condition.clone(),
            weight_col: model.weight_col.clone(),
            handle_invalid: model.handle_invalid,
            columns: work.plan.columns().to_vec(),
            algorithm: model.algorithm.clone(),
            offsets: origin.offsets,
            // A saved model counts the records that were rejected on their way into its batches.
            summary: FitSummary {
                dropped: origin.rejected,
                ..fit.summary
            },
            carried_from: None,
            fitted: fit.model,
        }
    }

    /// Writes a model.
    pub(crate) async fn write(
        &self,
        draft: &ModelDraft,
        existing: Existing,
    ) -> Result<ModelJson, Error> {
        let written = self.models.write(draft, existing).await;
        written.map_err(|source| Error::Write {
            model: draft.model.clone(),
            place: ModelStore::folder(&draft.model, &draft.extent),
            source: Box::new(source),
        })
    }
}
