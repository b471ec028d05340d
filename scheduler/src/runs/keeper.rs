//! All runs of a scheduler: those on disk, and those that are driven now.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use gugus_engine::Access;
use gugus_files::Stores;
use gugus_models::Existing;
use gugus_progress::Progress;
use gugus_spec::{Job, ModelName};
use gugus_train::{Config, Report};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::disk::{Disk, StateError};
use super::error::{OPEN_LIMIT, RunError};
use super::id::RunId;
use super::places::Places;
use super::wire::{Run, RunRequest, RunState};
use super::{RunsConfig, drive, now};
use crate::ballista::view::ClusterView;

/// How long runs may take to break off when the scheduler ends: they cancel their Ballista jobs, and write the models of
/// waves that are fitted already, 500 each. A second is usual; a slow disk or a bucket takes longer.
const STOP_WITHIN: Duration = Duration::from_secs(30);

/// All runs of a scheduler. Clones are the same.
#[derive(Clone)]
pub(crate) struct Runs(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) disk: Disk,
    places: Places,
    keep: usize,
    /// How drivers reach the scheduler that they are in.
    pub(super) access: Access,
    pub(super) cluster: ClusterView,
    stores: Stores,
    pub(super) turns: Arc<Semaphore>,
    drivers: Mutex<Vec<JoinHandle<()>>>,
    stop: CancellationToken,
    table: Mutex<BTreeMap<RunId, Entry>>,
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
}

impl Runs {
    /// Takes the folder and marks what was under way when the scheduler ended.
    pub(crate) fn open(
        config: RunsConfig,
        access: Access,
        cluster: ClusterView,
        stores: Stores,
    ) -> Result<Self, StateError> {
        let disk = Disk::open(&config.state)?;
        let places = Places::below(&config.data_root).map_err(|source| StateError::Folder {
            path: config.data_root.clone(),
            source,
        })?;
        let mut table = BTreeMap::new();
        for mut run in disk.load()? {
            if !run.state.is_final() {
                tracing::info!(id = %run.id, state = %run.state, "a run was interrupted by the scheduler's end; `gugus runs resume` goes on with it");
                run.state = RunState::Interrupted;
                run.failure = Some("the scheduler ended while the run was under way".to_owned());
                run.ended = Some(now());
                disk.save(&run).map_err(|source| StateError::Folder {
                    path: config.state.clone(),
                    source,
                })?;
            }
            table.insert(run.id.clone(), Entry { run, live: None });
        }
        let runs = Self(Arc::new(Inner {
            disk,
            places,
            keep: config.keep,
            access,
            cluster,
            stores,
            turns: Arc::new(Semaphore::new(config.at_once.max(1))),
            drivers: Mutex::default(),
            stop: CancellationToken::new(),
            table: Mutex::new(table),
        }));
        runs.prune();
        Ok(runs)
    }

    /// Whether runs can be kept and listed.
    pub(crate) fn is_readable(&self) -> bool {
        !self.0.stop.is_cancelled() && self.0.disk.is_readable()
    }

    /// Finds out what would be trained. For a thread that may block.
    pub(crate) fn dry_run(&self, request: &RunRequest) -> Result<Report, RunError> {
        let config = self.config(request, &Progress::default(), None)?;
        let prepared = drive::block_on(gugus_train::prepare(config))?;
        Ok(prepared.dry_run())
    }

    /// Keeps a new run and lets it wait for its turn. For a thread that may block.
    pub(crate) fn submit(&self, request: &RunRequest) -> Result<Run, RunError> {
        let config = self.config(request, &Progress::default(), None)?;
        drive::block_on(gugus_train::check_request(&config))?;
        let mut table = self.table();
        if self.0.stop.is_cancelled() {
            return Err(RunError::Stopping);
        }
        let open = table
            .values()
            .filter(|entry| !entry.run.state.is_final())
            .count();
        if open >= OPEN_LIMIT {
            return Err(RunError::Full);
        }
        let last = table.last_key_value().map(|(id, _)| id);
        let id = RunId::after(last, SystemTime::now());
        let run = Run::queued(id.clone(), &config.job.name, request, now());
        self.0
            .disk
            .create(&run, &request.job_file)
            .map_err(RunError::Keep)?;
        table.insert(
            id.clone(),
            Entry {
                run: run.clone(),
                live: None,
            },
        );
        self.begin(&mut table, &id);
        Ok(run)
    }

    /// All runs, the newest first.
    pub(crate) fn list(&self) -> Vec<Run> {
        self.table().values().rev().map(Entry::now).collect()
    }

    /// One run.
    pub(crate) fn run(&self, id: &RunId) -> Result<Run, RunError> {
        self.table()
            .get(id)
            .map(Entry::now)
            .ok_or_else(|| no_such(id))
    }

    /// Stops a run that waits or trains. What it has written stays.
    pub(crate) fn cancel(&self, id: &RunId) -> Result<Run, RunError> {
        let mut table = self.table();
        let entry = table.get_mut(id).ok_or_else(|| no_such(id))?;
        match &entry.live {
            Some(live) => {
                live.stop.cancel();
                Ok(entry.now())
            }
            _ => Err(RunError::State {
                id: id.clone(),
                state: entry.run.state,
                what: "cancelled",
            }),
        }
    }

