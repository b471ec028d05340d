//! Halving: jobs that answer for several parts together are cut in half when they fail on their data or are too large.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use datafusion::physical_plan::ExecutionPlan;
use gugus_features::WaveError;

use crate::error::SubmitError;
use crate::jobs::Jobs;
use crate::pace::Pace;

/// Makes the plan over some parts.
type Planner<'a, T> = dyn Fn(&[T]) -> Result<Arc<dyn ExecutionPlan>, WaveError> + Sync + 'a;

/// Reads what a job answered.
type Reader<'a, K, A> = dyn Fn(&[RecordBatch]) -> Result<BTreeMap<K, A>, WaveError> + Sync + 'a;

/// Parts that one job answers for together, and several jobs could: batches, windows.
pub struct Parts<'a, T, K, A> {
    /// Names the job over some of them.
    pub name: &'a (dyn Fn(&[T]) -> String + Sync),
    /// Makes the plan over some of them.
    pub plan: &'a Planner<'a, T>,
    /// By what the answer for one is found.
    pub key: &'a (dyn Fn(&T) -> K + Sync),
    /// Reads the answers for some of them.
    pub read: &'a Reader<'a, K, A>,
    /// What is said of a part that a job gives no answer for.
    pub missing: &'a str,
}

impl Jobs<'_> {
    /// Runs all parts in as few jobs as go. The result has an answer for each part, or why there is none: no row of it is
    /// left, or its rows make an expression fail.
    ///
    /// # Errors
    /// [`SubmitError`], where no part is to blame.
    pub async fn run_parts<T, K: Ord, A>(
        &self,
        parts: &Parts<'_, T, K, A>,
        pace: &Pace,
        all: Vec<T>,
    ) -> Result<BTreeMap<K, Result<A, String>>, SubmitError> {
        let mut answers = BTreeMap::new();
        let mut left = vec![all];
        while let Some(mut some) = left.pop() {
            if some.is_empty() {
                continue;
            }
            let plan = (parts.plan)(&some)?;
            match self.run(&(parts.name)(&some), pace, plan).await {
                Ok(rows) => {
                    let mut found = (parts.read)(&rows)?;
                    for one in some {
                        let key = (parts.key)(&one);
                        let answer = found.remove(&key).ok_or_else(|| parts.missing.to_owned());
                        answers.insert(key, answer);
                    }
                }
                // Some row of some of them made the job fail, and nobody says which: halve until it is alone.
                Err(error) if some.len() > 1 && error.is_for_fewer() => {
                    let second = some.split_off(some.len() / 2);
                    left.push(second);
                    left.push(some);
                }
                Err(SubmitError::Data { reason }) => {
                    let failed = some
                        .iter()
                        .map(|one| ((parts.key)(one), Err(reason.clone())));
                    answers.extend(failed);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(answers)
    }
}
