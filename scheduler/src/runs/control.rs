//! What can be asked of runs: submit, list, cancel, resume, and stop with the scheduler.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use gugus_engine::Access;
use gugus_files::Stores;
use gugus_pages::run::{Course, Mark, Run, RunId};
use gugus_progress::Progress;
use gugus_train::{Config, ModelReport, Outcome, Report};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::answers::RunDetail;
use super::attempt::{Attempts, block_on};
use super::course::{Courses, ModelsAsked};
use super::error::RunError;
use super::folders::{Folders, StateError};
use super::places::Places;
use super::record;
use super::request::RunRequest;
use super::table::{Live, Pair, Table};
use crate::ballista::view::ClusterView;

/// How long runs may take to break off when the scheduler ends: they cancel their Ballista jobs, and write the models of
/// waves that are fitted already, 500 each. A second is usual; a slow disk or a bucket takes longer.
const STOP_WITHIN: Duration = Duration::from_secs(30);

/// How runs are kept and driven.
#[derive(Clone, Debug)]
pub struct RunsConfig {
    /// The folder that they are kept in.
    pub state: PathBuf,
    /// Folders of batches and models must lie below it.
    pub data_root: PathBuf,
    /// How many runs are kept that have ended.
    pub keep: usize,
    /// How many runs train at the same time; the others wait.
    pub at_once: usize,
}

/// All runs of a scheduler. Clones are the same.
#[derive(Clone)]
pub(crate) struct Runs {
    attempts: Arc<Attempts>,
    drivers: Arc<Mutex<Vec<JoinHandle<()>>>>,
}

impl std::fmt::Debug for Runs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Runs")
    }
}

impl Runs {
    /// Takes the folder and marks what was under way when the scheduler ended.
    pub(crate) fn open(
        config: RunsConfig,
        access: Access,
        cluster: ClusterView,
        stores: Stores,
    ) -> Result<Self, StateError> {
        let table = Table::open(Folders::open(&config.state)?, config.keep)?;
        let places = Places::below(&config.data_root, stores);
        let places = places.map_err(|source| StateError::Folder {
            path: config.data_root,
            source,
        })?;
        Ok(Self {
            attempts: Arc::new(Attempts {
                table,
                places,
                access,
                cluster,
                courses: Courses::default(),
                turns: Semaphore::new(config.at_once.max(1)),
                stop: CancellationToken::new(),
            }),
            drivers: Arc::default(),
        })
    }

    /// Whether runs can be kept and listed.
    pub(crate) fn is_readable(&self) -> bool {
        !self.attempts.stop.is_cancelled() && self.table().folders.is_readable()
    }

    /// Finds out what would be trained. For a thread that may block.
    pub(crate) fn dry_run(&self, request: &RunRequest) -> Result<Report, RunError> {
        let config = self.config(request)?;
        let prepared = block_on(gugus_train::prepare(config))?;
        Ok(prepared.dry_run())
    }

    /// Keeps a new run and lets it wait for its turn. For a thread that may block.
    pub(crate) fn submit(&self, request: &RunRequest) -> Result<Run, RunError> {
        let config = self.config(request)?;
        if request.follow && request.retrain {
            return Err(RunError::RetrainAndFollow);
        }
        match block_on(gugus_train::check_request(&config)) {
            Err(missing) if request.follow && missing.is_waited_for() => {}
            checked => checked?,
        }
        self.begin(|live| self.table().add(request, &config.job.name, live))
    }

    /// Lets a run that broke off wait for its turn again. For a thread that may block.
    pub(crate) fn resume(&self, id: &RunId) -> Result<Run, RunError> {
        self.begin(|live| self.table().add_again(id, live))
    }

    /// Submits the request of a run once more. For a thread that may block.
    pub(crate) fn again(&self, id: &RunId) -> Result<Run, RunError> {
        let (run, job_file) = self.with_job_file(id)?;
        self.submit(&record::request(&run, job_file))
    }

    /// How the models of a run came about, as far as they have. For a thread that may block.
    pub(crate) fn course(&self, id: &RunId, asked: &ModelsAsked) -> Result<Course, RunError> {
        self.table().check(id)?;
        let path = self.table().folders.course_path(id);
        let course = self.attempts.courses.show(id, &path, asked);
        course.map_err(RunError::Keep)
    }

    /// All runs, the newest first.
    pub(crate) fn list(&self) -> Vec<Run> {
        self.table().list()
    }

    /// Whether there is a run of this name.
    pub(crate) fn knows(&self, id: &str) -> bool {
        id.parse().is_ok_and(|id| self.table().check(&id).is_ok())
    }

    /// One run with the text of its job file. For a thread that may block.
    pub(crate) fn with_job_file(&self, id: &RunId) -> Result<(Run, String), RunError> {
        let run = self.table().run(id)?;
        let job_file = self.table().folders.job_file(id);
        Ok((run, job_file.map_err(RunError::Keep)?))
    }

    /// The pairs of stores that runs have used, the newest first.
    pub(crate) fn pairs(&self) -> Vec<Pair> {
        self.table().pairs()
    }

