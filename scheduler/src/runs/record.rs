//! How the record of a run changes.

use chrono::{DateTime, TimeDelta, Utc};
use gugus_pages::run::{BallistaJob, Following, Run, RunId, RunState};
use gugus_progress::Standing;
use gugus_spec::JobName;

use super::request::RunRequest;
use crate::clock::rfc3339;

/// How many Ballista jobs of a run are named. A wave of 500 batches is one; a pass over all batches is one, too.
pub(super) const JOBS_NAMED: usize = 200;

/// A run that was just submitted.
pub(super) fn queued(id: RunId, job: &JobName, request: &RunRequest) -> Run {
    Run {
        id,
        state: RunState::Queued,
        job: job.to_string(),
        batches: request.batches.clone(),
        models: request.models.clone(),
        only: request.only.clone(),
        retrain: request.retrain,
        follow: request.follow.then(Following::default),
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

/// The request that a run is driven by.
pub(super) fn request(run: &Run, job_file: String) -> RunRequest {
    RunRequest {
        job_file,
        batches: run.batches.clone(),
        models: run.models.clone(),
        only: run.only.clone(),
        retrain: run.retrain,
        follow: run.follow.is_some(),
        dry_run: false,
    }
}

/// The run as it waits for its turn once more.
pub(super) fn queued_again(run: &Run) -> Run {
    Run {
        state: RunState::Queued,
        follow: run.follow.as_ref().map(|_| Following::default()),
        progress: Standing::default(),
        trained: 0,
        failed: 0,
        skipped: 0,
        failure: None,
        failure_kind: None,
        ended: None,
        ..run.clone()
    }
}

/// The scheduler ended under the run.
pub(super) fn interrupt(run: &mut Run) {
    run.state = RunState::Interrupted;
    run.failure = Some("the scheduler ended while the run was under way".to_owned());
    run.ended = Some(now());
}

/// Adds Ballista jobs that are new and updates those that are known. The run keeps naming those that the history removes.
pub(super) fn add_ballista_jobs(run: &mut Run, seen: Vec<BallistaJob>) {
    let known = &mut run.ballista_jobs;
    for job in seen {
        match known.iter_mut().find(|known| known.id == job.id) {
            Some(known) => *known = job,
            None => known.push(job),
        }
    }
    let surplus = known.len().saturating_sub(JOBS_NAMED);
    known.drain(..surplus);
}

/// How long the last attempt of a run took, in milliseconds; to the second, where it is under way.
pub(crate) fn took(run: &Run) -> Option<u64> {
    let time = |text: &str| DateTime::parse_from_rfc3339(text).ok();
    let started = time(run.started.as_deref()?)?;
    let took: TimeDelta = match run.ended.as_deref() {
        Some(ended) => time(ended)? - started,
        None => TimeDelta::seconds((Utc::now().fixed_offset() - started).num_seconds()),
    };
    u64::try_from(took.num_milliseconds()).ok()
}

/// The time as runs say it.
pub(super) fn now() -> String {
    rfc3339(Utc::now())
}
