//! What all kinds of training share: what is trained on, where models go, and how they get there.

use std::collections::BTreeMap;
use std::ops::RangeBounds;
use std::sync::Arc;

use gugus_clusters::Fit;
use gugus_features::FitOutcome;
use gugus_models::{
    Aliases, Existing, Extent, ModelDraft, ModelError, ModelJson, ModelStore, SavedWindow,
};
use gugus_progress::{ModelReport, Progress};
use gugus_spec::{BatchNumber, JobName, ModelName, Scope};

use crate::batches::Batches;
use crate::error::Error;
use crate::failures::Failures;
use crate::line;
use crate::observer::Observer;
use crate::work::ModelWork;

/// Model folders written at the same time; each is six small files.
pub(crate) const WRITES_AT_ONCE: usize = 8;

/// What a run trains on, and where its models go.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    pub(crate) job: JobName,
    /// The texts that mean "no value" in its records.
    pub(crate) null_values: Vec<String>,
    pub(crate) batches: Batches,
    pub(crate) models: ModelStore,
    /// The batches that have a model, by the model's name.
    pub(crate) listed: BTreeMap<String, Vec<BatchNumber>>,
    /// The aliases of the models that are trained, and the batches whose models were pruned.
    pub(crate) aliases: BTreeMap<ModelName, Aliases>,
    pub(crate) existing: Existing,
    /// The fits that failed before, and are not tried again.
    pub(crate) failures: Failures,
    pub(crate) progress: Progress,
    pub(crate) observer: Arc<dyn Observer>,
}

impl Run {
    /// The same run on these batches, none of which has a model. It copies no other batches: there may be a million.
    pub(crate) fn on(&self, batches: Batches) -> Self {
        Self {
            job: self.job.clone(),
            null_values: self.null_values.clone(),
            batches,
            models: self.models.clone(),
            listed: BTreeMap::new(),
            aliases: self.aliases.clone(),
            existing: self.existing,
            failures: self.failures.clone(),
            progress: self.progress.clone(),
            observer: Arc::clone(&self.observer),
        }
    }

    /// Whether a fit on these batches failed before, with the same data.
    pub(crate) fn failed_before(
        &self,
        work: &ModelWork,
        of: &Extent,
        batches: impl RangeBounds<BatchNumber>,
    ) -> bool {
        let state = self.batches.state(batches);
        state.is_some_and(|state| self.failures.has(&work.model.name, of, state))
    }

    /// Whether the batch's model was pruned, so that it is left out.
    pub(crate) fn is_pruned(&self, model: &ModelName, batch: BatchNumber) -> bool {
        let aliases = self.aliases.get(model);
        aliases.is_some_and(|aliases| aliases.is_pruned(batch))
    }

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
            line::planned(model, &Extent::Batch(*number), rows)
        };
        numbers.into_iter().map(planned).collect()
    }

    /// Writes the model of `of`, which was fitted on these batches, or says why there is none. Tells the observer.
    pub(crate) async fn save(
        &self,
        work: &ModelWork,
        of: Extent,
        batches: impl RangeBounds<BatchNumber>,
        outcome: FitOutcome,
        existing: Existing,
    ) -> Result<ModelReport, Error> {
        let name = &work.model.name;
        let line = match outcome {
            FitOutcome::Failed { reason, rows } => {
                self.note_failed(name, &of, batches, &reason);
                line::failed(name, &of, rows, reason)
            }
            FitOutcome::Trained(fitted) => {
                let draft = self.draft(work, &of, batches, fitted);
                match self.write(name, &draft, existing).await {
                    Err(error) if is_there(&error) => self.meet(work, &of, &draft.about).await?,
                    written => line::trained(name, &of, &written?),
                }
            }
        };
        self.observer.model(&line);
        Ok(line)
    }

    /// Another run wrote this model meanwhile. That is as good as ours if it is of the same job and the same data.
    async fn meet(
        &self,
        work: &ModelWork,
        of: &Extent,
        ours: &ModelJson,
    ) -> Result<ModelReport, Error> {
        let name = &work.model.name;
        let there = self.models.about(name, of.clone()).await;
        match there.map_err(Error::Models)? {
            Some(there)
                if there.commit_id == ours.commit_id
                    && self.difference(&work.model, of, &there).is_none() =>
            {
                Ok(line::there(name, of, &there))
            }
            _ => Err(Error::Meanwhile {
                path: ModelStore::folder(name, of),
            }),
        }
    }

    /// Keeps in mind that a fit on these batches failed.
    pub(crate) fn note_failed(
        &self,
        model: &ModelName,
        of: &Extent,
        batches: impl RangeBounds<BatchNumber>,
        reason: &str,
    ) {
        if let Some(state) = self.batches.state(batches) {
            self.failures.note(model, of, state, reason);
        }
    }

    /// What is to be saved of a fit on these batches.
    pub(crate) fn draft(
        &self,
        work: &ModelWork,
        extent: &Extent,
        batches: impl RangeBounds<BatchNumber>,
        fit: Fit,
    ) -> ModelDraft {
        let (model, origin) = (&work.model, self.batches.origin(batches));
        let window = match (&model.scope, extent) {
            (Scope::Window(window), Extent::Window(key)) => Some(SavedWindow {
                key: key.clone(),
                window: window.clone(),
            }),
            _ => None,
        };
        let about = ModelJson {
            job: self.job.to_string(),
            model: model.name.to_string(),
            batch: extent.batch().map(BatchNumber::get),
            window,
            commit_id: origin.commit_id.map(String::from),
            features: model.features.clone(),
            r#where: model.condition.clone(),
            weight_col: model.weight_col.clone(),
            handle_invalid: model.handle_invalid,
            columns: work.plan.columns().to_vec(),
            null_values: self.null_values.clone(),
            algorithm: model.algorithm.clone(),
            offsets: origin.offsets,
            rejected: origin.rejected,
            summary: fit.summary,
            ..ModelJson::default()
        };
        ModelDraft {
            about,
            fitted: fit.model,
        }
    }

    /// Writes a model.
    pub(crate) async fn write(
        &self,
        model: &ModelName,
        draft: &ModelDraft,
        existing: Existing,
    ) -> Result<ModelJson, Error> {
        let written = self.models.write(draft, existing).await;
        written.map_err(|source| Error::Write {
            model: model.clone(),
            place: ModelStore::folder(model, &draft.about.extent()),
            source: Box::new(source),
        })
    }
}

/// Whether a model was not written because there is one.
fn is_there(error: &Error) -> bool {
    matches!(error, Error::Write { source, .. } if matches!(**source, ModelError::Exists { .. }))
}
