//! `/`: everything at a glance.

use std::time::{Duration, SystemTime};

use chrono::{DateTime, Utc};
use gugus_batches::FedBy;
use gugus_models::Extent;
use gugus_pages::executors::{Executor, ExecutorState};
use gugus_pages::href;
use gugus_pages::job::{JobState, Row};
use gugus_pages::overview::{
    BallistaRunning, ExecutorLine, Failure, Overview, Pipeline, PipelineStep, Running,
};
use gugus_pages::run::follows;
use tokio::time::timeout;

use super::served::Asked;
use super::shown::Shown;
use crate::clock;
use crate::problem::Problem;
use crate::runs::{Pair, Run, RunState};
use crate::stores::Shelf;

/// Pairs of stores that the page shows, Ballista jobs, and failures of each kind.
const PAIRS: usize = 5;
const JOBS: usize = 10;
const FAILURES: usize = 8;

/// The page shows a Ballista job that has run for so many milliseconds. A pass over all batches is shorter, and its line would
/// come and go.
const LASTING: u64 = 5_000;

/// How long the page tells of an executor that was lost, in milliseconds.
const LOST_FOR: u64 = 60 * 60 * 1000;

/// How long the page waits for each store of a pair. One that hangs shall not take the overview away.
const PATIENCE: Duration = Duration::from_secs(2);

/// Models whose times make a rate, and how old the newest may be.
const RATE_OVER: usize = 20;
const LATELY: Duration = Duration::from_secs(15 * 60);

pub(super) async fn gather(shown: Shown, _: Asked) -> Result<Overview, Problem> {
    let now = clock::now();
    let history = &shown.cluster.records().history;
    let lasting = |row: &Row| row.state == JobState::Running && row.took(now) >= LASTING;
    let runs = shown
        .runs
        .as_ref()
        .map(crate::runs::Runs::list)
        .unwrap_or_default();
    let today = Utc::now().date_naive().to_string();
    let failed_today = runs.iter().filter(|run| {
        has_failed(run)
            && run
                .ended
                .as_ref()
                .is_some_and(|ended| ended.starts_with(&today))
    });
    let mut page = Overview {
        address: shown.address.clone(),
        takes_runs: shown.runs.is_some(),
        failed_today: failed_today.count() as u64,
        running: runs
            .iter()
            .filter(|run| !run.state.is_final())
            .map(running)
            .collect(),
        ballista_jobs: history
            .newest(JOBS, lasting)
            .into_iter()
            .map(|row| ballista_running(row, now))
            .collect(),
        failures: failures(&runs, history.newest(FAILURES, |row| row.failure.is_some())),
        ..Overview::default()
    };
    let known = shown.cluster.records().roster.list().into_iter();
    // Those that are gone are told of for a while; `/executors` lists them for a day.
    let told = known.filter(|executor| match executor.state {
        ExecutorState::Lost => now.saturating_sub(executor.gone) < LOST_FOR || executor.gone == 0,
        state => state.is_here(),
    });
    page.executors = told.map(|executor| line(executor, now)).collect();
    if let Some(shelf) = &shown.shelf {
        let pairs = shelf.pairs();
        page.pipelines_total = pairs.len() as u64;
        let pipelines = pairs
            .into_iter()
            .take(PAIRS)
            .map(|pair| pipeline(shelf, pair));
        page.pipelines = futures::future::join_all(pipelines).await;
    }
    Ok(page)
}

fn line(executor: Executor, now: u64) -> ExecutorLine {
    let short = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    let told = !executor.load.version.is_empty();
    ExecutorLine {
        lost: executor.state == ExecutorState::Lost,
        silent: now.saturating_sub(executor.heartbeat) / 1000,
        id: executor.id,
        address: executor.address,
        slots: short(executor.slots),
        taken: told.then(|| short(executor.load.running)),
        memory: told.then_some(executor.load.process),
    }
}

fn has_failed(run: &Run) -> bool {
    run.state == RunState::Failed
        || run.state == RunState::Interrupted
        // A standing run that tries again.
        || (run.state == RunState::Following && run.failure.is_some())
        || (run.state == RunState::Finished && run.failed > 0)
}

