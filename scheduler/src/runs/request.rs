//! What is asked for when a run is submitted.

use std::sync::Arc;

use gugus_models::Existing;
use gugus_pages::run::RunId;
use gugus_progress::Progress;
use gugus_spec::{Job, ModelName};
use gugus_train::{Config, Observer};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::error::RunError;
use super::places::Places;

/// A request for a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RunRequest {
    /// The text of the job file.
    pub job_file: String,
    /// Where its batches are, as the scheduler and its executors reach them: an absolute path or a URL.
    pub batches: String,
    /// Where its models go, likewise.
    pub models: String,
    /// Only these models; all of the job file's when empty.
    #[serde(default)]
    pub only: Vec<String>,
    /// Train again what has a model.
    #[serde(default)]
    pub retrain: bool,
    /// Go on with each new batch until somebody ends the run.
    #[serde(default)]
    pub follow: bool,
    /// Say what would be trained, and train nothing.
    #[serde(default)]
    pub dry_run: bool,
}

impl RunRequest {
    /// The request in the form that the driver takes. The driver counts models in `progress`, tells `observer` of them
    /// and names its Ballista jobs after `id`.
    pub(super) fn config(
        &self,
        places: &Places,
        progress: &Progress,
        observer: Arc<dyn Observer>,
        id: Option<&RunId>,
    ) -> Result<Config, RunError> {
        let job = Job::parse(&self.job_file, "job file")?;
        let only = self.only.iter().map(|name| {
            name.parse::<ModelName>()
                .map_err(|_| RunError::ModelName { name: name.clone() })
        });
        let only = only.collect::<Result<Vec<_>, _>>()?;
        places.check("batches", &self.batches)?;
        places.check("models", &self.models)?;
        Ok(Config {
            job,
            batches: places.open(&self.batches)?,
            models: places.open(&self.models)?,
            only,
            existing: if self.retrain {
                Existing::Replace
            } else {
                Existing::Keep
            },
            progress: progress.clone(),
            observer,
            run: id.map(ToString::to_string),
        })
    }
}
