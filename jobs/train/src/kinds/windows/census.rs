//! Which windows the rows are in, found out by one Ballista job.

use std::collections::BTreeMap;

use gugus_features::{WindowRows, census_plan, read_census};
use gugus_models::{Extent, WindowKey};
use gugus_progress::ModelReport;
use gugus_spec::{BatchNumber, ModelName};
use gugus_submit::{Jobs, Pace, SubmitError};

use crate::batches::Batches;
use crate::line;
use crate::wave::NO_ROWS;
use crate::work::ModelWork;

/// The most windows of a model. Beyond that a key is more likely a number of records than a name of many, and nobody looks
/// at as many models; the job that fits them would give more than one answer can hold.
const MOST_WINDOWS: usize = 10_000;

/// How many keys that cannot name a folder are reported one by one.
const REFUSED_SHOWN: usize = 100;

/// Where rows are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    /// How many there are.
    pub(super) rows: u64,
    /// The oldest batch that has one.
    pub(super) first: BatchNumber,
    /// The newest batch that has one.
    pub(super) last: BatchNumber,
}

impl Span {
    /// Both.
    pub(super) fn with(self, other: Self) -> Self {
        Self {
            rows: self.rows + other.rows,
            first: self.first.min(other.first),
            last: self.last.max(other.last),
        }
    }
}

/// The windows of a model's rows.
#[derive(Debug, Default)]
pub(super) struct Census {
    pub(super) windows: BTreeMap<WindowKey, Span>,
    /// Keys that can have no model, as far as they are shown: the key, cut short, and why.
    refused: Vec<(String, String)>,
    /// Why no window can have a model.
    failed: Option<String>,
    /// How many rows have no key.
    without: u64,
}

/// Finds the windows of the rows in these batches.
pub(super) async fn census(
    jobs: &Jobs<'_>,
    work: &ModelWork,
    batches: &Batches,
    of: Span,
) -> Result<Census, SubmitError> {
    let files = batches.files(of.first..=of.last);
    let plan = census_plan(&work.plan, batches.url(), &files, jobs.groups())?;
    let name = format!("{} windows", work.model.name);
    match jobs.run(&name, &Pace::default(), plan).await {
        Ok(rows) => Ok(Census::of(read_census(&rows)?)),
        Err(SubmitError::Data { reason }) => Ok(Census {
            failed: Some(reason),
            ..Census::default()
        }),
        Err(error) => Err(error),
    }
}

impl Census {
    fn of(found: BTreeMap<Option<String>, WindowRows>) -> Self {
        let mut census = Self::default();
        if found.is_empty() {
            census.failed = Some(NO_ROWS.to_owned());
        }
        if found.len() > MOST_WINDOWS {
            census.failed = Some(format!(
                "its window has {} keys, more than the {MOST_WINDOWS} that a model may have; make fewer of them in the SQL",
                found.len()
            ));
            return census;
        }
        for (key, rows) in found {
            let Some(key) = key else {
                census.without = rows.rows;
                continue;
            };
            let numbers = BatchNumber::new(rows.first).zip(BatchNumber::new(rows.last));
            match (key.parse::<WindowKey>(), numbers) {
                (Ok(key), Some((first, last))) => {
                    let rows = rows.rows;
                    census.windows.insert(key, Span { rows, first, last });
                }
                (Ok(_), None) => {}
                (Err(why), _) if census.refused.len() < REFUSED_SHOWN => {
                    let shown = key.chars().take(64).collect();
                    census.refused.push((shown, why.to_string()));
                }
                (Err(_), _) => {}
            }
        }
        census
    }

    /// Reports what no model can be fitted on.
    pub(super) fn lines(&self, model: &ModelName) -> Vec<ModelReport> {
        let all = &Extent::All;
        let failed =
            |reason: &String| line::of_windows(line::failed(model, all, 0, reason.clone()));
        let mut lines: Vec<ModelReport> = self.failed.iter().map(failed).collect();
        lines.extend(self.refused.iter().map(|(key, reason)| ModelReport {
            window: Some(key.clone()),
            ..failed(reason)
        }));
        if self.without > 0 {
            tracing::info!(%model, rows = self.without, "rows are in no window, for their key is null");
            let reason = "the key of these rows is null, so they are in no window";
            lines.push(line::of_windows(line::skipped(
                model,
                all,
                self.without,
                reason,
            )));
        }
        lines
    }
}
