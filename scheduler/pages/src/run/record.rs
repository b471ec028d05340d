//! One run, as it is kept on disk and told over HTTP.

use gugus_error::Kind;
use gugus_progress::Standing;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::following::Following;
use super::id::RunId;
use super::state::RunState;

/// One Ballista job of a run. Its name begins with the job's and the run's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BallistaJob {
    /// Its id at Ballista.
    pub id: String,
    /// Its name.
    pub name: String,
    /// `queued`, `running`, `successful` or `failed`.
    pub state: String,
}

/// A run. Times are RFC 3339, UTC.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Run {
    /// Its name.
    pub id: RunId,
    /// Its state.
    pub state: RunState,
    /// The job's name.
    pub job: String,
    /// Where the batches are.
    pub batches: String,
    /// Where the models go.
    pub models: String,
    /// Only these models; all when empty.
    pub only: Vec<String>,
    /// Whether models that are there are replaced.
    pub retrain: bool,
    /// How far a standing run is behind; absent in a run that ends by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub follow: Option<Following>,
    /// When it was submitted.
    pub submitted: String,
    /// When the last attempt began.
    pub started: Option<String>,
    /// When it ended or was paused.
    pub ended: Option<String>,
    /// The number of attempts.
    pub attempts: u32,
    /// How far it is.
    pub progress: Standing,
    /// Models trained by the last attempt; of a standing run, since `started`.
    pub trained: u64,
    /// Batches that allowed no model.
    pub failed: u64,
    /// Models that were there already, and batches without rows.
    pub skipped: u64,
    /// Why it stopped.
    pub failure: Option<String>,
    /// Whether the request or the system was at fault.
    #[schema(value_type = Option<String>)]
    pub failure_kind: Option<Kind>,
    /// The last of its Ballista jobs.
    pub ballista_jobs: Vec<BallistaJob>,
}
