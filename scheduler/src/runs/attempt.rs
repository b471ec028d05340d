//! One attempt at a run, from its turn to its end.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use gugus_engine::{Access, Cluster};
use gugus_error::Kind;
use gugus_pages::job::JobState;
use gugus_pages::run::{BallistaJob, RunId, RunState};
use gugus_submit::SubmitError;
use gugus_train::{Observer, Outcome, Report};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::interval;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, Span};

use super::course::{Courses, Told};
use super::error::RunError;
use super::heard::failure;
use super::log::RunLog;
use super::places::Places;
use super::record::{self, JOBS_NAMED, add_ballista_jobs, now};
use super::table::{Asked, Live, Table};
use crate::ballista::view::ClusterView;

/// How often a run's progress is written down.
pub(super) const NOTE: Duration = Duration::from_secs(2);

/// Failed models that are named in the log.
const FAILURES_LOGGED: usize = 100;

/// What all attempts share.
pub(super) struct Attempts {
    pub(super) table: Table,
    pub(super) places: Places,
    /// How drivers reach the scheduler that they are in.
    pub(super) access: Access,
    pub(super) cluster: ClusterView,
    pub(super) courses: Courses,
    /// As many as runs train at the same time.
    pub(super) turns: Semaphore,
    /// Cancelled when the scheduler ends, and runs with it.
    pub(super) stop: CancellationToken,
}

/// How an attempt ended.
pub(super) enum Ended {
    Finished(Report),
    /// With what was done until then.
    Stopped(Report),
    Failed(String, Kind),
}

/// Runs the driver's work on this thread, which may block. The driver compiles plans and encodes them: the threads that
/// answer requests shall not wait for it.
pub(super) fn block_on<F: Future>(work: F) -> F::Output {
    Handle::current().block_on(work)
}

impl Attempts {
    /// Waits for the run's turn, drives it, and writes down how it ended.
    pub(super) async fn drive(self: Arc<Self>, id: RunId, live: Live) {
        if self.follows(&id) {
            return self.stand(id, live).await;
        }
        let turn = tokio::select! {
            turn = self.turns.acquire() => turn.ok(),
            () = live.stop.cancelled() => None,
        };
        let (log, span) = self.log(&id);
        let ended = match turn {
            Some(_) => self.attempt(&id, &live, &span).await,
            None => Ended::Stopped(Report::default()),
        };
        self.conclude(&id, &live, log, &span, ended).await;
    }

    /// Opens the log of a run. Where it cannot be written, the run goes on all the same.
    pub(super) fn log(&self, id: &RunId) -> (Option<Arc<RunLog>>, Span) {
        let log = RunLog::open(id, &self.table.folders.log_path(id));
        let log = log.inspect_err(|error| {
            tracing::warn!(%id, %error, "the log of a run cannot be written");
        });
        let log = log.ok();
        let span = log.as_ref().map_or_else(Span::none, |log| log.span());
        (log, span)
    }

    /// Marks the beginning of an attempt.
    pub(super) fn start(&self, id: &RunId, live: &Live) -> Told {
        live.heard.begin();
        let mut follows = false;
        self.table.change(id, |run| {
            follows = run.follow.is_some();
            // A standing run that tries again follows since it began.
            if run.state == RunState::Queued {
                run.started = Some(now());
            }
            run.state = match follows {
                true => RunState::Following,
                false => RunState::Running,
            };
            run.attempts = run.attempts.saturating_add(1);
        });
        let path = self.table.folders.course_path(id);
        match follows {
            true => self.courses.go_on(id, &path),
            false => self.courses.begin(id, &path),
        }
    }

