//! The beginning of every plan: checked scan of a fixed list of batch files → `where` → projection. Each kind of plan adds its
//! own end.
//!
//! Invariant: a file lies in one group of files, and one task reads a group in order. So the rows of a batch stay together,
//! in the order in which they stand in the file.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Schema};
use datafusion::common::{ScalarValue, internal_datafusion_err};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::object_store::path::Path;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::projection::ProjectionExec;

use crate::checked::CheckedScanExec;
use crate::error::WaveError;
use crate::plan::FeaturePlan;

/// The result column that holds the batch's number, of type UInt64.
pub const BATCH_COLUMN: &str = "_batch";

/// The columns of a batch file that identify a row, together with the number of the batch. Rows stand in the order of
/// these columns.
const IDENTITY: [(&str, DataType); 2] = [
    (PARTITION_COLUMN, DataType::Int32),
    (OFFSET_COLUMN, DataType::Int64),
];

/// The column that holds a row's partition.
pub(crate) const PARTITION_COLUMN: &str = "_partition";

/// The column that holds a row's offset.
pub(crate) const OFFSET_COLUMN: &str = "_offset";

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
    /// The file as DataFusion describes it, with the values of the scan's partition columns.
    pub(crate) fn partitioned(&self, values: &[u64]) -> PartitionedFile {
        let values = values.iter().map(|n| ScalarValue::UInt64(Some(*n)));
        let mut file = PartitionedFile::new(self.path.clone(), self.size)
            .with_partition_values(values.collect());
        // The path is encoded already. `new` would encode it a second time, and no file has that name.
        if let Ok(location) = Path::parse(&self.path) {
            file.object_meta.location = location;
        }
        file
    }
}

/// Consecutive files in groups of equal number, each file with its batch's number.
pub(crate) fn cut(files: &[WaveFile], groups: usize) -> Vec<FileGroup> {
    let per_group = files.len().div_ceil(groups.max(1)).max(1);
    let group = |files: &[WaveFile]| {
        let part = |file: &WaveFile| file.partitioned(&[file.batch]);
        FileGroup::new(files.iter().map(part).collect())
    };
    files.chunks(per_group).map(group).collect()
}

/// What a scan reads in addition to the columns of the expressions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Beside {
    Nothing,
    /// Partition and offset.
    Identity,
}

/// A scan of the columns `read`. Each file carries one number for each of `carried`.
pub(crate) fn scan(
    store: &str,
    groups: Vec<FileGroup>,
    read: Vec<FieldRef>,
    carried: &[impl AsRef<str>],
) -> Result<Arc<dyn ExecutionPlan>, WaveError> {
    let carried = carried
        .iter()
        .map(|name| field(name.as_ref(), DataType::UInt64));
    let table = TableSchema::builder(Arc::new(Schema::new(read)))
        .with_table_partition_cols(carried.collect::<Vec<_>>())
        .build();
    let url = ObjectStoreUrl::parse(store)?;
    let config = FileScanConfigBuilder::new(url, Arc::new(ParquetSource::new(table)))
        .with_file_groups(groups)
        .with_preserve_order(true)
        .build();
    Ok(DataSourceExec::from_data_source(config))
}

fn field(name: &str, of: DataType) -> FieldRef {
    Arc::new(Field::new(name, of, false))
}

/// The name, or one like it that none of these columns has: DataFusion finds carried columns by name, and a stream may have a
/// column of any name.
fn unused(name: &str, columns: &[FieldRef]) -> String {
    let mut name = name.to_owned();
    while columns.iter().any(|column| *column.name() == name) {
        name.insert(0, '_');
    }
    name
}

/// A plan that is being built: the rows so far, and the columns that the projection will have.
pub(crate) struct Rows<'a> {
    plan: &'a FeaturePlan,
    input: Arc<dyn ExecutionPlan>,
    /// What the scan gives after the columns that the expressions read, with its name in the scan.
    appended: Vec<(&'static str, String)>,
    columns: Vec<(Arc<dyn PhysicalExpr>, String)>,
}

impl<'a> Rows<'a> {
    /// Scan → `where`. Each file carries one number for each of `values`.
    pub(crate) fn scan(
        plan: &'a FeaturePlan,
        store: &str,
        groups: Vec<FileGroup>,
        beside: Beside,
        values: &[&'static str],
    ) -> Result<Self, WaveError> {
        let identity = match beside {
            Beside::Nothing => &[][..],
            Beside::Identity => &IDENTITY,
        };
        let read = plan.schema().fields().iter().cloned();
        let read = read.chain(identity.iter().map(|(name, of)| field(name, of.clone())));
        let read: Vec<FieldRef> = read.collect();
        let carried: Vec<String> = values.iter().map(|name| unused(name, &read)).collect();
        let scan = scan(store, groups, read, &carried)?;
        let rows = Self {
            plan,
            input: Arc::new(CheckedScanExec::new(scan)),
            appended: identity
                .iter()
                .map(|(name, _)| (*name, (*name).to_owned()))
                .chain(values.iter().copied().zip(carried))
                .collect(),
            columns: Vec::new(),
        };
        match &plan.condition {
            None => Ok(rows),
            Some(condition) => rows.filter(Arc::clone(condition)),
        }
    }

    /// The rows so far.
    pub(crate) fn input(&self) -> &Arc<dyn ExecutionPlan> {
        &self.input
    }

    /// Keeps only rows that meet the condition.
    pub(crate) fn filter(mut self, condition: Arc<dyn PhysicalExpr>) -> Result<Self, WaveError> {
        self.input = Arc::new(FilterExec::try_new(condition, self.input)?);
        Ok(self)
    }

    /// Adds a column to the result.
    pub(crate) fn with(mut self, name: &str, expression: Arc<dyn PhysicalExpr>) -> Self {
        self.columns.push((expression, name.to_owned()));
        self
    }

    /// Adds a column to the result: one that the scan reads in addition to those of the expressions.
    pub(crate) fn with_appended(self, name: &'static str) -> Result<Self, WaveError> {
        let mut appended = self.appended.iter().enumerate();
        let found = appended.find(|(_, (appended, _))| *appended == name);
        let (place, (_, in_scan)) =
            found.ok_or_else(|| internal_datafusion_err!("the scan does not give {name}"))?;
        let column = Column::new(in_scan, self.plan.schema().fields().len() + place);
        Ok(self.with(name, Arc::new(column)))
    }

    /// Adds the features to the result, and the weight if there is one.
    pub(crate) fn with_features(mut self) -> Self {
        let numbers = self.plan.features.iter().chain(&self.plan.weight);
        // Columns are named by position, because two features, or a feature and the batch, may have the same name.
        let named = numbers
            .enumerate()
            .map(|(index, number)| (Arc::clone(&number.expression), format!("f{index}")));
        self.columns.extend(named);
        self
    }

    /// The projection to all added columns.
    pub(crate) fn project(self) -> Result<Arc<dyn ExecutionPlan>, WaveError> {
        Ok(Arc::new(ProjectionExec::try_new(self.columns, self.input)?))
    }
}