    /// The newest runs of a store of models that ended without some of their models, and its standing runs. Each with a text
    /// that changes when it has further failures.
    pub(crate) fn with_failures(&self, models: &str, most: usize) -> Vec<(RunId, String)> {
        self.table().with_failures(models, most)
    }

    /// The places that runs, and so pages, may use.
    pub(crate) fn places(&self) -> &Places {
        &self.attempts.places
    }

    /// One run with all there is. For a thread that may block.
    pub(crate) fn detail(&self, id: &RunId) -> Result<RunDetail, RunError> {
        let (run, job_file) = self.with_job_file(id)?;
        Ok(RunDetail {
            run,
            job_file,
            report: self.report(id),
        })
    }

    /// The report of a run that has one. For a thread that may block.
    pub(crate) fn report(&self, id: &RunId) -> Option<Report> {
        self.table().folders.report(id)
    }

    /// Models that the data did not allow a run, as far as the run remembers them. For a thread that may block.
    pub(crate) fn failed_models(&self, id: &RunId, most: usize) -> Vec<ModelReport> {
        let stands = self.table().run(id).is_ok_and(|run| run.follow.is_some());
        if !stands {
            let all = self.report(id).map(|report| report.models);
            let failed = all.into_iter().flatten();
            let failed = failed.filter(|model| model.status == Outcome::Failed);
            return failed.take(most).collect();
        }
        let asked = ModelsAsked {
            status: Some(Mark::Failed),
            size: most as u64,
            ..ModelsAsked::default()
        };
        let course = self.course(id, &asked).unwrap_or_default();
        course.table.rows.into_iter().map(|row| row.line).collect()
    }

    /// The run's log from a byte on; empty when nothing more is there. For a thread that may block.
    pub(crate) fn log(&self, id: &RunId, from: u64) -> Result<Vec<u8>, RunError> {
        self.table().check(id)?;
        let log = self.table().folders.log(id, from).map_err(RunError::Keep)?;
        log.ok_or_else(|| RunError::LogCut { id: id.clone() })
    }

    /// The end of the run's log, at most `bytes` of it, from the beginning of a line. For a thread that may block.
    pub(crate) fn log_end(&self, id: &RunId, bytes: usize) -> Result<String, RunError> {
        self.table().check(id)?;
        let log = self.table().folders.log_end(id, bytes);
        log.map_err(RunError::Keep)
    }

    /// Goes on with the standing runs that an earlier scheduler drove. Their drivers need this scheduler's port.
    pub(crate) fn go_on(&self) {
        for id in self.table().left() {
            match self.begin(|live| self.table().add_again(&id, live)) {
                Ok(_) => tracing::info!(%id, "the scheduler goes on with a standing run"),
                Err(error) => {
                    let error = gugus_error::chain(&error);
                    tracing::error!(%id, error, "a standing run does not go on; `gugus runs resume` tries again");
                }
            }
        }
    }

    /// Pauses a standing run. What it has written stays.
    pub(crate) fn pause(&self, id: &RunId) -> Result<Run, RunError> {
        self.table().pause(id)
    }

    /// Stops a run that waits or trains, and ends a standing run. What it has written stays.
    pub(crate) fn cancel(&self, id: &RunId) -> Result<Run, RunError> {
        self.table().cancel(id)
    }

    /// Breaks runs off and waits until they have cancelled their Ballista jobs and are marked.
    pub(crate) async fn stop(&self) {
        self.attempts.stop.cancel();
        let drivers = std::mem::take(&mut *self.drivers());
        let all = futures::future::join_all(drivers);
        if tokio::time::timeout(STOP_WITHIN, all).await.is_err() {
            tracing::warn!("runs were still under way; they are marked at the next start");
        }
    }

    /// Begins the attempt of a run that `keep` keeps.
    fn begin(&self, keep: impl FnOnce(Live) -> Result<Run, RunError>) -> Result<Run, RunError> {
        // Held until the driver is there, so that a scheduler that stops waits for it.
        let mut drivers = self.drivers();
        if self.attempts.stop.is_cancelled() {
            return Err(RunError::Stopping);
        }
        let live = Live::new(self.attempts.stop.child_token(), Progress::default());
        let run = keep(live.clone())?;
        let attempt = Arc::clone(&self.attempts).drive(run.id.clone(), live);
        drivers.retain(|driver| !driver.is_finished());
        drivers.push(tokio::spawn(attempt));
        Ok(run)
    }

    /// A request in the form that the driver takes, to be looked at and not to be driven.
    fn config(&self, request: &RunRequest) -> Result<Config, RunError> {
        let (places, progress) = (&self.attempts.places, Progress::default());
        request.config(places, &progress, Arc::new(()), None)
    }

    pub(super) fn attempts(&self) -> &Arc<Attempts> {
        &self.attempts
    }

    fn table(&self) -> &Table {
        &self.attempts.table
    }

    fn drivers(&self) -> MutexGuard<'_, Vec<JoinHandle<()>>> {
        self.drivers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
