//! The points of many batches, not fitted. A chain needs them, because it fits one batch after another.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, RecordBatch};
use datafusion::arrow::datatypes::{DataType, UInt64Type};
use datafusion::physical_plan::ExecutionPlan;

use crate::error::WaveError;
use crate::fit::append;
use crate::plan::FeaturePlan;
use crate::rows::{BATCH_COLUMN, Beside, Rows, WaveFile, cut};

/// Scan of `files` → filter → batch and features, as one stage without a shuffle. The rows of a batch come in their order.
///
/// # Errors
/// [`WaveError::Plan`] when DataFusion refuses the plan.
pub fn points_plan(
    plan: &FeaturePlan,
    store: &str,
    files: &[WaveFile],
    groups: usize,
) -> Result<Arc<dyn ExecutionPlan>, WaveError> {
    Rows::scan(
        plan,
        store,
        cut(files, groups),
        Beside::Nothing,
        &[BATCH_COLUMN],
    )?
    .with_appended(BATCH_COLUMN)?
    .with_features()
    .project()
}

/// The result of [`points_plan`], by batch, in the form that [`crate::fit_points`] takes. A batch whose rows are all
/// filtered out is missing.
///
/// # Errors
/// [`WaveError::Layout`] when it is not such a result.
pub fn read_points(result: &[RecordBatch]) -> Result<BTreeMap<u64, Vec<f64>>, WaveError> {
    let layout = |column: &str| WaveError::Layout {
        column: column.to_owned(),
    };
    let mut points: BTreeMap<u64, Vec<f64>> = BTreeMap::new();
    for result in result {
        let Some((numbers, features)) = result.columns().split_first() else {
            return Err(layout(BATCH_COLUMN));
        };
        let numbers = numbers.as_primitive_opt::<UInt64Type>();
        let numbers = numbers.ok_or_else(|| layout(BATCH_COLUMN))?.values();
        if features.iter().any(|f| f.data_type() != &DataType::Float64) {
            return Err(layout("features"));
        }
        let mut first = 0;
        for run in numbers.chunk_by(|a, b| a == b) {
            let of_batch: Vec<ArrayRef> =
                features.iter().map(|f| f.slice(first, run.len())).collect();
            append(points.entry(run[0]).or_default(), &of_batch);
            first += run.len();
        }
    }
    Ok(points)
}