fn running(run: &Run) -> Running {
    let progress = &run.progress;
    let took = run.started.as_deref().and_then(since);
    let left = took
        .filter(|_| run.follow.is_none() && progress.done > 0 && progress.total > progress.done)
        .map(|took| {
            #[allow(clippy::cast_precision_loss)] // an estimate
            let rest = (progress.total - progress.done) as f64 / progress.done as f64;
            took.mul_f64(rest.min(1e6)).as_secs()
        });
    Running {
        id: run.id.to_string(),
        job: run.job.clone(),
        state: run.state,
        follow: run.follow.clone(),
        done: progress.done,
        total: if run.follow.is_some() {
            0
        } else {
            progress.total
        },
        message: match (progress.message.as_str(), run.state) {
            _ if run.follow.is_some() => follows(run).unwrap_or_default(),
            ("", RunState::Queued) => "waits for its turn".to_owned(),
            ("", _) if progress.total == 0 => "looks at batches and models".to_owned(),
            (message, _) => message.to_owned(),
        },
        seconds_left: left,
    }
}

fn ballista_running(row: Row, now: u64) -> BallistaRunning {
    BallistaRunning {
        done: row.stages_done,
        stages: row.stages_total,
        seconds: row.took(now) / 1000,
        id: row.id,
        name: row.name,
    }
}

/// The newest failures of runs, then of Ballista jobs, which tell no time.
fn failures(runs: &[Run], jobs: Vec<Row>) -> Vec<Failure> {
    let runs = runs.iter().filter(|run| has_failed(run)).map(failure);
    let jobs = jobs.into_iter().filter_map(|job| {
        Some(Failure {
            what: format!("Ballista job {}", job.name),
            href: href::job(&job.id),
            why: job.failure?,
            at: None,
        })
    });
    runs.take(FAILURES).chain(jobs).collect()
}

fn failure(run: &Run) -> Failure {
    Failure {
        what: format!("run {} of job {}", run.id, run.job),
        href: href::run(run.id.as_str()),
        why: run.failure.clone().unwrap_or_else(|| {
            let failed = gugus_look::quantity(run.failed, "model", "models");
            format!("it finished without {failed}; its page says why")
        }),
        at: run.ended.clone(),
    }
}

/// How long ago a moment was.
fn since(rfc3339: &str) -> Option<Duration> {
    let then = DateTime::parse_from_rfc3339(rfc3339).ok()?;
    SystemTime::now().duration_since(then.into()).ok()
}

async fn pipeline(shelf: &Shelf, pair: Pair) -> Pipeline {
    let mut pipeline = Pipeline {
        source: PipelineStep::default(),
        topic: String::new(),
        imports: false,
        batch: PipelineStep::default(),
        model: timeout(PATIENCE, model_stage(shelf, &pair.models))
            .await
            .unwrap_or_else(|_| silent()),
        job: pair.job,
        models: pair.models,
        batches: pair.batches,
    };
    match timeout(PATIENCE, fill_batches(shelf, &mut pipeline)).await {
        Ok(Ok(())) => {}
        Ok(Err(problem)) => pipeline.batch.trouble = Some(problem.detail().to_owned()),
        Err(_) => pipeline.batch = silent(),
    }
    pipeline
}

/// A step whose store is slow. The look goes on, and the page shows what it finds.
fn silent() -> PipelineStep {
    PipelineStep {
        trouble: Some("the store has not answered yet".to_owned()),
        ..PipelineStep::default()
    }
}

