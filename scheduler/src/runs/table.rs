//! All runs that a scheduler knows: in memory as they are, on disk as they were last written.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use gugus_pages::run::{Run, RunId, RunState};
use gugus_progress::Progress;
use gugus_spec::JobName;
use tokio_util::sync::CancellationToken;

use super::error::{FOLLOW_LIMIT, OPEN_LIMIT, RunError};
use super::folders::{Folders, StateError};
use super::heard::Heard;
use super::record::{interrupt, now, queued, queued_again};
use super::request::RunRequest;

/// All runs of a scheduler.
pub(super) struct Table {
    pub(super) folders: Folders,
    /// How many runs are kept that have ended, and how many that are paused.
    keep: usize,
    entries: Mutex<BTreeMap<RunId, Entry>>,
    /// Held by whoever writes a run to disk, from the first look to the last change; taken before `entries`. Nobody who only
    /// looks waits for the disk.
    writing: Mutex<()>,
}

struct Entry {
    run: Run,
    live: Option<Live>,
}

/// The handles of a run while it waits or trains.
#[derive(Clone)]
pub(super) struct Live {
    /// Cancelled by a user, or with the scheduler's own.
    pub(super) stop: CancellationToken,
    pub(super) progress: Progress,
    /// What a standing run has told.
    pub(super) heard: Heard,
    asked: Arc<Mutex<Option<Asked>>>,
}

/// What somebody asked a standing run to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    Pause,
    End,
}

impl Live {
    pub(super) fn new(stop: CancellationToken, progress: Progress) -> Self {
        Self {
            stop,
            progress,
            heard: Heard::default(),
            asked: Arc::default(),
        }
    }

    /// What somebody asked for last, if the scheduler does not stop of itself.
    pub(super) fn asked(&self) -> Option<Asked> {
        *self.lock()
    }

    fn ask(&self, what: Asked) {
        *self.lock() = Some(what);
        self.stop.cancel();
    }

    fn lock(&self) -> MutexGuard<'_, Option<Asked>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Two stores that a run has used together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pair {
    /// The job of the newest run.
    pub(crate) job: String,
    pub(crate) batches: String,
    pub(crate) models: String,
}

impl Table {
    /// Reads the runs of a folder and marks those that were under way when the scheduler ended. Standing runs stay as they are.
    pub(super) fn open(folders: Folders, keep: usize) -> Result<Self, StateError> {
        let mut entries = BTreeMap::new();
        for mut run in folders.load()? {
            if run.state.is_under_way() && run.follow.is_none() {
                tracing::info!(id = %run.id, state = %run.state, "a run was interrupted by the scheduler's end; `gugus runs resume` goes on with it");
                interrupt(&mut run);
                folders
                    .save(&run)
                    .map_err(|error| folders.unusable(error))?;
            }
            entries.insert(run.id.clone(), Entry { run, live: None });
        }
        let table = Self {
            folders,
            keep,
            entries: Mutex::new(entries),
            writing: Mutex::default(),
        };
        table.prune();
        Ok(table)
    }

    /// All runs, the newest first.
    pub(super) fn list(&self) -> Vec<Run> {
        self.entries().values().rev().map(Entry::now).collect()
    }

    /// The pairs of stores that runs have used, the newest first.
    pub(super) fn pairs(&self) -> Vec<Pair> {
        let entries = self.entries();
        let mut pairs: Vec<Pair> = Vec::new();
        let mut seen = BTreeSet::new();
        for run in entries.values().rev().map(|entry| &entry.run) {
            if seen.insert((run.batches.as_str(), run.models.as_str())) {
                pairs.push(Pair {
                    job: run.job.clone(),
                    batches: run.batches.clone(),
                    models: run.models.clone(),
                });
            }
        }
        pairs
    }

    /// The newest runs of a store of models that ended without some of their models, and its standing runs. Each with a text
    /// that changes when it has further failures.
    pub(super) fn with_failures(&self, models: &str, most: usize) -> Vec<(RunId, String)> {
        let entries = self.entries();
        let runs = entries.values().rev().map(|entry| &entry.run);
        let of_store = runs.filter(|run| run.models == models);
        let failed = of_store.filter_map(|run| match (&run.ended, run.failed) {
            // A run that goes on counts from 0 again.
            _ if run.follow.is_some() => {
                let state = format!("{} failed in attempt {}", run.failed, run.attempts);
                Some((run.id.clone(), state))
            }
            (Some(ended), 1..) => Some((run.id.clone(), ended.clone())),
            _ => None,
        });
        failed.take(most).collect()
    }

