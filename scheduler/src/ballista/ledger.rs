//! Every task that was handed out, and to whom.
//!
//! Ballista forgets which executor had a task that failed, and forgets all tasks of a stage that it begins again. The ledger
//! remembers both until the job's record is made.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use ballista_core::JobId;

/// The most tasks that are remembered of a job. A job of ours has a task for each slot, or as many as groups of files.
const TASKS: usize = 20_000;

/// A task that was handed out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Handed {
    pub(super) stage: usize,
    pub(super) task: usize,
    pub(super) executor: String,
    pub(super) groups: Vec<usize>,
    /// Milliseconds since 1970.
    pub(super) at: u64,
}

/// The tasks of jobs that have no record yet.
#[derive(Debug, Default)]
pub(crate) struct Ledger(Mutex<HashMap<JobId, Vec<Handed>>>);

impl Ledger {
    pub(super) fn note(&self, job: &JobId, handed: Handed) {
        let mut jobs = self.jobs();
        let tasks = jobs.entry(job.clone()).or_default();
        if tasks.len() < TASKS {
            tasks.push(handed);
        }
    }

    pub(super) fn of(&self, job: &JobId) -> Vec<Handed> {
        self.jobs().get(job).cloned().unwrap_or_default()
    }

    pub(super) fn count(&self, job: &JobId) -> usize {
        self.jobs().get(job).map_or(0, Vec::len)
    }

    pub(super) fn forget(&self, job: &JobId) {
        self.jobs().remove(job);
    }

    fn jobs(&self) -> MutexGuard<'_, HashMap<JobId, Vec<Handed>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
