//! The plan node above each scan of batches.
//!
//! Ballista sends a plan as bytes, and leaves out the reader that its scan uses. So the plan has this node, which gives the
//! scan its reader when the plan runs.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result, internal_datafusion_err};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::FileScanConfigBuilder;
use datafusion::datasource::source::DataSourceExec;
use datafusion::execution::{RecordBatchStream, SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::execution_plan::ReplaceChildrenOptions;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties};
use futures::{Stream, StreamExt};
use gugus_error::{catch, panic_text};
use gugus_kmeans::Stop;

use super::buffers::Buffers;
use super::reader::CheckedFiles;
use crate::error::external;
use crate::tree::{only_child, parquet_scan};

/// The Parquet reader panicked over bytes of a file.
#[derive(Debug, thiserror::Error)]
#[error("{what}, while reading {files}")]
pub struct ReaderPanic {
    /// What the panic said.
    pub what: String,
    /// The file. If the task reads several files, the first and the last of them.
    pub files: String,
}

/// Runs one scan of Parquet files. It checks the bytes that the scan reads, and makes an error of a panic of the reader.
#[derive(Debug)]
pub struct CheckedScanExec {
    scan: Arc<dyn ExecutionPlan>,
    stop: Stop,
    buffers: Option<Arc<Buffers>>,
}

impl CheckedScanExec {
    /// The name of the node in plans.
    pub const NAME: &str = "CheckedScanExec";

    /// Checks what `scan` reads, which is one scan of Parquet files.
    #[must_use]
    pub fn new(scan: Arc<dyn ExecutionPlan>) -> Self {
        Self {
            scan,
            stop: Stop::default(),
            buffers: None,
        }
    }

    /// The same scan, which ends after the signal of `stop`.
    pub(crate) fn until(&self, stop: &Stop) -> Self {
        Self {
            scan: Arc::clone(&self.scan),
            stop: stop.clone(),
            buffers: self.buffers.clone(),
        }
    }

    /// The same scan, which reads into memory that `buffers` lend.
    pub(crate) fn with_buffers(self, buffers: &Arc<Buffers>) -> Self {
        let buffers = Some(Arc::clone(buffers));
        Self { buffers, ..self }
    }
}

impl DisplayAs for CheckedScanExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::NAME)
    }
}

impl ExecutionPlan for CheckedScanExec {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.scan.properties()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.scan]
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    /// The rows of a file stay together.
    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let child = Arc::clone(only_child(Self::NAME, &children)?);
        Ok(Arc::new(Self {
            scan: child,
            stop: self.stop.clone(),
            buffers: self.buffers.clone(),
        }))
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
        let none = || internal_datafusion_err!("no scan of Parquet files below {}", Self::NAME);
        let (config, source) = parquet_scan(&self.scan).ok_or_else(none)?;
        let store = context
            .runtime_env()
            .object_store(&config.object_store_url)?;
        // The copy counts into the metrics of the scan, but for bytes that are read into lent memory.
        let source = source.clone();
        let files = CheckedFiles::new(&config.object_store_url, store, self.buffers.clone());
        let source = source.with_parquet_file_reader_factory(Arc::new(files));
        let files = config.file_groups.get(partition);
        let files = named(files.map_or(&[][..], |group| group.files()));
        let config = FileScanConfigBuilder::from(config.clone())
            .with_source(Arc::new(source))
            .build();
        let rows = DataSourceExec::from_data_source(config).execute(partition, context)?;
        Ok(Box::pin(Caught {
            schema: rows.schema(),
            rows: Some(rows),
            files,
            stop: self.stop.clone(),
        }))
    }
}

/// How messages name the files of one task.
fn named(files: &[PartitionedFile]) -> String {
    let path = |file: &PartitionedFile| file.object_meta.location.to_string();
    match files {
        [] => "no file".to_owned(),
        [file] => path(file),
        [first, .., last] => format!("a file from {} to {}", path(first), path(last)),
    }
}

/// Rows up to the first panic.
struct Caught {
    schema: SchemaRef,
    /// `None` after the end, after the signal and after a panic, so that nothing polls a stream that panicked.
    rows: Option<SendableRecordBatchStream>,
    files: String,
    stop: Stop,
}

impl Stream for Caught {
    type Item = Result<RecordBatch>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.rows.is_some()
            && let Err(stopped) = self.stop.check()
        {
            self.rows = None;
            return Poll::Ready(Some(Err(external(stopped))));
        }
        let Some(rows) = &mut self.rows else {
            return Poll::Ready(None);
        };
        let polled = catch(|| rows.poll_next_unpin(context));
        if matches!(polled, Ok(Poll::Ready(None)) | Err(_)) {
            self.rows = None;
        }
        polled.unwrap_or_else(|panic| {
            let panic = ReaderPanic {
                what: panic_text(&*panic).to_owned(),
                files: self.files.clone(),
            };
            Poll::Ready(Some(Err(external(panic))))
        })
    }
}

impl RecordBatchStream for Caught {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }
}