    /// One run.
    pub(super) fn run(&self, id: &RunId) -> Result<Run, RunError> {
        let entries = self.entries();
        let entry = entries.get(id).ok_or_else(|| no_such(id))?;
        Ok(entry.now())
    }

    /// Whether there is such a run.
    pub(super) fn check(&self, id: &RunId) -> Result<(), RunError> {
        let known = self.entries().contains_key(id);
        known.then_some(()).ok_or_else(|| no_such(id))
    }

    /// Keeps a new run, which waits from now on.
    pub(super) fn add(
        &self,
        request: &RunRequest,
        job: &JobName,
        live: Live,
    ) -> Result<Run, RunError> {
        let _writing = self.writing();
        let run = {
            let entries = self.entries();
            let id = RunId::after(entries.keys(), SystemTime::now());
            let run = queued(id, job, request);
            check_room(&entries, &run)?;
            run
        };
        self.folders
            .create(&run, &request.job_file)
            .map_err(RunError::Keep)?;
        self.put(run.clone(), Some(live));
        Ok(run)
    }

    /// Lets a run that broke off wait again.
    pub(super) fn add_again(&self, id: &RunId, live: Live) -> Result<Run, RunError> {
        let _writing = self.writing();
        let run = {
            let entries = self.entries();
            let entry = entries.get(id).ok_or_else(|| no_such(id))?;
            let resumable = matches!(
                entry.run.state,
                RunState::Interrupted | RunState::Failed | RunState::Cancelled | RunState::Paused
            ) || entry.is_left();
            if !resumable || entry.live.is_some() {
                return Err(entry.cannot_be("resumed"));
            }
            // The scheduler before had room for the runs that it left.
            if entry.run.follow.is_some() && !entry.is_left() {
                check_room(&entries, &entry.run)?;
            }
            queued_again(&entry.run)
        };
        self.folders.remove_report(id).map_err(RunError::Keep)?;
        self.folders.save(&run).map_err(RunError::Keep)?;
        self.put(run.clone(), Some(live));
        Ok(run)
    }

    /// The standing runs that an earlier scheduler drove.
    pub(super) fn left(&self) -> Vec<RunId> {
        let entries = self.entries();
        let left = entries.iter().filter(|(_, entry)| entry.is_left());
        left.map(|(id, _)| id.clone()).collect()
    }

    /// Tells a run that waits or trains to stop, and a standing run to end.
    pub(super) fn cancel(&self, id: &RunId) -> Result<Run, RunError> {
        let _writing = self.writing();
        let run = {
            let entries = self.entries();
            let entry = entries.get(id).ok_or_else(|| no_such(id))?;
            if let Some(live) = &entry.live {
                live.ask(Asked::End);
                return Ok(entry.now());
            }
            if entry.run.state != RunState::Paused && !entry.is_left() {
                return Err(entry.cannot_be("cancelled"));
            }
            Run {
                state: RunState::Finished,
                ended: Some(now()),
                failure: None,
                ..entry.run.clone()
            }
        };
        self.folders.save(&run).map_err(RunError::Keep)?;
        self.put(run.clone(), None);
        Ok(run)
    }

    /// Tells a standing run to train nothing until it is resumed.
    pub(super) fn pause(&self, id: &RunId) -> Result<Run, RunError> {
        let entries = self.entries();
        let entry = entries.get(id).ok_or_else(|| no_such(id))?;
        match &entry.live {
            Some(live) if entry.run.follow.is_some() => live.ask(Asked::Pause),
            _ if entry.run.follow.is_some() => return Err(entry.cannot_be("paused")),
            _ => return Err(RunError::NotStanding { id: id.clone() }),
        }
        Ok(entry.now())
    }

