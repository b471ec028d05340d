//! The physical plan that fits many batches in one stage.
//!
//! Invariant: a batch is one file, a file lies in one group of files, a group is read by one task in order. So the rows
//! of a batch reach one accumulator, in the order in which they stand in the file.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, SchemaRef};
use datafusion::common::ScalarValue;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::AggregateUDF;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::aggregate::AggregateExprBuilder;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateMode, PhysicalGroupBy};
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::projection::ProjectionExec;

use crate::error::WaveError;
use crate::fit::KMeansFit;
use crate::plan::FeaturePlan;
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
    /// The file's path in its object store, without a leading slash.
    pub path: String,
    /// The file's length in bytes.
    pub size: u64,
}

/// Scan of `files` → filter → features → [`KMeansFit`] by batch, as one stage without a shuffle. `groups` is how many
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
    let scan = scan(plan.schema(), store, files, groups)?;
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
    let projected = Arc::new(ProjectionExec::try_new(columns, filtered)?);

    let schema = projected.schema();
    let arguments = (1..schema.fields().len())
        .map(|index| {
            Arc::new(Column::new(schema.field(index).name(), index)) as Arc<dyn PhysicalExpr>
        })
        .collect();
    let function = Arc::new(AggregateUDF::from(KMeansFit::new(settings)));
    let fit = AggregateExprBuilder::new(function, arguments)
        .schema(Arc::clone(&schema))
        .alias(OUTCOME_COLUMN)
        .build()?;
    let by_batch = PhysicalGroupBy::new_single(vec![(
        Arc::new(Column::new(BATCH_COLUMN, 0)) as Arc<dyn PhysicalExpr>,
        BATCH_COLUMN.to_owned(),
    )]);
    let fitted = AggregateExec::try_new(
        AggregateMode::SinglePartitioned,
        by_batch,
        vec![Arc::new(fit)],
        vec![None],
        projected,
        schema,
    )?;
    Ok(Arc::new(fitted))
}

fn scan(
    schema: &SchemaRef,
    store: &str,
    files: &[WaveFile],
    groups: usize,
) -> Result<Arc<dyn ExecutionPlan>, WaveError> {
    let batch = Arc::new(Field::new(BATCH_COLUMN, DataType::UInt64, false));
    let table = TableSchema::builder(Arc::clone(schema))
        .with_table_partition_cols(vec![batch])
        .build();
    let per_group = files.len().div_ceil(groups.max(1)).max(1);
    let groups = files
        .chunks(per_group)
        .map(|chunk| {
            FileGroup::new(
                chunk
                    .iter()
                    .map(|file| {
                        PartitionedFile::new(file.path.clone(), file.size)
                            .with_partition_values(vec![ScalarValue::UInt64(Some(file.batch))])
                    })
                    .collect(),
            )
        })
        .collect();
    let url = ObjectStoreUrl::parse(store)?;
    let source = Arc::new(ParquetSource::new(table));
    let config = FileScanConfigBuilder::new(url, source)
        .with_file_groups(groups)
        .with_preserve_order(true)
        .build();
    Ok(DataSourceExec::from_data_source(config))
}
