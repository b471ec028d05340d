//! What our nodes need to find in a plan: an only child, and a scan of Parquet files.

use std::sync::Arc;

use datafusion::common::{Result, internal_err};
use datafusion::datasource::physical_plan::{FileScanConfig, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::physical_plan::ExecutionPlan;

/// The one element of `children`, which are plans or expressions below `name`.
pub(crate) fn only_child<'a, Child>(name: &str, children: &'a [Child]) -> Result<&'a Child> {
    match children {
        [child] => Ok(child),
        _ => internal_err!("{name} has one child, not {}", children.len()),
    }
}

/// The node as a scan of Parquet files, if it is one.
pub(crate) fn parquet_scan(
    node: &Arc<dyn ExecutionPlan>,
) -> Option<(&FileScanConfig, &ParquetSource)> {
    node.downcast_ref::<DataSourceExec>()?
        .downcast_to_file_source::<ParquetSource>()
}
