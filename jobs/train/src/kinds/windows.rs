//! One model for each window of the rows: a month, a district, the last hundred batches.
//!
//! Rows of a window lie in many batches, so two Ballista jobs follow each other: a census says which windows there are and
//! which batches hold their rows, and a fit trains those that want a model.

mod census;

use std::collections::BTreeMap;
use std::time::Instant;

use arrow::array::{AsArray, RecordBatch};
use async_trait::async_trait;
use futures::{StreamExt, TryStreamExt, stream};
use gugus_features::{FitOutcome, WINDOW_COLUMN, WaveError, window_plan};
use gugus_models::{Existing, Extent, WindowKey};
use gugus_progress::ModelReport;
use gugus_spec::{Model, Scope, Window};
use gugus_submit::{Jobs, Pace, Parts};

use self::census::{Span, census};
use crate::compare::{Difference, Differing, has_seen};
use crate::error::Result;
use crate::kind::TrainingKind;
use crate::line;
use crate::report::Report;
use crate::run::{Run, WRITES_AT_ONCE};
use crate::wave::{NO_ROWS, failed, read_outcomes};
use crate::work::ModelWork;

/// Models whose windows are looked at.
#[derive(Debug, Default)]
pub(super) struct Windows(Vec<WindowsWork>);

/// A model and its windows.
#[derive(Debug)]
struct WindowsWork {
    work: ModelWork,
    /// The rows that windows are made of.
    span: Span,
    wanted: Wanted,
}

/// The windows that want a fit.
#[derive(Debug)]
enum Wanted {
    /// They show only in the rows.
    InRows,
    /// These.
    Known(BTreeMap<WindowKey, Span>),
}

#[async_trait(?Send)]
impl TrainingKind for Windows {
    fn takes(&self, model: &Model) -> bool {
        matches!(model.scope, Scope::Window(_)) && model.algorithm.kmeans().is_some()
    }

    /// The one window of the newest batches is compared with what is there; which other windows there are shows only in
    /// the rows.
    async fn find(&mut self, run: &Run, work: ModelWork, report: &mut Report) -> Differing {
        let Scope::Window(window) = &work.model.scope else {
            return Ok(Vec::new());
        };
        let newest = match window {
            Window::Last { last } => usize::try_from(last.get()).unwrap_or(usize::MAX),
            Window::By { .. } | Window::Sql { .. } => usize::MAX,
        };
        // The newest comes first.
        let of_window = run.batches.iter().rev().take(newest);
        let mut with_rows = of_window.filter(|(_, facts)| facts.rows > 0);
        let Some((last, _)) = with_rows.next() else {
            let (name, reason) = (&work.model.name, "no batch has rows");
            report.push(line::of_windows(line::skipped(
                name,
                &Extent::All,
                0,
                reason,
            )));
            return Ok(Vec::new());
        };
        let first = with_rows.last().map_or(last, |(first, _)| first);
        let rows = run.batches.rows(first..=last);
        let span = Span { rows, first, last };
        // The key of the one window there is, where rows have none of their own.
        let wanted = match window.key().and_then(|key| key.parse().ok()) {
            None => Wanted::InRows,
            Some(key) => {
                let spans = BTreeMap::from([(key, span)]);
                let (wanted, differing) = compare(run, &work.model, spans, report).await?;
                if wanted.is_empty() {
                    return Ok(differing);
                }
                Wanted::Known(wanted)
            }
        };
        self.0.push(WindowsWork { work, span, wanted });
        Ok(Vec::new())
    }

    fn pending(&self) -> u64 {
        self.0.len() as u64
    }

    fn planned(&self, _run: &Run) -> Vec<ModelReport> {
        let of_model = |WindowsWork { work, span, wanted }: &WindowsWork| {
            let planned = |of: Extent| line::planned(&work.model.name, &of, span.rows);
            match wanted {
                Wanted::Known(wanted) => {
                    let keys = wanted.keys().cloned();
                    keys.map(|key| planned(Extent::Window(key))).collect()
                }
                Wanted::InRows => vec![ModelReport {
                    reason: Some("its windows show when it is trained".to_owned()),
                    ..line::of_windows(planned(Extent::All))
                }],
            }
        };
        self.0.iter().flat_map(of_model).collect()
    }

