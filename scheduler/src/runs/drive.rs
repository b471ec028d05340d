//! One run, from its turn to its end.

use std::error::Error;
use std::time::Duration;

use futures::FutureExt;
use gugus_train::{Kind, Report};
use tokio::time::interval;
use tracing::Instrument;

use super::id::RunId;
use super::log::RunLog;
use super::wire::{BallistaJob, FailureKind, RunRequest, RunState};
use super::{Live, RunError, Runs, now};

/// How often a run's progress is written down.
const NOTE: Duration = Duration::from_secs(2);

/// How many Ballista jobs of a run are named. A wave of 500 batches is one; a pass over everything is one, too.
const JOBS_NAMED: usize = 200;

/// Failed models that are named in the log.
const FAILURES_LOGGED: usize = 100;

/// Waits for the run's turn, drives it, and writes down how it ended.
pub(super) async fn drive(runs: Runs, id: RunId, live: Live) {
    let turn = tokio::select! {
        turn = runs.0.slots.clone().acquire_owned() => turn.ok(),
        () = live.stop.cancelled() => None,
    };
    let log = match RunLog::open(&id, &runs.0.disk.log_path(&id)) {
        Ok(log) => Some(log),
        Err(error) => {
            tracing::warn!(%id, %error, "the log of a run cannot be written");
            None
        }
    };
    let span = log.as_ref().map_or_else(tracing::Span::none, |log| log.span());
    let ended = async {
        if turn.is_none() {
            return Ended::Stopped(None);
        }
        runs.change(&id, |run| {
            run.state = RunState::Running;
            run.started = Some(now());
            run.attempts += 1;
        });
        let trained = std::panic::AssertUnwindSafe(train(&runs, &id, &live)).catch_unwind();
        tokio::select! {
            ended = trained => ended.unwrap_or_else(|_| {
                Ended::Failed("the driver panicked; its message is in the scheduler's log".to_owned(), FailureKind::Failed)
            }),
            never = note(&runs, &id, &live) => match never {},
        }
    }
    .instrument(span.clone())
    .await;
    write_down(&runs, &id, &live, ended, &span).await;
    if let Some(log) = log {
        log.close();
    }
    drop(turn);
    if let Some(entry) = runs.table().get_mut(&id) {
        entry.live = None;
    }
    runs.prune();
}

/// How a run ended.
enum Ended {
    Finished(Report),
    /// With what was done until then, when something was begun.
    Stopped(Option<Report>),
    Failed(String, FailureKind),
}

async fn train(runs: &Runs, id: &RunId, live: &Live) -> Ended {
    match try_train(runs, id, live).await {
        Ok(report) => Ended::Finished(report),
        Err(RunError::Train(gugus_train::Error::Interrupted { report })) => {
            Ended::Stopped(Some(*report))
        }
        Err(error) => {
            let kind = match &error {
                RunError::Train(error) if error.kind() == Kind::Usage => FailureKind::Usage,
                RunError::JobFile(_) | RunError::Place(_) | RunError::Store(_) => FailureKind::Usage,
                _ => FailureKind::Failed,
            };
            Ended::Failed(whole_text(&error), kind)
        }
    }
}

async fn try_train(runs: &Runs, id: &RunId, live: &Live) -> Result<Report, RunError> {
    let run = runs.run(id)?;
    let request = RunRequest {
        job_file: runs.0.disk.job_file(id).map_err(RunError::Keep)?,
        batches: run.batches,
        models: run.models,
        only: run.only,
        retrain: run.retrain,
        dry_run: false,
    };
    tracing::info!(attempt = run.attempts, job = run.job, batches = request.batches, models = request.models, "the run begins");
    let config = runs.config(&request, &live.bar, Some(id))?;
    let prepared = tokio::select! {
        prepared = gugus_train::prepare(config) => prepared?,
        () = live.stop.cancelled() => {
            let report = Box::default();
            return Err(gugus_train::Error::Interrupted { report }.into());
        }
    };
    let models = prepared.pending();
    tracing::info!(models, "models are to be trained");
    let report = prepared.train(runs.0.access.clone(), live.stop.clone()).await?;
    Ok(report)
}