    /// Writes down how an attempt ended.
    pub(super) async fn conclude(
        &self,
        id: &RunId,
        live: &Live,
        log: Option<Arc<RunLog>>,
        span: &Span,
        ended: Ended,
    ) {
        let jobs = self.ballista_jobs(id);
        let progress = live.progress.now();
        let heard = live.heard.now();
        let follows = self.follows(id);
        let (state, failure) = span.in_scope(|| match &ended {
            Ended::Finished(_) | Ended::Stopped(_) if follows => (stopped(live.asked()), None),
            ended => describe(ended, self.stop.is_cancelled()),
        });
        let report = match ended {
            // All models of months would be one document without bounds.
            _ if follows => None,
            Ended::Finished(report) | Ended::Stopped(report) => Some(report),
            Ended::Failed(..) => None,
        };
        if let Some(report) = &report
            && let Err(error) = self.table.folders.save_report(id, report)
        {
            span.in_scope(|| tracing::error!(%error, "the run's report could not be written"));
        }
        // Before anybody can resume it, and so open the log again.
        if let Some(log) = log {
            log.close();
        }
        self.table.end(id, |run| {
            run.state = state;
            run.ended = (!state.is_under_way()).then(now);
            run.progress = progress;
            run.progress.message.clear();
            add_ballista_jobs(run, jobs);
            (run.failure, run.failure_kind) = match failure {
                Some((why, kind)) => (Some(why), kind),
                None => (None, None),
            };
            if let Some(report) = report {
                (run.trained, run.failed, run.skipped) =
                    (report.trained, report.failed, report.skipped);
            }
            if follows {
                heard.put(run);
            }
        });
    }

    /// Drives it on a thread of its own, and writes down meanwhile how far it is.
    pub(super) async fn attempt(self: &Arc<Self>, id: &RunId, live: &Live, span: &Span) -> Ended {
        let (there, id_there, live_there) = (Arc::clone(self), id.clone(), live.clone());
        let span_there = span.clone();
        let told = self.start(id, live);
        let observer = match self.follows(id) {
            true => live.heard.listener(told.observer()),
            false => told.observer(),
        };
        let mut driver = spawn_blocking(move || {
            let training = there.train(&id_there, &live_there, observer);
            block_on(training.instrument(span_there))
        });
        let writing = self.write_progress(id, live).instrument(span.clone());
        let ended = tokio::select! {
            ended = &mut driver => ended.unwrap_or_else(|_| {
                let why = "the driver panicked; its message is on the scheduler's standard error";
                Ended::Failed(why.to_owned(), Kind::Failed)
            }),
            never = writing => match never {},
        };
        told.end();
        ended
    }

    async fn train(&self, id: &RunId, live: &Live, observer: Arc<dyn Observer>) -> Ended {
        match self.try_train(id, live, observer).await {
            Ok(report) => Ended::Finished(report),
            Err(RunError::Train(gugus_train::Error::Interrupted { report })) => {
                Ended::Stopped(*report)
            }
            Err(error) => {
                use gugus_train::Error::{Batches, Models};
                let kind = match &error {
                    // Files that cannot be read now may be there soon, and a standing run waits for them.
                    RunError::Train(Batches(_) | Models(_)) if self.follows(id) => Kind::Failed,
                    error => error.kind(),
                };
                Ended::Failed(gugus_error::chain(&error), kind)
            }
        }
    }

    async fn try_train(
        &self,
        id: &RunId,
        live: &Live,
        observer: Arc<dyn Observer>,
    ) -> Result<Report, RunError> {
        let run = self.table.run(id)?;
        let job_file = self.table.folders.job_file(id).map_err(RunError::Keep)?;
        tracing::info!(
            attempt = run.attempts,
            job = run.job,
            batches = run.batches,
            models = run.models,
            "the run begins"
        );
        let request = record::request(&run, job_file);
        if request.follow {
            return self.follow(id, live, observer, &request).await;
        }
        let config = request.config(&self.places, &live.progress, observer, Some(id))?;
        let prepared = tokio::select! {
            prepared = gugus_train::prepare(config) => prepared?,
            () = live.stop.cancelled() => {
                let report = Box::default();
                return Err(gugus_train::Error::Interrupted { report }.into());
            }
        };
        tracing::info!(models = prepared.pending(), "models are to be trained");
        if prepared.is_idle() {
            return Ok(prepared.nothing_to_do());
        }
        let cluster = Cluster::connect(self.access.clone()).await;
        let cluster =
            cluster.map_err(|error| gugus_train::Error::from(SubmitError::from(error)))?;
        Ok(prepared.train(&cluster, live.stop.clone()).await?)
    }

