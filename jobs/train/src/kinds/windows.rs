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
use gugus_spec::{BatchNumber, Model, Scope, Window};
use gugus_submit::{Jobs, Pace, Parts};

use self::census::{Span, census};
use crate::compare::{Difference, Differing, has_seen};
use crate::error::Result;
use crate::kind::{Needs, TrainingKind};
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
    wanted: Wanted,
    /// The windows that a census found, so that the next one looks at new batches only.
    known: BTreeMap<WindowKey, Span>,
}

/// The windows that want a fit.
#[derive(Debug)]
enum Wanted {
    /// They show only in these rows, and are compared with the models that are there.
    InRows(Span),
    /// They show only in these rows, which came since the windows were compared.
    InNewRows(Span),
    /// These.
    Known(BTreeMap<WindowKey, Span>),
}

impl Wanted {
    fn nothing() -> Self {
        Self::Known(BTreeMap::new())
    }

    /// How many there are: one, as long as nobody knows.
    fn len(&self) -> usize {
        match self {
            Self::InRows(_) | Self::InNewRows(_) => 1,
            Self::Known(wanted) => wanted.len(),
        }
    }
}

#[async_trait(?Send)]
impl TrainingKind for Windows {
    fn takes(&self, model: &Model) -> bool {
        matches!(model.scope, Scope::Window(_)) && model.algorithm.kmeans().is_some()
    }

    /// The one window of the newest batches is compared with what is there; which other windows there are shows only in
    /// the rows.
    async fn find(&mut self, run: &Run, work: ModelWork, report: &mut Report) -> Differing {
        let Some(span) = newest(run, &work.model) else {
            let (name, reason) = (&work.model.name, "no batch has rows");
            report.push(line::of_windows(line::skipped(
                name,
                &Extent::All,
                0,
                reason,
            )));
            self.push(work, Wanted::nothing());
            return Ok(Vec::new());
        };
        match only_key(&work.model) {
            None => {
                self.push(work, Wanted::InRows(span));
                Ok(Vec::new())
            }
            Some(key) => {
                let spans = BTreeMap::from([(key, span)]);
                let (wanted, differing) = compare(run, &work, spans, report).await?;
                self.push(work, Wanted::Known(wanted));
                Ok(differing)
            }
        }
    }

    fn pending(&self) -> u64 {
        self.0.iter().map(|of| of.wanted.len() as u64).sum()
    }

    fn planned(&self, _run: &Run) -> Vec<ModelReport> {
        let of_model = |WindowsWork { work, wanted, .. }: &WindowsWork| {
            let planned = |of: Extent, rows| line::planned(&work.model.name, &of, rows);
            match wanted {
                Wanted::Known(wanted) => {
                    let windows = wanted.iter();
                    windows
                        .map(|(key, span)| planned(Extent::Window(key.clone()), span.rows))
                        .collect()
                }
                Wanted::InRows(span) | Wanted::InNewRows(span) => vec![ModelReport {
                    reason: Some("its windows show when it is trained".to_owned()),
                    ..line::of_windows(planned(Extent::All, span.rows))
                }],
            }
        };
        self.0.iter().flat_map(of_model).collect()
    }

    async fn find_in_rows(&mut self, run: &Run, jobs: &Jobs<'_>, report: &mut Report) -> Differing {
        let mut differing = Vec::new();
        for WindowsWork {
            work,
            wanted,
            known,
        } in &mut self.0
        {
            let (span, is_new) = match wanted {
                Wanted::InRows(span) => (*span, false),
                Wanted::InNewRows(span) => (*span, true),
                Wanted::Known(_) => continue,
            };
            let census = census(jobs, work, &run.batches, span).await?;
            report.extend(census.lines(&work.model.name));
            let mut found = census.windows;
            for (key, span) in &mut found {
                let before = known.get(key).filter(|_| is_new);
                *span = before.map_or(*span, |before| before.with(*span));
                known.insert(key.clone(), *span);
            }
            let found = match is_new {
                true => found,
                false => {
                    let (found, differ) = compare(run, work, found, report).await?;
                    differing.extend(differ);
                    found
                }
            };
            // One of them was counted before any was known.
            run.progress.add_total(found.len() as u64);
            run.progress.advance(1);
            *wanted = Wanted::Known(found);
        }
        Ok(differing)
    }

