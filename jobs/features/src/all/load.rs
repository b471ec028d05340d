//! One file of a pass: taken from the cache, or read and kept, or read and dropped.

use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::datatypes::{Float64Type, Int32Type, Int64Type};
use datafusion::common::{Result, ScalarValue, exec_err, internal_err};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::execution::TaskContext;
use datafusion::physical_plan::ExecutionPlan;
use futures::TryStreamExt;
use gugus_kmeans::Stop;
use gugus_kmeans_all::{Kernel, Partial, PointOrder, Points, PointsBuilder, key, run_step_until};

use super::cache::{FeatureCache, Key, Room};
use super::pass::Pass;
use crate::error::external;

/// How many rows are computed at once if the points of a file cannot be kept. Their features take a megabyte or two.
/// That bounds the memory, and hides the fixed cost of a step.
const CHUNK: usize = 65_536;

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

    /// Computes the step. `plan` makes the plan that reads a file.
    pub(super) async fn compute(
        self,
        plan: impl FnOnce(PartitionedFile) -> Result<Arc<dyn ExecutionPlan>>,
    ) -> Result<(Partial, Source)> {
        let cache = self
            .context
            .session_config()
            .get_extension::<FeatureCache>();
        if let Some(kept) = cache
            .as_ref()
            .and_then(|cache| cache.get(&self.key, &self.pass.run))
        {
            return Ok((self.computed(kept.points())?, Source::Cache));
        }
        let mut rows = plan(self.file.clone())?.execute(0, Arc::clone(self.context))?;
        let pool = self.context.memory_pool();
        let mut room = cache
            .as_ref()
            .and_then(|cache| cache.room(pool, &self.pass.run));
        let mut points = self.builder();
        let mut partial = Partial::empty(&self.pass.step, self.pass.points.dimensions);
        while let Some(batch) = rows.try_next().await? {
            self.push(&mut points, &batch)?;
            if let Some(taken) = &mut room
                && !taken.grow_to(Room::while_building(&points))
            {
                tracing::debug!(file = %self.file.object_meta.location, "its points do not fit into memory and are read again in every pass");
                room = None;
            }
            if room.is_none() && points.rows() >= CHUNK {
                let full = std::mem::replace(&mut points, self.builder());
                partial.merge(self.step(full)?).map_err(external)?;
            }
        }
        match (room, cache) {
            (Some(room), Some(cache)) => {
                let kept = room.keep(points.finish(PointOrder::Auto));
                let computed = self.computed(kept.points())?;
                partial.merge(computed).map_err(external)?;
                cache.insert(self.key, kept, &self.pass.run);
            }
            _ => partial.merge(self.step(points)?).map_err(external)?,
        }
        Ok((partial, Source::File))
    }

    fn builder(&self) -> PointsBuilder {
        let points = &self.pass.points;
        PointsBuilder::new(points.dimensions, points.measure, points.weighting)
    }

    /// Computes the step on points that are not kept. Putting them in order would take longer than one pass gains by
    /// it.
    fn step(&self, points: PointsBuilder) -> Result<Partial> {
        self.computed(&points.finish(PointOrder::AsGiven))
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