    /// Writes progress and Ballista jobs down now and then.
    pub(super) async fn write_progress(&self, id: &RunId, live: &Live) -> Infallible {
        if self.follows(id) {
            return self.write_heard(id, live).await;
        }
        let mut ticks = interval(NOTE);
        let mut before = None;
        loop {
            ticks.tick().await;
            let seen = (live.progress.now(), self.ballista_jobs(id));
            if seen.0.total == 0 || before.as_ref() == Some(&seen) {
                continue;
            }
            let (progress, jobs) = seen.clone();
            if before.is_none_or(|(then, _)| then != progress) {
                let doing = match progress.message.as_str() {
                    "" => "training",
                    message => message,
                };
                tracing::info!(done = progress.done, of = progress.total, "{doing}");
            }
            before = Some(seen);
            self.table.change(id, |run| {
                run.progress = progress;
                add_ballista_jobs(run, jobs);
            });
        }
    }

    pub(super) fn follows(&self, id: &RunId) -> bool {
        self.table.run(id).is_ok_and(|run| run.follow.is_some())
    }

    /// The run's Ballista jobs that the history holds, the oldest first.
    pub(super) fn ballista_jobs(&self, id: &RunId) -> Vec<BallistaJob> {
        let history = &self.cluster.records().history;
        let rows = history.newest(JOBS_NAMED, |row| row.run.as_deref() == Some(id.as_str()));
        let jobs = rows.into_iter().rev().map(|row| BallistaJob {
            id: row.id,
            name: row.name,
            state: match row.state {
                JobState::Cancelled | JobState::Interrupted => JobState::Failed,
                state => state,
            }
            .word()
            .to_owned(),
        });
        jobs.collect()
    }
}

/// The state that the end leads to, and why if it is not a good one; both go to the log, too.
fn describe(ended: &Ended, stopping: bool) -> (RunState, Option<(String, Option<Kind>)>) {
    match ended {
        Ended::Finished(report) => {
            tracing::info!(
                trained = report.trained,
                failed = report.failed,
                skipped = report.skipped,
                seconds = report.seconds,
                "the run is finished"
            );
            let failed = report.models.iter();
            let failed = failed.filter(|model| model.status == Outcome::Failed);
            for model in failed.take(FAILURES_LOGGED) {
                tracing::warn!("{}", failure(model));
            }
            (RunState::Finished, None)
        }
        Ended::Stopped(_) if stopping => {
            tracing::info!("the run is interrupted: the scheduler stops");
            let why = "the scheduler was stopped while the run was under way";
            (RunState::Interrupted, Some((why.to_owned(), None)))
        }
        Ended::Stopped(_) => {
            tracing::info!("the run is cancelled");
            (RunState::Cancelled, None)
        }
        Ended::Failed(why, kind) => {
            tracing::warn!("the run failed: {why}");
            (RunState::Failed, Some((why.clone(), Some(*kind))))
        }
    }
}

/// The state of a standing run that was stopped.
fn stopped(asked: Option<Asked>) -> RunState {
    match asked {
        Some(Asked::Pause) => {
            tracing::info!("the run is paused");
            RunState::Paused
        }
        Some(Asked::End) => {
            tracing::info!("the run is ended");
            RunState::Finished
        }
        None => {
            tracing::info!("the run stops with its scheduler, and goes on at the next start");
            RunState::Following
        }
    }
}
