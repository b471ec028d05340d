//! Counts the windows: the keys of all rows, how many rows each key has, and in which batches.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::datatypes::{Int64Type, UInt64Type};
use datafusion::common::internal_datafusion_err;
use datafusion::functions_aggregate::count::count_udaf;
use datafusion::functions_aggregate::min_max::{max_udaf, min_udaf};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::aggregate::AggregateExprBuilder;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateMode, PhysicalGroupBy};

use crate::error::WaveError;
use crate::plan::FeaturePlan;
use crate::rows::{BATCH_COLUMN, Beside, Rows, WaveFile, cut};
use crate::window::WINDOW_COLUMN;

const ROWS: &str = "rows";
const FIRST: &str = "first";
const LAST: &str = "last";

/// The rows of one window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowRows {
    /// How many rows there are, after `where`.
    pub rows: u64,
    /// The oldest batch with such a row.
    pub first: u64,
    /// The newest batch with such a row.
    pub last: u64,
}

/// Scan of `files` → filter → key and batch → count by key, as one stage without a shuffle. Each group of files gives
/// one row per key. [`read_census`] adds these rows up.
///
/// # Errors
/// [`WaveError::Plan`] when `plan` has no key, or DataFusion refuses the plan.
pub fn census_plan(
    plan: &FeaturePlan,
    store: &str,
    files: &[WaveFile],
    groups: usize,
) -> Result<Arc<dyn ExecutionPlan>, WaveError> {
    let none = || internal_datafusion_err!("a census of rows without a key");
    let key = plan.key.clone().ok_or_else(none)?;
    let groups = cut(files, groups);
    let projected = Rows::scan(plan, store, groups, Beside::Nothing, &[BATCH_COLUMN])?
        .with(WINDOW_COLUMN, key)
        .with_appended(BATCH_COLUMN)?
        .project()?;

    let schema = projected.schema();
    let of_batch = || vec![Arc::new(Column::new(BATCH_COLUMN, 1)) as Arc<dyn PhysicalExpr>];
    let functions = [
        (count_udaf(), ROWS),
        (min_udaf(), FIRST),
        (max_udaf(), LAST),
    ];
    let functions = functions
        .into_iter()
        .map(|(function, name)| {
            AggregateExprBuilder::new(function, of_batch())
                .schema(Arc::clone(&schema))
                .alias(name)
                .build()
                .map(Arc::new)
        })
        .collect::<Result<Vec<_>, _>>()?;
    let key = Arc::new(Column::new(WINDOW_COLUMN, 0)) as Arc<dyn PhysicalExpr>;
    let by = PhysicalGroupBy::new_single(vec![(key, WINDOW_COLUMN.to_owned())]);
    let filters = vec![None; functions.len()];
    let mode = AggregateMode::SinglePartitioned;
    let counted = AggregateExec::try_new(mode, by, functions, filters, projected, schema)?;
    Ok(Arc::new(counted))
}

/// The result of [`census_plan`], by key. Rows without a key are under `None`.
///
/// # Errors
/// [`WaveError::Layout`] when it is not such a result.
pub fn read_census(
    result: &[RecordBatch],
) -> Result<BTreeMap<Option<String>, WindowRows>, WaveError> {
    let layout = |column: &str| WaveError::Layout {
        column: column.to_owned(),
    };
    let mut census: BTreeMap<Option<String>, WindowRows> = BTreeMap::new();
    for result in result {
        let column = |name: &str| result.column_by_name(name).ok_or_else(|| layout(name));
        let batches = |name: &str| {
            let column = column(name)?.as_primitive_opt::<UInt64Type>();
            column.ok_or_else(|| layout(name))
        };
        let (firsts, lasts) = (batches(FIRST)?, batches(LAST)?);
        let counts = column(ROWS)?.as_primitive_opt::<Int64Type>();
        let counts = counts.ok_or_else(|| layout(ROWS))?;
        let keys = column(WINDOW_COLUMN)?.as_string_opt::<i32>();
        let keys = keys.ok_or_else(|| layout(WINDOW_COLUMN))?;
        for index in 0..keys.len() {
            let key = keys.is_valid(index).then(|| keys.value(index).to_owned());
            let part = WindowRows {
                rows: counts.value(index).unsigned_abs(),
                first: firsts.value(index),
                last: lasts.value(index),
            };
            let all = census.entry(key).or_insert(WindowRows { rows: 0, ..part });
            all.rows += part.rows;
            all.first = all.first.min(part.first);
            all.last = all.last.max(part.last);
        }
    }
    Ok(census)
}