    /// Lets a run that broke off wait for its turn again.
    pub(crate) fn resume(&self, id: &RunId) -> Result<Run, RunError> {
        let mut table = self.table();
        if self.0.stop.is_cancelled() {
            return Err(RunError::Stopping);
        }
        let entry = table.get_mut(id).ok_or_else(|| no_such(id))?;
        let resumable = matches!(
            entry.run.state,
            RunState::Interrupted | RunState::Failed | RunState::Cancelled
        );
        if !resumable || entry.live.is_some() {
            return Err(RunError::State {
                id: id.clone(),
                state: entry.run.state,
                what: "resumed",
            });
        }
        let mut run = entry.run.clone();
        run.state = RunState::Queued;
        run.progress = Default::default();
        (run.trained, run.failed, run.skipped) = (0, 0, 0);
        (run.failure, run.failure_kind, run.ended) = (None, None, None);
        self.0.disk.remove_report(id).map_err(RunError::Keep)?;
        self.0.disk.save(&run).map_err(RunError::Keep)?;
        entry.run = run.clone();
        self.begin(&mut table, id);
        Ok(run)
    }

    /// Breaks runs off and waits until they have cancelled their Ballista jobs and are marked.
    pub(crate) async fn stop(&self) {
        self.0.stop.cancel();
        let drivers = std::mem::take(&mut *self.drivers());
        let all = futures::future::join_all(drivers);
        if tokio::time::timeout(STOP_WITHIN, all).await.is_err() {
            tracing::warn!("runs were still under way; they are marked at the next start");
        }
    }

    /// A request in the form that the driver takes.
    pub(super) fn config(
        &self,
        request: &RunRequest,
        progress: &Progress,
        id: Option<&RunId>,
    ) -> Result<Config, RunError> {
        let job = Job::parse(&request.job_file, "job file")?;
        let only = request.only.iter().map(|name| {
            name.parse::<ModelName>()
                .map_err(|_| RunError::ModelName { name: name.clone() })
        });
        let only = only.collect::<Result<Vec<_>, _>>()?;
        self.0.places.check("batches", &request.batches)?;
        self.0.places.check("models", &request.models)?;
        Ok(Config {
            job,
            batches: self.0.stores.open(&request.batches)?,
            models: self.0.stores.open(&request.models)?,
            only,
            existing: if request.retrain {
                Existing::Replace
            } else {
                Existing::Keep
            },
            progress: progress.clone(),
            run: id.map(ToString::to_string),
        })
    }

    fn begin(&self, table: &mut BTreeMap<RunId, Entry>, id: &RunId) {
        let live = Live {
            stop: self.0.stop.child_token(),
            progress: Progress::default(),
        };
        if let Some(entry) = table.get_mut(id) {
            entry.live = Some(live.clone());
            let mut drivers = self.drivers();
            drivers.retain(|driver| !driver.is_finished());
            drivers.push(tokio::spawn(drive::drive(self.clone(), id.clone(), live)));
        }
    }

    /// Changes a run and writes it down.
    pub(super) fn change(&self, id: &RunId, change: impl FnOnce(&mut Run)) {
        let mut table = self.table();
        let Some(entry) = table.get_mut(id) else {
            return;
        };
        change(&mut entry.run);
        if entry.run.state.is_final() {
            entry.live = None;
        }
        if let Err(error) = self.0.disk.save(&entry.run) {
            tracing::error!(%id, %error, "a run could not be written to disk; after a restart it is as it was before");
        }
    }

    /// Removes the oldest runs that have ended, beyond those that are kept.
    fn prune(&self) {
        let mut table = self.table();
        let ended: Vec<RunId> = table
            .values()
            .filter(|entry| entry.live.is_none() && entry.run.state.is_final())
            .map(|entry| entry.run.id.clone())
            .collect();
        let surplus = ended.len().saturating_sub(self.0.keep);
        for id in ended.into_iter().take(surplus) {
            match self.0.disk.remove(&id) {
                Ok(()) => tracing::debug!(%id, "an old run was removed"),
                Err(error) => tracing::warn!(%id, %error, "an old run could not be removed"),
            }
            table.remove(&id);
        }
    }

    /// Changes a run for the last time in this attempt. Afterwards the run may be resumed.
    pub(super) fn end(&self, id: &RunId, change: impl FnOnce(&mut Run)) {
        self.change(id, change);
        self.prune();
    }

    /// Whether the scheduler ends, and runs with it.
    pub(super) fn is_stopping(&self) -> bool {
        self.0.stop.is_cancelled()
    }

    fn drivers(&self) -> MutexGuard<'_, Vec<JoinHandle<()>>> {
        self.0
            .drivers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn table(&self) -> MutexGuard<'_, BTreeMap<RunId, Entry>> {
        self.0.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    /// The run as it is now.
    fn now(&self) -> Run {
        let mut run = self.run.clone();
        if let (Some(live), RunState::Running) = (&self.live, run.state) {
            run.progress = live.progress.now();
        }
        run
    }
}

fn no_such(id: &RunId) -> RunError {
    RunError::NoSuchRun { id: id.clone() }
}
