//! Runs as they are written on disk, over HTTP and by `gugus runs`.

use gugus_error::Kind;
use gugus_progress::Standing;
use gugus_spec::JobName;
use gugus_train::Report;
use serde::{Deserialize, Serialize};

use super::id::RunId;

/// The path of runs.
pub const RUNS_PATH: &str = "/gugus/v1/runs";

/// The state of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// It waits for earlier runs.
    Queued,
    /// It trains.
    Running,
    /// It ended by itself; some models may have failed.
    Finished,
    /// It stopped with an error, which `failure` holds.
    Failed,
    /// Somebody cancelled it.
    Cancelled,
    /// The scheduler ended while it was under way.
    Interrupted,
}

impl RunState {
    /// All there are.
    pub const ALL: [Self; 6] = [
        Self::Queued,
        Self::Running,
        Self::Finished,
        Self::Failed,
        Self::Cancelled,
        Self::Interrupted,
    ];

    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Finished => "finished",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Interrupted => "interrupted",
        }
    }

    /// Whether the run stays in this state unless somebody resumes it.
    #[must_use]
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Queued | Self::Running)
    }
}

impl std::fmt::Display for RunState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A request for a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    /// Say what would be trained, and train nothing.
    #[serde(default)]
    pub dry_run: bool,
}

/// One Ballista job of a run. Its name begins with the job's and the run's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BallistaJob {
    /// Its id at Ballista.
    pub id: String,
    /// Its name.
    pub name: String,
    /// `queued`, `running`, `successful` or `failed`.
    pub state: String,
}

/// A run. Times are RFC 3339, UTC.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
    /// When it was submitted.
    pub submitted: String,
    /// When the last attempt began.
    pub started: Option<String>,
    /// When it ended.
    pub ended: Option<String>,
    /// The number of attempts.
    pub attempts: u32,
    /// How far it is.
    pub progress: Standing,
    /// Models trained by the last attempt.
    pub trained: u64,
    /// Batches that allowed no model.
    pub failed: u64,
    /// Models that were there already, and batches without rows.
    pub skipped: u64,
    /// Why it stopped.
    pub failure: Option<String>,
    /// Whether the request or the system was at fault.
    pub failure_kind: Option<Kind>,
    /// The last of its Ballista jobs.
    pub ballista_jobs: Vec<BallistaJob>,
}

impl Run {
    /// A run that was just submitted.
    pub(crate) fn queued(id: RunId, job: &JobName, request: &RunRequest, now: String) -> Self {
        Self {
            id,
            state: RunState::Queued,
            job: job.to_string(),
            batches: request.batches.clone(),
            models: request.models.clone(),
            only: request.only.clone(),
            retrain: request.retrain,
            submitted: now,
            started: None,
            ended: None,
            attempts: 0,
            progress: Standing::default(),
            trained: 0,
            failed: 0,
            skipped: 0,
            failure: None,
            failure_kind: None,
            ballista_jobs: Vec::new(),
        }
    }
}

/// The answer to a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunList {
    /// The newest first.
    pub runs: Vec<Run>,
}

/// The answer to a question for one run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunDetail {
    /// The run.
    #[serde(flatten)]
    pub run: Run,
    /// The text of the job file.
    pub job_file: String,
    /// The report of the last attempt, as `gugus train --output json` prints it, once the run has ended.
    pub report: Option<Report>,
}

/// The answer to a request for a dry run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DryRun {
    /// The report of the models that would be trained.
    pub report: Report,
}
