//! The fits that failed and are not tried again, until their data or the job file change.
//!
//! Only a run that follows its batches keeps them in mind. `train` tries each of them again, because a user asked for it.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gugus_files::sha256_hex;
use gugus_models::{Extent, FailedFit, ModelError, ModelStore};
use gugus_spec::{CommitId, Job, ModelName};

/// The fits that failed. Clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Failures(Option<Arc<Mutex<BTreeMap<ModelName, OfModel>>>>);

/// The failures of one model.
#[derive(Debug, Default)]
struct OfModel {
    /// What the job file says of the model, in short.
    fit: String,
    /// What was known at the beginning: the newest commit, by the folder that the model would have.
    before: HashMap<String, CommitId>,
    /// Those that are not written yet.
    new: Vec<FailedFit>,
}

impl Failures {
    /// What failed before of these models.
    pub(crate) async fn of_job(
        job: &Job,
        names: &[ModelName],
        models: &ModelStore,
    ) -> Result<Self, ModelError> {
        let mut all = BTreeMap::new();
        for model in job.models.iter().filter(|m| names.contains(&m.name)) {
            let said = serde_json::json!([model, job.source.null_values]);
            let fit = sha256_hex(said.to_string().as_bytes());
            let known = models.failed(&model.name).await?.into_iter();
            let known = known.filter(|known| known.fit == fit);
            let of_model = OfModel {
                before: known.map(|known| (known.of, known.commit_id)).collect(),
                fit,
                new: Vec::new(),
            };
            all.insert(model.name.clone(), of_model);
        }
        Ok(Self(Some(Arc::new(Mutex::new(all)))))
    }

    /// Whether this fit failed on data with this newest commit.
    pub(crate) fn has(&self, model: &ModelName, of: &Extent, newest: &CommitId) -> bool {
        let Some(all) = self.all() else {
            return false;
        };
        let of_model = all.get(model);
        of_model.is_some_and(|known| known.before.get(&of.folder_name()) == Some(newest))
    }

    /// A fit failed.
    pub(crate) fn note(&self, model: &ModelName, of: &Extent, newest: CommitId, reason: &str) {
        if let Some(mut all) = self.all()
            && let Some(known) = all.get_mut(model)
        {
            let failed = FailedFit::new(of, newest, &known.fit, reason);
            known.new.push(failed);
        }
    }

    /// Writes down what failed since the last call.
    pub(crate) async fn save(&self, model: &ModelName, models: &ModelStore) {
        let new = self.all().and_then(|mut all| {
            let known = all.get_mut(model)?;
            Some(std::mem::take(&mut known.new))
        });
        let new = new.unwrap_or_default();
        if !new.is_empty()
            && let Err(error) = models.remember_failed(model, &new).await
        {
            let reason = gugus_error::chain(&error);
            tracing::warn!(%model, reason, "failed fits could not be written down; they are tried again after a restart");
        }
    }

    fn all(&self) -> Option<MutexGuard<'_, BTreeMap<ModelName, OfModel>>> {
        let all = self.0.as_ref()?;
        Some(all.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
