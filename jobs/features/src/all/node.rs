//! The plan node that computes one pass over the files of its task.
//!
//! Invariant: each file is read by a plan of its own, made for that file from the plan that the pass carries. So the result
//! of a task depends only on its files, and not on how Ballista cut the tasks. It also keeps the metrics of a thousand
//! scans from being sent.

use std::fmt;
use std::sync::Arc;

use datafusion::arrow::array::{BinaryArray, RecordBatch};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Result, internal_datafusion_err, internal_err};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{
    Boundedness, EmissionType, ReplaceChildrenOptions,
};
use datafusion::physical_plan::metrics::{ExecutionPlanMetricsSet, MetricBuilder, MetricsSet};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, Partitioning,
    PlanProperties,
};
use gugus_kmeans::Stop;
use gugus_kmeans_all::{Partial, PointRows};

use super::load::{FilePass, Source};
use super::pass::Pass;
use crate::checked::{Buffers, CheckedScanExec};
use crate::error::external;
use crate::tree::{only_child, parquet_scan};

/// The one column of the result, of type Binary: an encoded [`Partial`].
pub const PARTIAL_COLUMN: &str = "partial";

/// Computes one step on every file of each partition, and gives one row per partition.
#[derive(Debug)]
pub struct AllPassExec {
    files: Arc<dyn ExecutionPlan>,
    pass: Arc<Pass>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
    stop: Stop,
}

impl AllPassExec {
    /// The name of the node in plans. The scheduler's placement of tasks recognises the node by it.
    pub const NAME: &str = "AllPassExec";

    /// A pass over the files of a scan of Parquet files.
    #[must_use]
    pub fn new(files: Arc<dyn ExecutionPlan>, pass: Arc<Pass>) -> Self {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(result_schema()),
            Partitioning::UnknownPartitioning(files.output_partitioning().partition_count()),
            EmissionType::Final,
            Boundedness::Bounded,
        );
        Self {
            files,
            pass,
            properties: Arc::new(properties),
            metrics: ExecutionPlanMetricsSet::new(),
            stop: Stop::default(),
        }
    }

    /// The same pass, which ends after the signal of `stop`.
    pub(crate) fn until(&self, stop: &Stop) -> Self {
        Self {
            files: Arc::clone(&self.files),
            pass: Arc::clone(&self.pass),
            properties: Arc::clone(&self.properties),
            metrics: ExecutionPlanMetricsSet::new(),
            stop: stop.clone(),
        }
    }

    /// What is computed.
    #[must_use]
    pub fn pass(&self) -> &Pass {
        &self.pass
    }
}

impl DisplayAs for AllPassExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: step={}", Self::NAME, self.pass.step.name())
    }
}

impl ExecutionPlan for AllPassExec {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.files]
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![false]
    }

    /// Each task has its own files. So no rows may be spread or gathered below this node.
    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    /// Properties are computed anew each time, because Ballista gives each task a child with fewer groups of files.
    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let child = Arc::clone(only_child(Self::NAME, &children)?);
        let stop = self.stop.clone();
        let pass = Self::new(child, Arc::clone(&self.pass));
        Ok(Arc::new(Self { stop, ..pass }))
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        use datafusion::physical_plan::execution_plan::ChildrenPropertiesMode::Recompute;
        self.replace_children(children, ReplaceChildrenOptions::new(Recompute))
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let Some((config, _)) = parquet_scan(&self.files) else {
            return internal_err!("no scan of Parquet files below {}", Self::NAME);
        };
        let Some(group) = config.file_groups.get(partition) else {
            return internal_err!("the scan has no partition {partition}");
        };
        let (files, store) = (group.clone(), config.object_store_url.as_str().to_owned());
        let cached = MetricBuilder::new(&self.metrics).counter("files_cached", partition);
        let read = MetricBuilder::new(&self.metrics).counter("files_read", partition);
        let (pass, stop) = (Arc::clone(&self.pass), self.stop.clone());
        let work = async move {
            let mut all = Partial::empty(&pass.step, pass.points.dimensions);
            let mut rows: Option<Arc<dyn ExecutionPlan>> = None;
            let buffers = Arc::default();
            let mut spare = PointRows::default();
            let mut plan = |file: PartitionedFile| {
                let rows = match &mut rows {
                    Some(rows) => rows,
                    none => none.insert(pass.rows.decode(&context)?),
                };
                alone(rows, file, &buffers, &stop)
            };
            for file in files.files().iter().cloned() {
                let work = FilePass::new(&pass, &store, file, &context, &stop);
                let (partial, source) = work.compute(&mut plan, &mut spare).await?;
                match source {
                    Source::Cache => cached.add(1),
                    Source::File => read.add(1),
                }
                all.merge(partial).map_err(external)?;
            }
            let bytes = all.encode();
            let column = BinaryArray::from_vec(vec![&bytes]);
            Ok(RecordBatch::try_new(
                result_schema(),
                vec![Arc::new(column)],
            )?)
        };
        Ok(Box::pin(RecordBatchStreamAdapter::new(
            result_schema(),
            futures::stream::once(work),
        )))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }
}

fn result_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![Field::new(
        PARTIAL_COLUMN,
        DataType::Binary,
        false,
    )]))
}

/// A copy of `plan` that reads only `file`, as partition 0, with metrics of its own, into memory that `buffers` lend. It ends after the
/// signal of `stop`.
fn alone(
    plan: &Arc<dyn ExecutionPlan>,
    file: PartitionedFile,
    buffers: &Arc<Buffers>,
    stop: &Stop,
) -> Result<Arc<dyn ExecutionPlan>> {
    let mut file = Some(file);
    let rewritten = Arc::clone(plan).transform_up(|node| {
        if let Some(checked) = node.downcast_ref::<CheckedScanExec>() {
            let checked = checked.until(stop).with_buffers(buffers);
            return Ok(Transformed::yes(Arc::new(checked) as _));
        }
        let Some((config, old)) = parquet_scan(&node) else {
            return Ok(Transformed::no(node));
        };
        let Some(file) = file.take() else {
            return internal_err!("two scans below {}", AllPassExec::NAME);
        };
        let fresh = ParquetSource::new(config.file_source().table_schema().clone())
            .with_table_parquet_options(old.table_parquet_options().clone());
        // A new source reads every column, so it takes over the projection of the old one.
        let source = match config.file_source().projection() {
            None => Arc::new(fresh) as _,
            Some(projection) => {
                use datafusion::datasource::physical_plan::FileSource;
                let refused = || internal_datafusion_err!("a Parquet scan took no projection");
                fresh
                    .try_pushdown_projection(projection)?
                    .ok_or_else(refused)?
            }
        };
        let config = FileScanConfigBuilder::from(config.clone())
            .with_source(source)
            .with_file_groups(vec![FileGroup::new(vec![file])])
            .build();
        Ok(Transformed::yes(
            DataSourceExec::from_data_source(config) as _
        ))
    })?;
    Ok(rewritten.data)
}
