//! The fits that failed and are not tried again, until their data or the job file change.
//!
//! Only a run that follows its batches keeps them in mind. `train` tries each of them again, because a user asked for it.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gugus_files::sha256_hex;
use gugus_models::{Extent, FailedFit, ModelError, ModelStore};
use gugus_spec::{CommitId, Job, Model, ModelName};

/// The fits that failed. Clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Failures(Option<Arc<Mutex<BTreeMap<ModelName, OfModel>>>>);

/// The failures of one model.
#[derive(Debug, Default)]
struct OfModel {
    /// A checksum of what the job file says of the model and of its columns.
    fit: String,
    /// What was known at the beginning, by the folder that the model would have: the newest commit, and the text of the fit.
    before: HashMap<String, (CommitId, String)>,
    /// Those that are not written yet.
    new: Vec<FailedFit>,
}

impl OfModel {
    /// The text of a fit on so many rows. With the newest commit it tells the data: older batches may have been pruned.
    fn fit_on(&self, rows: u64) -> String {
        format!("{} {rows}", self.fit)
    }
}

impl Failures {
    /// What failed before of these models of the job.
    pub(crate) async fn of_job<'a>(
        job: &Job,
        models: impl IntoIterator<Item = &'a Model>,
        store: &ModelStore,
    ) -> Result<Self, ModelError> {
        let (source, mut all) = (&job.source, BTreeMap::new());
        for model in models {
            let columns = (&source.columns, source.other_columns);
            let said = serde_json::json!([model, columns, source.null_values]);
            let fit = sha256_hex(said.to_string().as_bytes());
            let known = store.failed(&model.name).await?.into_iter();
            let known = known.map(|known| (known.of, (known.commit_id, known.fit)));
            let of_model = OfModel {
                before: known.collect(),
                fit,
                new: Vec::new(),
            };
            all.insert(model.name.clone(), of_model);
        }
        Ok(Self(Some(Arc::new(Mutex::new(all)))))
    }

    /// Whether this fit failed on data with this newest commit and so many rows.
    pub(crate) fn has(
        &self,
        model: &ModelName,
        of: &Extent,
        (newest, rows): (&CommitId, u64),
    ) -> bool {
        let Some(all) = self.all() else {
            return false;
        };
        let is_same = |of_model: &OfModel| {
            let before = of_model.before.get(&of.folder_name());
            before.is_some_and(|(commit, fit)| commit == newest && *fit == of_model.fit_on(rows))
        };
        all.get(model).is_some_and(is_same)
    }

    /// A fit failed on data with this newest commit and so many rows.
    pub(crate) fn note(
        &self,
        model: &ModelName,
        of: &Extent,
        (newest, rows): (&CommitId, u64),
        reason: &str,
    ) {
        if let Some(mut all) = self.all()
            && let Some(known) = all.get_mut(model)
        {
            let failed = FailedFit::new(of, newest.clone(), &known.fit_on(rows), reason);
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
