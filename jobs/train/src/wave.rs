//! One wave: many batches of one model as one Ballista job.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::UInt64Type;
use gugus_features::{
    BATCH_COLUMN, ExecutionPlan, FitOutcome, OUTCOME_COLUMN, WaveError, WaveFile, points_plan,
    read_points, wave_plan,
};
use gugus_spec::BatchNumber;
use gugus_submit::{Jobs, Pace, Parts, SubmitError};

use crate::batches::Batches;
use crate::work::ModelWork;

/// Batches in one Ballista job. A job costs some 20 ms whatever is in it, and every file of it 1.3 kB in the task's
/// status; 500 keeps both far from mattering and gives progress and a place to go on from every second or so.
pub(crate) const WAVE: usize = 500;

/// What is said where there is nothing to fit.
pub(crate) const NO_ROWS: &str = "no row is left by `where`";

/// Makes the plan over some files.
type Planner<'a> = dyn Fn(&[WaveFile]) -> Result<Arc<dyn ExecutionPlan>, WaveError> + Sync + 'a;

/// Reads an answer for each file, by batch number.
type Reader<A> = dyn Fn(&[RecordBatch]) -> Result<BTreeMap<u64, A>, WaveError> + Sync;

/// Waves of one model.
#[derive(Clone, Copy, Debug)]
pub struct Waves<'a> {
    /// Runs them.
    pub jobs: &'a Jobs<'a>,
    /// How long waves took so far.
    pub pace: &'a Pace,
    /// The model.
    pub work: &'a ModelWork,
    /// Has the batches that are asked for by number.
    pub batches: &'a Batches,
}

impl Waves<'_> {
    /// Fits the model of each of these batches; the outcomes by batch number.
    ///
    /// # Errors
    /// [`SubmitError`], where no batch is to blame.
    pub async fn fit(
        &self,
        numbers: &[BatchNumber],
    ) -> Result<BTreeMap<u64, FitOutcome>, SubmitError> {
        let (url, groups) = (self.batches.url(), self.jobs.groups());
        let plan = |files: &[WaveFile]| {
            wave_plan(&self.work.plan, self.work.settings(), url, files, groups)
        };
        let outcomes = self.run("batches", numbers, &plan, &read).await?;
        Ok(outcomes.into_iter().map(failed).collect())
    }

    /// The features of each of these batches, or why there are none, by batch number.
    pub(crate) async fn points(
        &self,
        numbers: &[BatchNumber],
    ) -> Result<BTreeMap<u64, Result<Vec<f64>, String>>, SubmitError> {
        let (url, groups) = (self.batches.url(), self.jobs.groups());
        let plan = |files: &[WaveFile]| points_plan(&self.work.plan, url, files, groups);
        self.run("features of batches", numbers, &plan, &read_points)
            .await
    }

    /// Runs what `plan` makes over the files of these batches.
    async fn run<A>(
        &self,
        what: &str,
        numbers: &[BatchNumber],
        plan: &Planner<'_>,
        read: &Reader<A>,
    ) -> Result<BTreeMap<u64, Result<A, String>>, SubmitError> {
        let facts = numbers.iter().filter_map(|n| self.batches.get(*n));
        let files = facts.map(|facts| facts.file.clone()).collect();
        let parts = Parts {
            name: &|files: &[WaveFile]| {
                let number = |file: Option<&WaveFile>| file.map_or(0, |file| file.batch);
                let (first, last) = (number(files.first()), number(files.last()));
                format!("{} {what} {first}-{last}", self.work.model.name)
            },
            plan,
            key: &|file: &WaveFile| file.batch,
            read,
            missing: NO_ROWS,
        };
        self.jobs.run_parts(&parts, self.pace, files).await
    }
}

/// A part without an answer, as a fit that failed.
pub(crate) fn failed<K>((key, answer): (K, Result<FitOutcome, String>)) -> (K, FitOutcome) {
    let failed = |reason| FitOutcome::Failed { reason, rows: 0 };
    (key, answer.unwrap_or_else(failed))
}

/// Reads an outcome for each of `keys`, which finds the keys in a column.
pub(crate) fn read_outcomes<K: Ord>(
    rows: &[RecordBatch],
    column: &str,
    keys: impl Fn(&ArrayRef) -> Option<Vec<K>>,
) -> Result<BTreeMap<K, FitOutcome>, WaveError> {
    let layout = |column: &str| WaveError::Layout {
        column: column.to_owned(),
    };
    let mut outcomes = BTreeMap::new();
    for rows in rows {
        let named = |name: &str| rows.column_by_name(name).ok_or_else(|| layout(name));
        let keys = keys(named(column)?).ok_or_else(|| layout(column))?;
        let results = named(OUTCOME_COLUMN)?;
        for (index, key) in keys.into_iter().enumerate() {
            outcomes.insert(key, FitOutcome::read(results.as_ref(), index)?);
        }
    }
    Ok(outcomes)
}

fn read(rows: &[RecordBatch]) -> Result<BTreeMap<u64, FitOutcome>, WaveError> {
    read_outcomes(rows, BATCH_COLUMN, |numbers| {
        Some(numbers.as_primitive_opt::<UInt64Type>()?.values().to_vec())
    })
}