async fn fill_batches(shelf: &Shelf, pipeline: &mut Pipeline) -> Result<(), Problem> {
    let view = shelf.log(&pipeline.batches).await?;
    let head = view.head().await?;
    let Some(head) = head.as_ref() else {
        (pipeline.source.count, pipeline.batch.count) = (Some(0), Some(0));
        return Ok(());
    };
    let scanned = view.scanned(head).await;
    pipeline.topic.clone_from(&head.footer.topic);
    pipeline.imports = matches!(head.footer.feed(), FedBy::Imports);
    let written = head.written.map(clock::rfc3339);
    pipeline.batch = PipelineStep {
        count: Some(head.batches()),
        per_hour: head.per_hour,
        newest: Some(format!("batch {}", head.reach.newest)),
        at: written,
        trouble: head.reach.gap.clone(),
    };
    // The newest record that a footer knows.
    let lasts = head
        .footer
        .ends
        .iter()
        .filter_map(|end| Some((end.last.as_ref()?.timestamp?, end)));
    let last = lasts.max_by_key(|(timestamp, _)| *timestamp);
    let whole = scanned.read >= head.batches();
    #[allow(clippy::cast_precision_loss)] // a rate
    let per_batch = (scanned.rows + scanned.rejected) as f64 / scanned.read.max(1) as f64;
    pipeline.source = PipelineStep {
        count: whole.then_some(scanned.rows + scanned.rejected),
        per_hour: head.per_hour.map(|batches| batches * per_batch),
        newest: last.map(|(_, end)| {
            format!(
                "partition {}, offset {}",
                end.partition,
                end.next.saturating_sub(1)
            )
        }),
        at: last
            .and_then(|(timestamp, _)| DateTime::<Utc>::from_timestamp_millis(timestamp))
            .map(clock::rfc3339),
        trouble: None,
    };
    Ok(())
}

async fn model_stage(shelf: &Shelf, models: &str) -> PipelineStep {
    match try_model_stage(shelf, models).await {
        Ok(stage) => stage,
        Err(problem) => PipelineStep {
            trouble: Some(problem.detail().to_owned()),
            ..PipelineStep::default()
        },
    }
}

async fn try_model_stage(shelf: &Shelf, models: &str) -> Result<PipelineStep, Problem> {
    let view = shelf.models(models).await?;
    let listing = view.listing().await?;
    let mut stage = PipelineStep {
        count: Some(listing.all.len() as u64),
        ..PipelineStep::default()
    };
    if !listing.unusable.is_empty() {
        let folders = gugus_look::quantity(listing.unusable.len() as u64, "folder", "folders");
        stage.trouble = Some(format!("{folders}, which the page of the models names"));
    }
    // The newest is one of the newest of each name.
    let mut newest: Option<(String, String)> = None;
    let mut rate = None;
    for listed in &listing.models {
        let last = match listed.batches.last() {
            Some(batch) => Extent::Batch(*batch),
            None if listed.all => Extent::All,
            None => continue,
        };
        let Some(at) = trained_at(&view, &listed.model, &last).await? else {
            continue;
        };
        if newest.as_ref().is_some_and(|(known, _)| *known >= at) {
            continue;
        }
        rate = None;
        let before = listed.batches.len().saturating_sub(RATE_OVER + 1);
        if let (Some(then), true) = (listed.batches.get(before), listed.batches.len() > 1)
            && let Some(then) = trained_at(&view, &listed.model, &Extent::Batch(*then)).await?
            && since(&at).is_some_and(|age| age < LATELY)
            && let (Some(newest), Some(oldest)) = (since(&at), since(&then))
            && oldest > newest
        {
            #[allow(clippy::cast_precision_loss)] // twenty models
            let models = (listed.batches.len() - 1 - before) as f64;
            rate = Some(models / (oldest - newest).as_secs_f64() * 3600.0);
        }
        newest = Some((
            at,
            format!("{}, {}", listed.model, super::models::data(&last)),
        ));
    }
    stage.per_hour = rate;
    (stage.at, stage.newest) = newest.unzip();
    Ok(stage)
}

async fn trained_at(
    view: &crate::stores::ModelsView,
    model: &str,
    extent: &Extent,
) -> Result<Option<String>, Problem> {
    let read = view.read(model, extent).await?;
    let saved = read.and_then(Result::ok);
    Ok(saved.and_then(|saved| Some(saved.about.as_ref()?.trained_at.clone())))
}