    /// Changes a run and writes it down.
    pub(super) fn change(&self, id: &RunId, change: impl FnOnce(&mut Run)) {
        let _writing = self.writing();
        let run = {
            let mut entries = self.entries();
            let Some(entry) = entries.get_mut(id) else {
                return;
            };
            change(&mut entry.run);
            if !entry.run.state.is_under_way() {
                entry.live = None;
            }
            entry.run.clone()
        };
        if let Err(error) = self.folders.save(&run) {
            tracing::error!(%id, %error, "a run could not be written to disk; after a restart it is as it was before");
        }
    }

    /// Changes a run for the last time in this attempt. Afterwards the run may be resumed.
    pub(super) fn end(&self, id: &RunId, change: impl FnOnce(&mut Run)) {
        self.change(id, change);
        self.prune();
    }

    /// Removes the oldest runs that have ended, beyond those that are kept, and the oldest that are paused, likewise. Ended runs
    /// do not push out a paused one, which somebody may want to resume.
    fn prune(&self) {
        let _writing = self.writing();
        let surplus = {
            let mut entries = self.entries();
            let oldest = |is_of: fn(RunState) -> bool| {
                let of = entries
                    .values()
                    .filter(|entry| entry.live.is_none() && is_of(entry.run.state));
                let mut of: Vec<RunId> = of.map(|entry| entry.run.id.clone()).collect();
                of.truncate(of.len().saturating_sub(self.keep));
                of
            };
            let mut surplus = oldest(RunState::is_final);
            surplus.extend(oldest(|state| state == RunState::Paused));
            for id in &surplus {
                entries.remove(id);
            }
            surplus
        };
        for id in surplus {
            match self.folders.remove(&id) {
                Ok(()) => tracing::debug!(%id, "an old run was removed"),
                Err(error) => tracing::warn!(%id, %error, "an old run could not be removed"),
            }
        }
    }

    /// Puts a run in place of what was known of it.
    fn put(&self, run: Run, live: Option<Live>) {
        self.entries().insert(run.id.clone(), Entry { run, live });
    }

    fn writing(&self) -> MutexGuard<'_, ()> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn entries(&self) -> MutexGuard<'_, BTreeMap<RunId, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    /// The run as it is now.
    fn now(&self) -> Run {
        let mut run = self.run.clone();
        match (&self.live, run.state) {
            (Some(live), RunState::Running) => run.progress = live.progress.now(),
            (Some(live), RunState::Following) => {
                run.progress = live.progress.now();
                live.heard.now().put(&mut run);
            }
            _ => {}
        }
        run
    }

    /// Whether it is a standing run that nobody drives, although nobody paused or ended it.
    fn is_left(&self) -> bool {
        self.run.follow.is_some() && self.run.state.is_under_way() && self.live.is_none()
    }

    /// Whether it is a standing run, not ended, that trains what this standing run trains.
    fn follows_as(&self, other: &Run) -> bool {
        let run = &self.run;
        let all = run.only.is_empty() || other.only.is_empty();
        run.follow.is_some()
            && !run.state.is_final()
            && run.batches == other.batches
            && run.models == other.models
            && (all || run.only.iter().any(|name| other.only.contains(name)))
    }

    fn cannot_be(&self, what: &'static str) -> RunError {
        RunError::State {
            id: self.run.id.clone(),
            state: self.run.state,
            what,
        }
    }
}

/// Refuses a run that would be one too many, and a standing run that another one gets in the way of.
fn check_room(entries: &BTreeMap<RunId, Entry>, run: &Run) -> Result<(), RunError> {
    let stands = run.follow.is_some();
    let others = || {
        let others = entries.values();
        others.filter(move |entry| entry.run.id != run.id)
    };
    let open = others()
        .filter(|entry| entry.run.follow.is_some() == stands && entry.run.state.is_under_way())
        .count();
    match stands {
        true if open >= FOLLOW_LIMIT => return Err(RunError::FullOfStanding),
        false if open >= OPEN_LIMIT => return Err(RunError::Full),
        _ => {}
    }
    match others().find(|entry| stands && entry.follows_as(run)) {
        Some(other) => Err(RunError::FollowedAlready {
            id: other.run.id.clone(),
        }),
        None => Ok(()),
    }
}

fn no_such(id: &RunId) -> RunError {
    RunError::NoSuchRun { id: id.clone() }
}
