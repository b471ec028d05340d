//! One run, on disk and over HTTP.

use chrono::{SecondsFormat, Utc};
use gugus_error::Kind;
use gugus_progress::Standing;
use gugus_spec::JobName;
use serde::{Deserialize, Serialize};

use super::id::RunId;
use super::request::RunRequest;
use super::state::RunState;

/// How many Ballista jobs of a run are named. A wave of 500 batches is one; a pass over all batches is one, too.
const JOBS_NAMED: usize = 200;

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
    pub(super) fn queued(id: RunId, job: &JobName, request: &RunRequest) -> Self {
        Self {
            id,
            state: RunState::Queued,
            job: job.to_string(),
            batches: request.batches.clone(),
            models: request.models.clone(),
            only: request.only.clone(),
            retrain: request.retrain,
            submitted: now(),
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

    /// The request that this run is driven by.
    pub(super) fn request(&self, job_file: String) -> RunRequest {
        RunRequest {
            job_file,
            batches: self.batches.clone(),
            models: self.models.clone(),
            only: self.only.clone(),
            retrain: self.retrain,
            dry_run: false,
        }
    }

    /// The run as it waits for its turn once more.
    pub(super) fn queued_again(&self) -> Self {
        Self {
            state: RunState::Queued,
            progress: Standing::default(),
            trained: 0,
            failed: 0,
            skipped: 0,
            failure: None,
            failure_kind: None,
            ended: None,
            ..self.clone()
        }
    }

    /// The scheduler ended under the run.
    pub(super) fn interrupt(&mut self) {
        self.state = RunState::Interrupted;
        self.failure = Some("the scheduler ended while the run was under way".to_owned());
        self.ended = Some(now());
    }

    /// Adds Ballista jobs that are new and updates those that are known: the scheduler forgets them minutes after their
    /// end.
    pub(super) fn add_ballista_jobs(&mut self, seen: Vec<BallistaJob>) {
        let known = &mut self.ballista_jobs;
        for job in seen {
            match known.iter_mut().find(|known| known.id == job.id) {
                Some(known) => *known = job,
                None => known.push(job),
            }
        }
        let surplus = known.len().saturating_sub(JOBS_NAMED);
        known.drain(..surplus);
    }
}

/// The time as runs say it.
pub(super) fn now() -> String {
    Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true)
}
