//! One file of a pass: taken from the cache, or read and kept in memory or on disk, or read and dropped.

use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::datatypes::{Float64Type, Int32Type, Int64Type};
use datafusion::common::{DataFusionError, Result, ScalarValue, exec_err, internal_err};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::ExecutionPlan;
use futures::TryStreamExt;
use gugus_kmeans::Stop;
use gugus_kmeans_all::{
    Kernel, Partial, PointOrder, PointRows, Points, PointsBuilder, key, run_step_until,
};

use super::cache::{FeatureCache, Found, Key};
use super::pass::Pass;
use super::spill::Spilled;
use crate::error::external;

/// How many features are computed at once if the points of a file do not fit into memory. They take two megabytes. That
/// bounds the memory, and hides the fixed cost of a step.
const CHUNK: usize = 1 << 18;

/// The fewest and the most rows of a chunk. With fewer, the fixed cost would show. With more, the boxes of a tree gain
/// nothing.
const CHUNK_ROWS: (usize, usize) = (4_096, 65_536);

/// How many bytes of points a byte of a file gives at most, for room that is made before the file is read.
const MOST_UNPACKED: u64 = 16;

/// The source of a file's points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    Cache,
    File,
}

/// One file and the step to compute on it.
pub(super) struct FilePass<'a> {
    pass: &'a Pass,
    file: PartitionedFile,
    key: Key,
    context: &'a Arc<TaskContext>,
    stop: &'a Stop,
}

impl<'a> FilePass<'a> {
    pub(super) fn new(
        pass: &'a Pass,
        store: &str,
        file: PartitionedFile,
        context: &'a Arc<TaskContext>,
        stop: &'a Stop,
    ) -> Self {
        let key = Key::new(pass.points.clone(), store, &file);
        Self {
            pass,
            file,
            key,
            context,
            stop,
        }
    }

    /// Computes the step. `plan` makes the plan that reads a file. Rows that lie on disk are read into the memory of `spare`.
    pub(super) async fn compute(
        self,
        plan: impl FnOnce(PartitionedFile) -> Result<Arc<dyn ExecutionPlan>>,
        spare: &mut PointRows,
    ) -> Result<(Partial, Source)> {
        let cache = self
            .context
            .session_config()
            .get_extension::<FeatureCache>();
        match cache
            .as_ref()
            .and_then(|cache| cache.get(&self.key, &self.pass.run))
        {
            Some(Found::Memory(kept)) => {
                return Ok((self.computed(kept.points())?, Source::Cache));
            }
            Some(Found::Disk(spilled)) => match self.computed_on_disk(&spilled, spare).await {
                Err(DataFusionError::IoError(_)) => {
                    if let Some(cache) = &cache {
                        cache.remove(&self.key);
                    }
                }
                computed => return Ok((computed?, Source::Cache)),
            },
            None => {}
        }
        let mut rows = plan(self.file.clone())?.execute(0, Arc::clone(self.context))?;
        let mut points = self.builder();
        if let Some(cache) = &cache
            && let Some(mut room) = cache.room(self.context.memory_pool(), &self.pass.run)
        {
            // Columns that grow are copied again and again, and take twice the memory.
            if let Some(rows) = self.rows_to_come()
                && room.grow_to(points.most_heap_size_of(rows))
            {
                points.reserve(rows);
            }
            loop {
                let Some(batch) = rows.try_next().await? else {
                    let kept = Arc::new(room.keep(points.finish(PointOrder::Auto)));
                    let partial = self.computed(kept.points())?;
                    cache.insert(self.key, Found::Memory(kept), &self.pass.run);
                    return Ok((partial, Source::File));
                };
                self.push(&mut points, &batch)?;
                if !room.grow_to(points.most_heap_size()) {
                    tracing::debug!(file = %self.file.object_meta.location, "its points do not fit into memory");
                    break;
                }
            }
        }
        let partial = self.in_pieces(points, rows, cache).await?;
        Ok((partial, Source::File))
    }

    /// Computes the step on points that are on disk. A [`DataFusionError::IoError`] means that they cannot be read.
    async fn computed_on_disk(&self, spilled: &Spilled, spare: &mut PointRows) -> Result<Partial> {
        let mut partial = self.nothing();
        let add = |points: &Points| partial.merge(self.computed(points)?).map_err(external);
        spilled.each(spare, add).await?;
        Ok(partial)
    }