/// Writes progress and Ballista jobs down now and then.
async fn note(runs: &Runs, id: &RunId, live: &Live) -> std::convert::Infallible {
    let mut ticks = interval(NOTE);
    let mut before = None;
    loop {
        ticks.tick().await;
        let (progress, jobs) = (live.progress(), jobs(runs, id).await);
        let seen = Some((progress.clone(), jobs.clone()));
        if seen == before || progress.total == 0 {
            continue;
        }
        if before.as_ref().is_none_or(|(then, _): &(_, _)| *then != progress) {
            tracing::info!(
                done = progress.done,
                of = progress.total,
                "{}",
                if progress.message.is_empty() { "training" } else { &progress.message }
            );
        }
        before = seen;
        runs.change(id, |run| {
            run.progress = progress;
            add_jobs(&mut run.ballista_jobs, jobs);
        });
    }
}

/// The run's Ballista jobs that the scheduler still knows.
async fn jobs(runs: &Runs, id: &RunId) -> Vec<BallistaJob> {
    let of_run = format!(" run {id} ");
    let mut jobs: Vec<BallistaJob> = runs
        .0
        .cluster
        .jobs()
        .await
        .into_iter()
        .filter(|job| job.name.contains(&of_run))
        .map(|job| BallistaJob {
            id: job.id,
            name: job.name,
            state: job.state.to_owned(),
        })
        .collect();
    jobs.sort_unstable_by(|a, b| a.id.cmp(&b.id));
    jobs
}

/// Adds jobs that are new and updates those that are known: the scheduler forgets them minutes after their end.
fn add_jobs(known: &mut Vec<BallistaJob>, seen: Vec<BallistaJob>) {
    for job in seen {
        match known.iter_mut().find(|k| k.id == job.id) {
            Some(there) => *there = job,
            None => known.push(job),
        }
    }
    let surplus = known.len().saturating_sub(JOBS_NAMED);
    known.drain(..surplus);
}

async fn write_down(runs: &Runs, id: &RunId, live: &Live, ended: Ended, span: &tracing::Span) {
    let jobs = jobs(runs, id).await;
    let cancelled = runs
        .table()
        .get(id)
        .and_then(|entry| entry.live.as_ref())
        .is_some_and(|live| live.cancelled);
    let _entered = span.enter();
    let (state, failure, report) = match ended {
        Ended::Finished(report) => {
            tracing::info!(
                trained = report.trained,
                failed = report.failed,
                skipped = report.skipped,
                seconds = report.seconds,
                "the run is finished"
            );
            for model in failures(&report).take(FAILURES_LOGGED) {
                tracing::warn!("{model}");
            }
            (RunState::Finished, None, Some(report))
        }
        Ended::Stopped(report) if cancelled => {
            tracing::info!("the run was cancelled");
            (RunState::Cancelled, None, report)
        }
        Ended::Stopped(report) => {
            tracing::info!("the run was interrupted: the scheduler stops");
            let why = "the scheduler was stopped while the run was under way".to_owned();
            (RunState::Interrupted, Some((why, None)), report)
        }
        Ended::Failed(why, kind) => {
            tracing::error!("the run failed: {why}");
            (RunState::Failed, Some((why, Some(kind))), None)
        }
    };
    if let Some(report) = &report
        && let Err(error) = runs.0.disk.save_report(id, report)
    {
        tracing::error!(%error, "the run's report could not be written");
    }
    runs.change(id, |run| {
        run.state = state;
        run.ended = Some(now());
        run.progress = live.progress();
        run.progress.message.clear();
        add_jobs(&mut run.ballista_jobs, jobs);
        (run.failure, run.failure_kind) = failure.map_or((None, None), |(why, kind)| (Some(why), kind));
        if let Some(report) = report {
            (run.trained, run.failed, run.skipped) = (report.trained, report.failed, report.skipped);
        }
    });
}

fn failures(report: &Report) -> impl Iterator<Item = String> + '_ {
    let failed = report.models.iter().filter(|m| m.status == gugus_train::Outcome::Failed);
    failed.map(|model| {
        let reason = model.reason.as_deref().unwrap_or("no reason is known");
        // A model over everything has no batch.
        let batch = serde_json::to_value(model.batch).unwrap_or_default();
        match batch {
            serde_json::Value::Null => format!("{} failed: {reason}", model.model),
            batch => format!("{} of batch {batch} failed: {reason}", model.model),
        }
    })
}

/// An error with all its causes, in one line.
fn whole_text(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}
