//! The scan of a fixed list of batch files, which waves and passes begin with.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::physical_plan::ExecutionPlan;

use crate::error::WaveError;

/// Columns of every batch file that, with the batch's number, make a row's identity; rows stand in this order.
pub(crate) const IDENTITY: [(&str, DataType); 2] = [
    ("_partition", DataType::Int32),
    ("_offset", DataType::Int64),
];

/// `schema` with [`IDENTITY`] after it.
pub(crate) fn with_identity(schema: &SchemaRef) -> SchemaRef {
    let identity = IDENTITY.map(|(name, of)| Arc::new(Field::new(name, of, false)));
    let fields = schema.fields().iter().cloned().chain(identity);
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// Reads the columns of `schema`, matched by name, then `values`, which each file carries as its partition values.
pub(crate) fn scan(
    schema: &SchemaRef,
    values: Vec<FieldRef>,
    store: &str,
    groups: Vec<FileGroup>,
) -> Result<Arc<dyn ExecutionPlan>, WaveError> {
    let table = TableSchema::builder(Arc::clone(schema))
        .with_table_partition_cols(values)
        .build();
    let url = ObjectStoreUrl::parse(store)?;
    let config = FileScanConfigBuilder::new(url, Arc::new(ParquetSource::new(table)))
        .with_file_groups(groups)
        .with_preserve_order(true)
        .build();
    Ok(DataSourceExec::from_data_source(config))
}
