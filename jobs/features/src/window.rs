//! The physical plan that fits one model per window: a month, a district, the last hundred batches.
//!
//! The rows of a window lie in many files, so this plan has a shuffle. It sends rows to partitions by the hash of their
//! key and sorts them there by (batch, partition, offset). So the rows of a window reach one accumulator in the order
//! in which they were committed, whatever the executors do. Spark fits the same model on the same rows in that order.

use std::sync::Arc;

use datafusion::arrow::compute::SortOptions;
use datafusion::common::{ScalarValue, internal_datafusion_err};
use datafusion::physical_expr::expressions::{Column, Literal, in_list};
use datafusion::physical_expr::{LexOrdering, PhysicalExpr, PhysicalSortExpr};
use datafusion::physical_plan::repartition::RepartitionExec;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::{ExecutionPlan, Partitioning};

use crate::error::WaveError;
use crate::plan::FeaturePlan;
use crate::rows::{BATCH_COLUMN, Beside, OFFSET_COLUMN, PARTITION_COLUMN, Rows, WaveFile, cut};
use crate::settings::FitSettings;
use crate::wave::fit_by;

/// The result column that holds the window's key, of type Utf8.
pub const WINDOW_COLUMN: &str = "_window";

/// The order in which the rows of a window are fitted: as they were committed.
const ORDER: [&str; 3] = [BATCH_COLUMN, PARTITION_COLUMN, OFFSET_COLUMN];

/// Scan of `files` → filter → the rows whose key is one of `keys` → key, features and identity → shuffle by key → sort →
/// [`crate::ModelFit`] by key. If `plan` has no key, all rows are in one window, the first of `keys`.
///
/// # Errors
/// [`WaveError::Plan`] when DataFusion refuses the plan.
pub fn window_plan(
    plan: &FeaturePlan,
    settings: FitSettings,
    keys: &[String],
    store: &str,
    files: &[WaveFile],
    groups: usize,
) -> Result<Arc<dyn ExecutionPlan>, WaveError> {
    let groups_of_files = cut(files, groups);
    let rows = Rows::scan(
        plan,
        store,
        groups_of_files,
        Beside::Identity,
        &[BATCH_COLUMN],
    )?;
    let text = |key: &String| Arc::new(Literal::new(ScalarValue::from(key.as_str()))) as _;
    // Features come after the filter, so that an expression cannot fail on a row of another window.
    let (key, rows): (Arc<dyn PhysicalExpr>, _) = match &plan.key {
        Some(key) => {
            let among = keys.iter().map(text).collect();
            let among = in_list(Arc::clone(key), among, &false, &rows.input().schema())?;
            (Arc::clone(key), rows.filter(among)?)
        }
        None => {
            let none = || internal_datafusion_err!("a window without a key");
            (keys.first().map(text).ok_or_else(none)?, rows)
        }
    };
    let mut rows = rows.with(WINDOW_COLUMN, key).with_features();
    for name in ORDER {
        rows = rows.with_appended(name)?;
    }
    let projected = rows.project()?;

    let by_key = vec![Arc::new(Column::new(WINDOW_COLUMN, 0)) as Arc<dyn PhysicalExpr>];
    let spread = Partitioning::Hash(by_key, groups.max(1));
    let shuffled = Arc::new(RepartitionExec::try_new(projected, spread)?);
    let first = 1 + settings.width();
    let order = ORDER.iter().enumerate().map(|(index, name)| {
        let column = Arc::new(Column::new(name, first + index));
        PhysicalSortExpr::new(column, SortOptions::default())
    });
    let none = || internal_datafusion_err!("an order of no columns");
    let order = LexOrdering::new(order).ok_or_else(none)?;
    let sorted = SortExec::new(order, shuffled).with_preserve_partitioning(true);
    fit_by(Arc::new(sorted), WINDOW_COLUMN, settings)
}