    /// Computes the step on `points` and further rows, and keeps them on disk if there is one.
    async fn in_pieces(
        self,
        mut points: PointsBuilder,
        mut rows: SendableRecordBatchStream,
        cache: Option<Arc<FeatureCache>>,
    ) -> Result<Partial> {
        let pass = self.pass;
        let mut disk = cache
            .as_ref()
            .and_then(|cache| cache.spilled(self.context, &pass.run));
        let (fewest, most) = CHUNK_ROWS;
        let most = (CHUNK / pass.points.width().max(1)).clamp(fewest, most);
        let mut partial = self.nothing();
        let mut ended = false;
        while !ended {
            while !ended && points.rows() < most {
                match rows.try_next().await? {
                    Some(batch) => self.push(&mut points, &batch)?,
                    None => ended = true,
                }
            }
            // Columns that grow are copied again and again.
            let mut next = self.builder();
            next.reserve(most);
            let mut rest = std::mem::replace(&mut points, next);
            let pieces = rest.rows().div_ceil(most).max(1);
            let of_a_piece = rest.rows().div_ceil(pieces);
            while rest.rows() > of_a_piece {
                let piece = rest.split_off(rest.rows() - of_a_piece);
                let computed = self.piece(piece, &mut disk).await?;
                partial.merge(computed).map_err(external)?;
            }
            let computed = self.piece(rest, &mut disk).await?;
            partial.merge(computed).map_err(external)?;
        }
        if let (Some(cache), Some(disk)) = (cache, disk) {
            let found = Found::Disk(Arc::new(disk.complete()));
            cache.insert(self.key, found, &pass.run);
        }
        Ok(partial)
    }

    /// Computes the step on one piece, and puts it on the disk. If the disk does not take it, there is no disk any more.
    async fn piece(&self, points: PointsBuilder, disk: &mut Option<Spilled>) -> Result<Partial> {
        // Putting rows in order takes longer than one pass gains by it.
        let order = match disk {
            Some(_) => PointOrder::Auto,
            None => PointOrder::AsGiven,
        };
        let points = points.finish(order);
        let partial = self.computed(&points)?;
        if let Some(to) = disk
            && !to.push(points).await
        {
            *disk = None;
        }
        Ok(partial)
    }

    /// How many points the file gives at most, if that is known. A file that claims far more than its bytes can hold is not believed.
    fn rows_to_come(&self) -> Option<usize> {
        let Some(ScalarValue::UInt64(Some(rows))) = self.file.partition_values.last() else {
            return None;
        };
        let bytes = self.file.object_meta.size.saturating_mul(MOST_UNPACKED);
        let of_a_row = (self.pass.points.width() * size_of::<f64>()) as u64;
        let believed = (1..=bytes / of_a_row.max(1)).contains(rows);
        believed.then(|| usize::try_from(*rows).ok()).flatten()
    }

    fn nothing(&self) -> Partial {
        Partial::empty(&self.pass.step, self.pass.points.dimensions)
    }

    fn builder(&self) -> PointsBuilder {
        let points = &self.pass.points;
        PointsBuilder::new(points.dimensions, points.measure, points.weighting)
    }

    fn computed(&self, points: &Points) -> Result<Partial> {
        run_step_until(&self.pass.step, points, Kernel::default(), self.stop).map_err(external)
    }

    fn push(&self, points: &mut PointsBuilder, rows: &RecordBatch) -> Result<()> {
        let (dimensions, width) = (self.pass.points.dimensions, self.pass.points.width());
        if rows.num_columns() != width + 2 {
            return internal_err!(
                "a pass reads {} columns, not {}",
                width + 2,
                rows.num_columns()
            );
        }
        let Some(ScalarValue::UInt64(Some(batch))) = self.file.partition_values.first() else {
            return internal_err!(
                "file {} carries no batch number",
                self.file.object_meta.location
            );
        };
        let numbers: Vec<_> = rows.columns()[..width].iter().map(without_nulls).collect();
        let columns: Vec<&[f64]> = numbers.iter().map(AsRef::as_ref).collect();
        let (Some(partitions), Some(offsets)) = (
            rows.column(width).as_primitive_opt::<Int32Type>(),
            rows.column(width + 1).as_primitive_opt::<Int64Type>(),
        ) else {
            return exec_err!(
                "file {} has no _partition and _offset of types int32 and int64",
                self.file.object_meta.location
            );
        };
        let identities = partitions.values().iter().zip(offsets.values());
        let keys: Vec<u64> = identities
            .map(|(partition, offset)| key(*batch, *partition, *offset))
            .collect();
        points.push(
            &columns[..dimensions],
            columns.get(dimensions).copied(),
            &keys,
        );
        Ok(())
    }
}

/// The numbers of a column. A null becomes NaN, because both are treated alike.
fn without_nulls(column: &Arc<dyn Array>) -> std::borrow::Cow<'_, [f64]> {
    let numbers = column.as_primitive::<Float64Type>();
    if numbers.null_count() == 0 {
        numbers.values().as_ref().into()
    } else {
        let given = numbers.iter().map(|value| value.unwrap_or(f64::NAN));
        given.collect::<Vec<f64>>().into()
    }
}