    /// One job file's model after another.
    async fn train(&mut self, run: &Run, jobs: &Jobs<'_>, report: &mut Report) -> Result {
        for WindowsWork { work, wanted, .. } in &mut self.0 {
            let Wanted::Known(windows) = wanted else {
                continue;
            };
            let mut outcomes = fit(run, jobs, work, windows).await?;
            let writes = windows.iter().filter_map(|(key, span)| {
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
            *wanted = Wanted::nothing();
        }
        Ok(())
    }

    fn add(&mut self, run: &Run, came: &[BatchNumber], _report: &mut Report) {
        let with_rows = came.iter().filter_map(|number| {
            let rows = run.batches.rows(*number..=*number);
            let (first, last) = (*number, *number);
            (rows > 0).then_some(Span { rows, first, last })
        });
        let Some(new) = with_rows.reduce(Span::with) else {
            return;
        };
        for WindowsWork { work, wanted, .. } in &mut self.0 {
            *wanted = match (only_key(&work.model), &*wanted) {
                (Some(key), _) => {
                    let span = newest(run, &work.model).unwrap_or(new);
                    Wanted::Known(BTreeMap::from([(key, span)]))
                }
                (None, Wanted::InRows(span)) => Wanted::InRows(span.with(new)),
                (None, Wanted::InNewRows(span)) => Wanted::InNewRows(span.with(new)),
                // Windows that were not fitted yet, because the cluster failed, are found once more.
                (None, Wanted::Known(left)) => {
                    let left = left.values().copied();
                    Wanted::InNewRows(left.fold(new, Span::with))
                }
            };
        }
    }

    fn needs(&self) -> Needs {
        let of_model = |of: &WindowsWork| match &of.work.model.scope {
            Scope::Window(Window::Last { last }) => Needs::Newest(last.get()),
            _ => Needs::All,
        };
        self.0.iter().map(of_model).max().unwrap_or(Needs::All)
    }
}

impl Windows {
    fn push(&mut self, work: ModelWork, wanted: Wanted) {
        let known = BTreeMap::new();
        self.0.push(WindowsWork {
            work,
            wanted,
            known,
        });
    }
}

/// The key of the one window that there is, where rows have none of their own.
fn only_key(model: &Model) -> Option<WindowKey> {
    let Scope::Window(window) = &model.scope else {
        return None;
    };
    window.key().and_then(|key| key.parse().ok())
}

/// The rows of the newest batches that windows are made of; `None` where there are none.
fn newest(run: &Run, model: &Model) -> Option<Span> {
    let newest = match &model.scope {
        Scope::Window(Window::Last { last }) => usize::try_from(last.get()).unwrap_or(usize::MAX),
        _ => usize::MAX,
    };
    // The newest comes first.
    let of_window = run.batches.iter().rev().take(newest);
    let mut with_rows = of_window.filter(|(_, facts)| facts.rows > 0);
    let (last, _) = with_rows.next()?;
    let first = with_rows.last().map_or(last, |(first, _)| first);
    let rows = run.batches.rows(first..=last);
    Some(Span { rows, first, last })
}

/// Compares windows with the models that are there, and reports those that have theirs; gives those that want one, and
/// the models that differ.
async fn compare(
    run: &Run,
    work: &ModelWork,
    spans: BTreeMap<WindowKey, Span>,
    report: &mut Report,
) -> Result<(BTreeMap<WindowKey, Span>, Vec<Difference>)> {
    let (model, name) = (&work.model, &work.model.name);
    let keys = spans.keys().map(|key| Extent::Window(key.clone()));
    let there = run.there(name, keys).await?;
    let (mut wanted, mut differing) = (BTreeMap::new(), Vec::new());
    for (key, span) in spans {
        let of = Extent::Window(key.clone());
        // Batches never change, so this one tells all: what is gone since were older rows, which the model has seen.
        let newest = run.batches.get(span.last);
        let Some(about) = there.get(&of) else {
            if !run.failed_before(work, &of, span.first..=span.last) {
                wanted.insert(key, span);
            }
            continue;
        };
        if let Some(difference) = run.difference(model, &of, about) {
            differing.push(difference);
            continue;
        }
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
