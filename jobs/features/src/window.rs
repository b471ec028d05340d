//! The physical plan that fits one model a window: a month, a district, the last hundred batches.
//!
//! Rows of a window lie in many files, so here is a shuffle: rows go to partitions by the hash of their key, and are put in
//! the order of (batch, partition, offset) there. So the rows of a window reach one accumulator in the order in which they
//! were committed, whatever the executors did, and a window's model is the one that Spark fits on the same rows in that
//! order.

use std::sync::Arc;

use datafusion::arrow::compute::SortOptions;
use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::common::{ScalarValue, internal_datafusion_err};
use datafusion::physical_expr::expressions::{Column, Literal, in_list};
use datafusion::physical_expr::{LexOrdering, PhysicalExpr, PhysicalSortExpr};
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::repartition::RepartitionExec;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::{ExecutionPlan, Partitioning};

use crate::error::WaveError;
use crate::plan::FeaturePlan;
use crate::scan::{IDENTITY, scan, with_identity};
use crate::settings::FitSettings;
use crate::wave::{BATCH_COLUMN, WaveFile, cut, fit_by};

/// The result column that holds the window's key, of type Utf8.
pub const WINDOW_COLUMN: &str = "_window";

/// Scan of `files` → filter → the rows whose key is one of `keys` → key, features and identity → shuffle by key → sort →
/// [`crate::ModelFit`] by key. Where `plan` has no key, all rows are in one window, the first of `keys`.
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
    let batch = Arc::new(Field::new(BATCH_COLUMN, DataType::UInt64, false));
    let schema = with_identity(plan.schema());
    let scan = scan(&schema, vec![batch], store, cut(files, groups))?;
    let read = scan.schema();
    let filtered: Arc<dyn ExecutionPlan> = match &plan.condition {
        None => scan,
        Some(condition) => Arc::new(FilterExec::try_new(Arc::clone(condition), scan)?),
    };
    let text = |key: &String| Arc::new(Literal::new(ScalarValue::from(key.as_str()))) as _;
    // Features come after the filter: what an expression makes of rows of other windows does not matter.
    let (key, of_windows): (Arc<dyn PhysicalExpr>, _) = match &plan.key {
        Some(key) => {
            let among = keys.iter().map(text).collect();
            let among = in_list(Arc::clone(key), among, &false, &read)?;
            let filter = FilterExec::try_new(among, filtered)?;
            (Arc::clone(key), Arc::new(filter) as Arc<dyn ExecutionPlan>)
        }
        None => {
            let none = || internal_datafusion_err!("a window without a key");
            (keys.first().map(text).ok_or_else(none)?, filtered)
        }
    };

    let numbers = plan.features.iter().chain(&plan.weight).enumerate();
    let numbers = numbers.map(|(index, n)| (Arc::clone(&n.expression), format!("f{index}")));
    // The scan gives what the plan reads, then partition and offset, then the file's own batch number.
    let read = plan.schema().fields().len();
    let places = [(BATCH_COLUMN, 2), (IDENTITY[0].0, 0), (IDENTITY[1].0, 1)];
    let identity = places.map(|(name, place)| {
        let column = Column::new(name, read + place);
        (Arc::new(column) as Arc<dyn PhysicalExpr>, name.to_owned())
    });
    let columns = std::iter::once((key, WINDOW_COLUMN.to_owned()))
        .chain(numbers)
        .chain(identity);
    let projected = Arc::new(ProjectionExec::try_new(
        columns.collect::<Vec<_>>(),
        of_windows,
    )?);

    let by_key = vec![Arc::new(Column::new(WINDOW_COLUMN, 0)) as Arc<dyn PhysicalExpr>];
    let spread = Partitioning::Hash(by_key, groups.max(1));
    let shuffled = Arc::new(RepartitionExec::try_new(projected, spread)?);
    let first = 1 + settings.width();
    let order = places.iter().enumerate().map(|(index, (name, _))| {
        let column = Arc::new(Column::new(name, first + index));
        PhysicalSortExpr::new(column, SortOptions::default())
    });
    let none = || internal_datafusion_err!("an order of no columns");
    let order = LexOrdering::new(order).ok_or_else(none)?;
    let sorted = SortExec::new(order, shuffled).with_preserve_partitioning(true);
    fit_by(Arc::new(sorted), WINDOW_COLUMN, settings)
}