    async fn find_in_rows(&mut self, run: &Run, jobs: &Jobs<'_>, report: &mut Report) -> Differing {
        let mut differing = Vec::new();
        for WindowsWork { work, span, wanted } in &mut self.0 {
            if let Wanted::InRows = wanted {
                let census = census(jobs, work, &run.batches, *span).await?;
                report.extend(census.lines(&work.model.name));
                let (found, differ) = compare(run, &work.model, census.windows, report).await?;
                differing.extend(differ);
                // One of them was counted before any was known.
                run.progress.add_total(found.len() as u64);
                run.progress.advance(1);
                *wanted = Wanted::Known(found);
            }
        }
        Ok(differing)
    }

    /// One job file's model after another.
    async fn train(&mut self, run: &Run, jobs: &Jobs<'_>, report: &mut Report) -> Result {
        for WindowsWork { work, wanted, .. } in &self.0 {
            let Wanted::Known(wanted) = wanted else {
                continue;
            };
            let mut outcomes = fit(run, jobs, work, wanted).await?;
            let writes = wanted.iter().filter_map(|(key, span)| {
                let outcome = outcomes.remove(key.as_str())?;
                let (of, batches) = (Extent::Window(key.clone()), span.first..=span.last);
                // One that is there lacks rows, or the user asked for it to be trained again.
                Some(run.save(work, of, batches, outcome, Existing::Replace))
            });
            let lines: Vec<ModelReport> = stream::iter(writes)
                .buffer_unordered(WRITES_AT_ONCE)
                .inspect_ok(|_| run.progress.advance(1))
                .try_collect()
                .await?;
            report.extend(lines);
        }
        Ok(())
    }
}

/// Compares windows with the models that are there, and reports those that have theirs; gives those that want one, and
/// the models that differ.
async fn compare(
    run: &Run,
    model: &Model,
    spans: BTreeMap<WindowKey, Span>,
    report: &mut Report,
) -> Result<(BTreeMap<WindowKey, Span>, Vec<Difference>)> {
    let name = &model.name;
    let keys = spans.keys().map(|key| Extent::Window(key.clone()));
    let there = run.there(name, keys).await?;
    let (mut wanted, mut differing) = (BTreeMap::new(), Vec::new());
    for (key, span) in spans {
        let of = Extent::Window(key.clone());
        let Some(about) = there.get(&of) else {
            wanted.insert(key, span);
            continue;
        };
        if let Some(difference) = run.difference(model, &of, about) {
            differing.push(difference);
            continue;
        }
        // Batches never change, so this one tells all: what is gone since were older rows, which the model has seen.
        let newest = run.batches.get(span.last);
        if newest.is_some_and(|newest| has_seen(about, newest)) {
            report.push(line::there(name, &of, about));
        } else {
            wanted.insert(key, span);
        }
    }
    // By folder, whose name is not always in the order of the key.
    differing.sort_unstable();
    Ok((wanted, differing))
}

/// Fits these windows, by key.
async fn fit(
    run: &Run,
    jobs: &Jobs<'_>,
    work: &ModelWork,
    wanted: &BTreeMap<WindowKey, Span>,
) -> Result<BTreeMap<String, FitOutcome>> {
    let first = wanted.values().map(|span| span.first).min();
    let last = wanted.values().map(|span| span.last).max();
    let (Some(first), Some(last)) = (first, last) else {
        return Ok(BTreeMap::new());
    };
    let began = Instant::now();
    let (batches, model) = (&run.batches, &work.model.name);
    let files = batches.files(first..=last);
    let parts = Parts {
        name: &|keys: &[String]| format!("{model} {} windows", keys.len()),
        plan: &|keys: &[String]| {
            let (settings, url) = (work.settings(), batches.url());
            window_plan(&work.plan, settings, keys, url, &files, jobs.groups())
        },
        key: &|key: &String| key.clone(),
        read: &read,
        missing: NO_ROWS,
    };
    let keys = wanted.keys().map(|key| key.as_str().to_owned()).collect();
    let outcomes = jobs.run_parts(&parts, &Pace::default(), keys).await?;
    let outcomes: BTreeMap<_, _> = outcomes.into_iter().map(failed).collect();
    tracing::debug!(
        %model, windows = outcomes.len(), milliseconds = began.elapsed().as_secs_f64() * 1e3, "windows fitted"
    );
    Ok(outcomes)
}

fn read(rows: &[RecordBatch]) -> Result<BTreeMap<String, FitOutcome>, WaveError> {
    read_outcomes(rows, WINDOW_COLUMN, |keys| {
        let keys = keys.as_string_opt::<i32>()?;
        Some(
            keys.iter()
                .map(|key| key.unwrap_or_default().to_owned())
                .collect(),
        )
    })
}
