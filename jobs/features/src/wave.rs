//! The physical plan that fits many batches in one stage.
//!
//! Invariant: a batch is one file, a file lies in one group of files, a group is read by one task in order. So the rows
//! of a batch reach one accumulator, in the order in which they stand in the file.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::common::ScalarValue;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::FileGroup;
use datafusion::logical_expr::AggregateUDF;
use datafusion::object_store::path::Path;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::aggregate::AggregateExprBuilder;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateMode, PhysicalGroupBy};
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::projection::ProjectionExec;

use crate::error::WaveError;
use crate::fit::ModelFit;
use crate::plan::FeaturePlan;
use crate::scan::scan;
use crate::settings::FitSettings;

/// The result column that holds the batch's number, of type UInt64.
pub const BATCH_COLUMN: &str = "_batch";

/// The result column that holds the [`crate::FitOutcome`].
pub const OUTCOME_COLUMN: &str = "outcome";

/// One batch to fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaveFile {
    /// The batch's number.
    pub batch: u64,
    /// The file's path in its object store, encoded as object stores do it, without a leading slash.
    pub path: String,
    /// The file's length in bytes.
    pub size: u64,
}

impl WaveFile {
    /// The file as DataFusion has it, with the values of the scan's partition columns.
    pub(crate) fn partitioned(&self, values: Vec<ScalarValue>) -> PartitionedFile {
        let mut file =
            PartitionedFile::new(self.path.clone(), self.size).with_partition_values(values);
        // The path is encoded already; what `new` encodes once more is found nowhere.
        if let Ok(location) = Path::parse(&self.path) {
            file.object_meta.location = location;
        }
        file
    }
}

/// Scan of `files` → filter → features → [`ModelFit`] by batch, as one stage without a shuffle. `groups` is how many
/// tasks may run at the same time at most; the answer does not depend on it.
///
/// A batch whose rows are all filtered out gives no result row: the caller compares with its list.
///
/// # Errors
/// [`WaveError::Plan`] when DataFusion refuses the plan.
pub fn wave_plan(
    plan: &FeaturePlan,
    settings: FitSettings,
    store: &str,
    files: &[WaveFile],
    groups: usize,
) -> Result<Arc<dyn ExecutionPlan>, WaveError> {
    let projected = features_by_batch(plan, store, files, groups)?;
    fit_by(projected, BATCH_COLUMN, settings)
}

/// Scan of `files` → filter → batch and features, the weight after them.
pub(crate) fn features_by_batch(
    plan: &FeaturePlan,
    store: &str,
    files: &[WaveFile],
    groups: usize,
) -> Result<Arc<dyn ExecutionPlan>, WaveError> {
    let batch = Arc::new(Field::new(BATCH_COLUMN, DataType::UInt64, false));
    let scan = scan(plan.schema(), vec![batch], store, cut(files, groups))?;
    let filtered: Arc<dyn ExecutionPlan> = match &plan.condition {
        None => scan,
        Some(condition) => Arc::new(FilterExec::try_new(Arc::clone(condition), scan)?),
    };

    let batch: Arc<dyn PhysicalExpr> =
        Arc::new(Column::new(BATCH_COLUMN, plan.schema().fields().len()));
    let numbers = plan.features.iter().chain(&plan.weight);
    // Features are named by position: two features, or a feature and the batch, may have the same name.
    let named = numbers
        .enumerate()
        .map(|(index, number)| (Arc::clone(&number.expression), format!("f{index}")));
    let columns: Vec<_> = std::iter::once((batch, BATCH_COLUMN.to_owned()))
        .chain(named)
        .collect();
    Ok(Arc::new(ProjectionExec::try_new(columns, filtered)?))
}

/// Fits the features of each group of rows: `input` has the group's column first, features and weight after it. All rows
/// of a group are in one partition of `input`, in the order in which they count.
pub(crate) fn fit_by(
    input: Arc<dyn ExecutionPlan>,
    group: &str,
    settings: FitSettings,
) -> Result<Arc<dyn ExecutionPlan>, WaveError> {
    let schema = input.schema();
    let arguments = (1..=settings.width())
        .map(|index| {
            Arc::new(Column::new(schema.field(index).name(), index)) as Arc<dyn PhysicalExpr>
        })
        .collect();
    let function = Arc::new(AggregateUDF::from(ModelFit::new(settings)));
    let fit = AggregateExprBuilder::new(function, arguments)
        .schema(Arc::clone(&schema))
        .alias(OUTCOME_COLUMN)
        .build()?;
    let by = PhysicalGroupBy::new_single(vec![(
        Arc::new(Column::new(group, 0)) as Arc<dyn PhysicalExpr>,
        group.to_owned(),
    )]);
    let fitted = AggregateExec::try_new(
        AggregateMode::SinglePartitioned,
        by,
        vec![Arc::new(fit)],
        vec![None],
        input,
        schema,
    )?;
    Ok(Arc::new(fitted))
}

/// Consecutive files in groups of equal number.
pub(crate) fn cut(files: &[WaveFile], groups: usize) -> Vec<FileGroup> {
    let per_group = files.len().div_ceil(groups.max(1)).max(1);
    let group = |files: &[WaveFile]| {
        let part = |file: &WaveFile| file.partitioned(vec![ScalarValue::UInt64(Some(file.batch))]);
        FileGroup::new(files.iter().map(part).collect())
    };
    files.chunks(per_group).map(group).collect()
}
