//! One wave: many batches of one model as one Ballista job.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::UInt64Type;
use gugus_engine::{Cluster, ClusterError};
use gugus_features::{
    BATCH_COLUMN, ExecutionPlan, FitOutcome, OUTCOME_COLUMN, WaveError, WaveFile, wave_plan,
};
use tokio_util::sync::CancellationToken;

use crate::error::Error;
use crate::prepare::ModelWork;
use crate::retry::{Attempts, Pace};

/// Where a wave runs.
#[derive(Debug)]
pub(crate) struct WaveContext<'a> {
    pub(crate) cluster: &'a Cluster,
    /// The object store of the batches, as executors register it.
    pub(crate) store: &'a str,
    /// How many tasks a wave is cut into.
    pub(crate) groups: usize,
    /// Begins the name of each Ballista job, so that a user finds this run in the scheduler's list.
    pub(crate) label: String,
    /// How long waves took so far.
    pub(crate) pace: Pace,
}

/// Fits every file, by batch number.
pub(crate) async fn fit(
    context: &WaveContext<'_>,
    work: &ModelWork,
    files: Vec<WaveFile>,
    stop: &CancellationToken,
) -> Result<BTreeMap<u64, FitOutcome>, Error> {
    let parts = Parts {
        context,
        pace: &context.pace,
        name: &|files: &[WaveFile]| {
            let number = |file: Option<&WaveFile>| file.map_or(0, |file| file.batch);
            let (first, last) = (number(files.first()), number(files.last()));
            format!(
                "{} {} batches {first}-{last}",
                context.label, work.model.name
            )
        },
        plan: &|files: &[WaveFile]| {
            let settings = work.settings();
            wave_plan(&work.plan, settings, context.store, files, context.groups)
        },
        key: &|file: &WaveFile| file.batch,
        read: &read,
    };
    let outcomes = parts.run(files, stop).await?;
    Ok(outcomes.into_iter().map(failed).collect())
}

/// A part without an answer, as a fit that failed.
pub(crate) fn failed<K>((key, answer): (K, Result<FitOutcome, String>)) -> (K, FitOutcome) {
    let failed = |reason| FitOutcome::Failed { reason, rows: 0 };
    (key, answer.unwrap_or_else(failed))
}

/// What is answered together by one Ballista job, and could be by several: batches, windows.
pub(crate) struct Parts<'a, T, K, A> {
    pub(crate) context: &'a WaveContext<'a>,
    pub(crate) pace: &'a Pace,
    /// Names the Ballista job over some of them.
    pub(crate) name: &'a (dyn Fn(&[T]) -> String + Sync),
    /// Its plan.
    pub(crate) plan: &'a (dyn Fn(&[T]) -> Result<Arc<dyn ExecutionPlan>, WaveError> + Sync),
    /// By what the result of one is found.
    pub(crate) key: &'a (dyn Fn(&T) -> K + Sync),
    pub(crate) read: &'a (dyn Fn(&[RecordBatch]) -> Result<BTreeMap<K, A>, WaveError> + Sync),
}

impl<T, K: Ord, A> Parts<'_, T, K, A> {
    /// Runs all. The result has an answer for each, or why there is none: `where` left it empty, or its rows make an
    /// expression fail.
    pub(crate) async fn run(
        &self,
        all: Vec<T>,
        stop: &CancellationToken,
    ) -> Result<BTreeMap<K, Result<A, String>>, Error> {
        let mut outcomes = BTreeMap::new();
        let mut parts = vec![all];
        while let Some(mut part) = parts.pop() {
            if part.is_empty() {
                continue;
            }
            let name = (self.name)(&part);
            let began = Instant::now();
            let attempts = Attempts::new(self.context.cluster, &name, self.pace.limit());
            match attempts.run(|| (self.plan)(&part), stop).await {
                Ok(rows) => {
                    self.pace.took(began.elapsed());
                    let mut found = (self.read)(&rows)?;
                    for one in part {
                        let key = (self.key)(&one);
                        let answer = found.remove(&key).ok_or_else(|| NO_ROWS.to_owned());
                        outcomes.insert(key, answer);
                    }
                }
                // Some row of some of them made the job fail, and Ballista does not say which: halve until it is alone.
                Err(error) if part.len() > 1 && a_smaller_one_may_succeed(&error) => {
                    let second = part.split_off(part.len() / 2);
                    parts.push(second);
                    parts.push(part);
                }
                Err(Error::Cluster(ClusterError::Failed { ref message, .. }))
                    if is_about_data(message) =>
                {
                    for one in part {
                        outcomes.insert((self.key)(&one), Err(reason(message)));
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Ok(outcomes)
    }
}

/// What is said where there is nothing to fit.
pub(crate) const NO_ROWS: &str = "no row is left by `where`";

fn a_smaller_one_may_succeed(error: &Error) -> bool {
    match error {
        Error::Cluster(ClusterError::Failed { message, .. }) => is_about_data(message),
        Error::Cluster(ClusterError::TooLarge { .. }) => true,
        _ => false,
    }
}

fn read(rows: &[RecordBatch]) -> Result<BTreeMap<u64, FitOutcome>, WaveError> {
    let mut outcomes = BTreeMap::new();
    for rows in rows {
        let column = |name: &str| {
            rows.column_by_name(name).ok_or_else(|| WaveError::Layout {
                column: name.to_owned(),
            })
        };
        let numbers = column(BATCH_COLUMN)?;
        let numbers =
            numbers
                .as_primitive_opt::<UInt64Type>()
                .ok_or_else(|| WaveError::Layout {
                    column: BATCH_COLUMN.to_owned(),
                })?;
        let results = column(OUTCOME_COLUMN)?;
        for (index, number) in numbers.values().iter().enumerate() {
            outcomes.insert(*number, FitOutcome::read(results.as_ref(), index)?);
        }
    }
    Ok(outcomes)
}

/// Whether a failed job failed on what its files hold, rather than on the cluster. Ballista hands errors on as text;
/// these are the words that DataFusion, Arrow and Parquet put before theirs.
pub(crate) fn is_about_data(message: &str) -> bool {
    [
        "ArrowError",
        "Arrow error",
        "ParquetError",
        "Parquet error",
        "Execution error",
        "DivideByZero",
    ]
    .iter()
    .any(|word| message.contains(word))
}

/// What a user can act on in a failed job's message. Ballista hands an error on in Rust's debug form, several wrappers
/// deep: the innermost text stands in quotes, a division by zero has none.
pub(crate) fn reason(message: &str) -> String {
    let detail = if message.contains("DivideByZero") {
        "divide by zero"
    } else {
        message.split('"').nth(1).unwrap_or(message).trim()
    };
    let detail = detail.lines().next().unwrap_or_default();
    format!("its rows cannot be read or an expression fails on one of them: {detail}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_innermost_text_is_the_reason() {
        let wrapped = "Job failed due to stage 1 failed: Task failed due to runtime execution error: \
                       DataFusionError(ArrowError(CastError(\"Cannot cast string 'x' to value of Float64 type\"), None))";
        assert!(is_about_data(wrapped));
        assert!(
            reason(wrapped)
                .ends_with("fails on one of them: Cannot cast string 'x' to value of Float64 type")
        );
        let zero = "Task failed due to runtime execution error: DataFusionError(Shared(External(ArrowError(DivideByZero, None))))";
        assert!(is_about_data(zero));
        assert!(reason(zero).ends_with("divide by zero"));
        assert!(!is_about_data(
            "Job failed due to no executor having registered in 30 s"
        ));
    }
}
