//! The part of a run that trains windows.

use std::collections::BTreeMap;

use futures::{StreamExt, TryStreamExt, stream};
use gugus_features::{FitOutcome, WaveFile};
use gugus_models::{Existing, Extent, ModelDraft, ModelStore, WindowKey};
use gugus_spec::BatchNumber;
use gugus_spec::Window;
use tokio_util::sync::CancellationToken;

use crate::error::Error;
use crate::existing;
use crate::prepare::{ModelWork, Pending, Prepared, empty, only_window};
use crate::report::{ModelReport, Outcome, Report};
use crate::run::WRITES_AT_ONCE;
use crate::save::{draft, save, trained};
use crate::wave::WaveContext;
use crate::windows::{self, Span};

/// A model, and those of its windows that want a fit.
pub(crate) struct WindowsWork<'a> {
    work: &'a ModelWork,
    window: &'a Window,
    wanted: BTreeMap<WindowKey, Span>,
}

impl Prepared {
    /// Finds out which windows of each model are to be fitted.
    pub(crate) async fn find_windows(
        &self,
        context: &WaveContext<'_>,
        stop: &CancellationToken,
        report: &mut Report,
    ) -> Result<Vec<WindowsWork<'_>>, Error> {
        let models = ModelStore::new(self.config.models.clone());
        let (mut all, mut differing) = (Vec::new(), Vec::new());
        for work in &self.work {
            let Pending::Windows(window, numbers) = &work.pending else {
                continue;
            };
            let (Some(first), Some(last)) = (numbers.first(), numbers.last()) else {
                continue;
            };
            // It was compared with the model that is there when the run was prepared.
            if let Some(key) = only_window(window) {
                let (first, last) = (*first, *last);
                let rows = numbers.iter().filter_map(|n| self.batches.get(n));
                let rows = rows.map(|facts| facts.rows).sum();
                let wanted = BTreeMap::from([(key, Span { rows, first, last })]);
                all.push(WindowsWork {
                    work,
                    window,
                    wanted,
                });
                continue;
            }
            let files = self.files(*first, *last);
            let census = windows::census(context, work, &files, stop).await?;
            self.report_census(work, &census, report);
            let run = existing::Run {
                config: &self.config,
                models: &models,
                batches: &self.batches,
            };
            let found = existing::compare_windows(run, &work.model, census.windows, report).await?;
            differing.extend(found.differing);
            let wanted = found.wanted;
            // One of them was counted before any was known.
            self.config.progress.inc_length(wanted.len() as u64);
            self.config.progress.inc(1);
            all.push(WindowsWork {
                work,
                window,
                wanted,
            });
        }
        existing::refuse(&differing)?;
        Ok(all)
    }

    /// Reports what no model can be fitted on.
    fn report_census(&self, work: &ModelWork, census: &windows::Census, report: &mut Report) {
        let name = &work.model.name;
        let failed = |reason: &str, window: Option<&String>| ModelReport {
            window: window.cloned(),
            status: Outcome::Failed,
            reason: Some(reason.to_owned()),
            ..empty(name, &Extent::All, 0)
        };
        if let Some(reason) = &census.failed {
            report.push(failed(reason, None));
        }
        for (key, reason) in &census.refused {
            report.push(failed(reason, Some(key)));
        }
        if census.without > 0 {
            tracing::info!(model = %name, rows = census.without, "rows are in no window, for their key is null");
            report.push(ModelReport {
                reason: Some("the key of these rows is null, so they are in no window".to_owned()),
                ..empty(name, &Extent::All, census.without)
            });
        }
    }

    /// Models of windows, one job file's model after another.
    pub(crate) async fn windows(
        &self,
        context: &WaveContext<'_>,
        all: Vec<WindowsWork<'_>>,
        stop: &CancellationToken,
        report: &mut Report,
    ) -> Result<(), Error> {
        let models = ModelStore::new(self.config.models.clone());
        for WindowsWork {
            work,
            window,
            wanted,
        } in all
        {
            let first = wanted.values().map(|span| span.first).min();
            let last = wanted.values().map(|span| span.last).max();
            let (Some(first), Some(last)) = (first, last) else {
                continue;
            };
            let keys = wanted.keys().map(|key| key.as_str().to_owned()).collect();
            let files = self.files(first, last);
            let mut outcomes = windows::fit(context, work, keys, &files, stop).await?;
            let writes = wanted.iter().filter_map(|(key, span)| {
                let outcome = outcomes.remove(key.as_str())?;
                Some(self.write_window(&models, work, (window, key), *span, outcome))
            });
            let lines: Vec<ModelReport> = stream::iter(writes)
                .buffer_unordered(WRITES_AT_ONCE)
                .inspect_ok(|_| self.config.progress.inc(1))
                .try_collect()
                .await?;
            lines.into_iter().for_each(|line| report.push(line));
        }
        Ok(())
    }

    async fn write_window(
        &self,
        models: &ModelStore,
        work: &ModelWork,
        (window, key): (&Window, &WindowKey),
        span: Span,
        outcome: FitOutcome,
    ) -> Result<ModelReport, Error> {
        let extent = Extent::Window(key.clone());
        let fitted = match trained(work, &extent, outcome) {
            Ok(fitted) => fitted,
            Err(line) => return Ok(*line),
        };
        let facts = || {
            self.batches
                .range(span.first..=span.last)
                .map(|(_, facts)| facts)
        };
        let draft = ModelDraft {
            extent,
            window: Some(window.clone()),
            commit_id: facts().next_back().map(|facts| facts.commit_id.clone()),
            offsets: existing::offsets(facts()),
            rejected: facts().map(|facts| facts.rejected).sum(),
            ..draft(&self.config, work, fitted)
        };
        // One that is there lacks rows, or the user asked for it to be trained again.
        save(models, work, draft, Existing::Replace).await
    }

    /// The files that have rows, of the batches from `first` to `last`.
    pub(crate) fn files(&self, first: BatchNumber, last: BatchNumber) -> Vec<WaveFile> {
        let facts = self.batches.range(first..=last).map(|(_, facts)| facts);
        let with_rows = facts.filter(|facts| facts.rows > 0);
        with_rows.map(|facts| facts.file.clone()).collect()
    }
}
