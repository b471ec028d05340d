//! Models of windows: which windows there are, and their fits. Each takes one Ballista job.

use std::collections::BTreeMap;
use std::time::Instant;

use arrow::array::{Array, AsArray, RecordBatch};
use gugus_engine::ClusterError;
use gugus_features::{
    FitOutcome, OUTCOME_COLUMN, WINDOW_COLUMN, WaveError, WaveFile, census_plan, read_census,
    window_plan,
};
use gugus_models::WindowKey;
use gugus_spec::BatchNumber;
use tokio_util::sync::CancellationToken;

use crate::error::Error;
use crate::prepare::ModelWork;
use crate::retry::{Attempts, Pace};
use crate::wave::{self, Parts, WaveContext, failed};

/// The most windows of a model. Beyond that a key is more likely a number of records than a name of many, and nobody looks
/// at as many models; the job that fits them would give more than one answer can hold.
const MOST_WINDOWS: usize = 10_000;

/// How many keys that cannot name a folder are reported one by one.
const REFUSED_SHOWN: usize = 100;

/// Where the rows of a window are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    /// How many there are.
    pub(crate) rows: u64,
    /// The oldest batch that has one.
    pub(crate) first: BatchNumber,
    /// The newest batch that has one.
    pub(crate) last: BatchNumber,
}

/// The windows of a model's rows.
#[derive(Debug, Default)]
pub(crate) struct Census {
    pub(crate) windows: BTreeMap<WindowKey, Span>,
    /// Keys that can have no model, as far as they are shown: the key, cut short, and why.
    pub(crate) refused: Vec<(String, String)>,
    /// Why no window can have a model.
    pub(crate) failed: Option<String>,
    /// How many rows have no key.
    pub(crate) without: u64,
}

/// Finds the windows of the rows in `files`.
pub(crate) async fn census(
    context: &WaveContext<'_>,
    work: &ModelWork,
    files: &[WaveFile],
    stop: &CancellationToken,
) -> Result<Census, Error> {
    let name = format!("{} {} windows", context.label, work.model.name);
    let plan = || census_plan(&work.plan, context.store, files, context.groups);
    let attempts = Attempts::new(context.cluster, &name, Pace::default().limit());
    match attempts.run(plan, stop).await {
        Ok(rows) => Ok(sorted_out(read_census(&rows)?)),
        Err(Error::Cluster(ClusterError::Failed { ref message, .. }))
            if wave::is_about_data(message) =>
        {
            Ok(Census {
                failed: Some(wave::reason(message)),
                ..Census::default()
            })
        }
        Err(error) => Err(error),
    }
}

fn sorted_out(found: BTreeMap<Option<String>, gugus_features::WindowRows>) -> Census {
    let mut census = Census::default();
    if found.is_empty() {
        census.failed = Some(wave::NO_ROWS.to_owned());
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

/// Fits these windows of the rows in `files`.
pub(crate) async fn fit(
    context: &WaveContext<'_>,
    work: &ModelWork,
    keys: Vec<String>,
    files: &[WaveFile],
    stop: &CancellationToken,
) -> Result<BTreeMap<String, FitOutcome>, Error> {
    let began = Instant::now();
    let parts = Parts {
        context,
        pace: &Pace::default(),
        name: &|keys: &[String]| {
            format!(
                "{} {} {} windows",
                context.label,
                work.model.name,
                keys.len()
            )
        },
        plan: &|keys: &[String]| {
            let settings = work.settings();
            window_plan(
                &work.plan,
                settings,
                keys,
                context.store,
                files,
                context.groups,
            )
        },
        key: &|key: &String| key.clone(),
        read: &read,
    };
    let outcomes = parts.run(keys, stop).await?;
    let outcomes: BTreeMap<_, _> = outcomes.into_iter().map(failed).collect();
    tracing::debug!(
        model = %work.model.name, windows = outcomes.len(),
        milliseconds = began.elapsed().as_secs_f64() * 1e3, "windows fitted"
    );
    Ok(outcomes)
}

fn read(rows: &[RecordBatch]) -> Result<BTreeMap<String, FitOutcome>, WaveError> {
    let layout = |column: &str| WaveError::Layout {
        column: column.to_owned(),
    };
    let mut outcomes = BTreeMap::new();
    for rows in rows {
        let column = |name: &str| rows.column_by_name(name).ok_or_else(|| layout(name));
        let keys = column(WINDOW_COLUMN)?.as_string_opt::<i32>();
        let keys = keys.ok_or_else(|| layout(WINDOW_COLUMN))?;
        let results = column(OUTCOME_COLUMN)?;
        for index in 0..keys.len() {
            let outcome = FitOutcome::read(results.as_ref(), index)?;
            outcomes.insert(keys.value(index).to_owned(), outcome);
        }
    }
    Ok(outcomes)
}
