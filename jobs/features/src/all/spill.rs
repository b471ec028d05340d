//! Points that do not fit into memory, in a temporary file between passes.
//!
//! A run has one file on an executor, and all its tasks append to it. So the number of open files does not grow with the
//! number of batches. The file has rows as passes need them: numbers and keys, chunk after chunk. The tree of a chunk, and
//! the site and the bounds of each row, stay in memory as long as there is room, because they are small and save much of a pass.
//!
//! The file only saves time. If it cannot be written or read, the batches are read again in every pass. DataFusion's disk
//! manager makes the file, counts its bytes against its limit, and removes it after its last user.

use std::fmt;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::mem;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use datafusion::arrow::buffer::{Buffer, MutableBuffer};
use datafusion::arrow::datatypes::{ArrowNativeType, ToByteSlice};
use datafusion::common::runtime::SpawnedTask;
use datafusion::common::{Result, internal_datafusion_err};
use datafusion::execution::memory_pool::MemoryReservation;
use datafusion::execution::{DiskManager, SpillFile, SpillWriter};
use futures::lock::Mutex as Turns;
use gugus_kmeans_all::{PointRows, Points};

use crate::error::external;

/// The file of a run.
pub(super) struct Spill {
    /// The file, which is removed when this is dropped, and its path. `None` if there is no disk for it.
    file: Option<(Arc<dyn SpillFile>, PathBuf)>,
    /// `None` after a write or a read that failed.
    writer: Mutex<Option<Writer>>,
    used: Mutex<Instant>,
}

struct Writer {
    to: Box<dyn SpillWriter>,
    end: u64,
}

/// Where the rows of a chunk lie.
#[derive(Clone, Copy, Debug)]
struct Extent {
    start: u64,
    columns: usize,
    /// The length of each column.
    numbers: usize,
    keys: usize,
}

impl Spill {
    /// A new file. If the disk cannot be used, it is closed from the beginning.
    pub(super) fn new(disk: &Arc<DiskManager>) -> Self {
        let (file, writer) = match Self::made(disk) {
            Ok((file, path, writer)) => (Some((file, path)), Some(writer)),
            Err(error) => {
                warn(&error);
                (None, None)
            }
        };
        Self {
            file,
            writer: Mutex::new(writer),
            used: Mutex::new(Instant::now()),
        }
    }

    fn made(disk: &Arc<DiskManager>) -> Result<(Arc<dyn SpillFile>, PathBuf, Writer)> {
        let file = disk.create_tmp_file("keeping the points of a run")?;
        let to = file.open_writer()?;
        let path = file.path().map(PathBuf::from);
        let path = path.ok_or_else(|| internal_datafusion_err!("the spill file has no path"))?;
        Ok((file, path, Writer { to, end: 0 }))
    }

    /// Whether it takes rows.
    pub(super) fn is_open(&self) -> bool {
        *self.used() = Instant::now();
        self.writer().is_some()
    }

    /// How long ago it was used.
    pub(super) fn unused(&self) -> Duration {
        self.used().elapsed()
    }

    /// Appends rows. `None` if the file takes no more.
    fn append(&self, rows: &PointRows) -> Option<Extent> {
        let mut writer = self.writer();
        let Writer { to, end } = writer.as_mut()?;
        let extent = Extent {
            start: *end,
            columns: rows.numbers.len(),
            numbers: rows.numbers.first().map_or(0, Vec::len),
            keys: rows.keys.len(),
        };
        let numbers = rows.numbers.iter().map(|numbers| numbers.to_byte_slice());
        for bytes in numbers.chain([rows.keys.to_byte_slice()]) {
            if let Err(error) = to.write_all(bytes) {
                // Nobody knows where the next write would begin.
                *writer = None;
                warn(&error);
                return None;
            }
            *end += bytes.len() as u64;
        }
        Some(extent)
    }

    /// The rows of a chunk, in the memory of `rows`, which are of no use any more.
    fn read(&self, extent: Extent, rows: PointRows) -> io::Result<PointRows> {
        *self.used() = Instant::now();
        let read = self.rows(extent, rows);
        // Rows that are written after this would be lost, too.
        if let Err(error) = &read
            && self.writer().take().is_some()
        {
            warn(error);
        }
        read
    }

    fn rows(&self, extent: Extent, rows: PointRows) -> io::Result<PointRows> {
        let (_, path) = self.file.as_ref().ok_or(io::ErrorKind::NotFound)?;
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(extent.start))?;
        let PointRows { mut numbers, keys } = rows;
        numbers.resize_with(extent.columns, Vec::new);
        let numbers = numbers
            .into_iter()
            .map(|column| values(&mut file, extent.numbers, column));
        Ok(PointRows {
            numbers: numbers.collect::<io::Result<_>>()?,
            keys: values(&mut file, extent.keys, keys)?,
        })
    }

    fn used(&self) -> MutexGuard<'_, Instant> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A thread that panicked while it wrote leaves bytes that no extent has, and a wrong end.
    fn writer(&self) -> MutexGuard<'_, Option<Writer>> {
        self.writer.lock().unwrap_or_else(|poisoned| {
            let mut writer = poisoned.into_inner();
            *writer = None;
            writer
        })
    }
}

impl fmt::Debug for Spill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.file.as_ref().map(|(_, path)| path);
        f.debug_struct("Spill").field("path", &path).finish()
    }
}

fn warn(error: &dyn fmt::Display) {
    tracing::warn!(%error, "points that do not fit into memory cannot be kept on disk; their files are read again in every pass");
}

/// The next `len` values of a file, with the bits with which they were written, in the memory of `values`.
fn values<T: ArrowNativeType>(
    file: &mut File,
    len: usize,
    mut values: Vec<T>,
) -> io::Result<Vec<T>> {
    if values.capacity() < len {
        // Growing would copy the old values.
        values = Vec::with_capacity(len);
    }
    values.resize(len, T::default());
    let mut values = MutableBuffer::from(values);
    file.read_exact(values.as_slice_mut())?;
    let values = Buffer::from(values).into_vec();
    values.map_err(|_| io::Error::other("a buffer made of a vector is none"))
}

/// The points of a file of batches, on disk.
#[derive(Debug)]
pub(super) struct Spilled {
    spill: Arc<Spill>,
    /// One task has all chunks at a time, because it puts rows into them.
    chunks: Turns<Vec<Chunk>>,
    /// For what stays in memory.
    memory: MemoryReservation,
}

/// Points whose rows lie on disk.
#[derive(Debug)]
struct Chunk {
    points: Points,
    extent: Extent,
}

impl Spilled {
    /// No points yet.
    pub(super) fn new(spill: Arc<Spill>, memory: MemoryReservation) -> Self {
        Self {
            spill,
            chunks: Turns::default(),
            memory,
        }
    }

    pub(super) fn lies_in(&self, spill: &Arc<Spill>) -> bool {
        Arc::ptr_eq(&self.spill, spill)
    }

    /// Adds a chunk. Returns false if the disk does not take it.
    pub(super) async fn push(&mut self, mut points: Points) -> bool {
        let (rows, spill) = (points.take_rows(), Arc::clone(&self.spill));
        let written = SpawnedTask::spawn_blocking(move || spill.append(&rows)).await;
        let Ok(Some(extent)) = written else {
            return false;
        };
        self.chunks.get_mut().push(Chunk { points, extent });
        true
    }

    /// Takes memory for what the chunks keep, after the last chunk.
    pub(super) fn complete(mut self) -> Self {
        reserve(&self.memory, self.chunks.get_mut());
        self
    }

    /// Calls `compute` with the points of each chunk, one after another. No chunk is read ahead, because the rows of a
    /// chunk do not count against the pool. The rows are read into the memory of `spare`, which holds those of an earlier chunk.
    ///
    /// # Errors
    /// Those of `compute`, and `DataFusionError::IoError` if the rows cannot be read back.
    pub(super) async fn each(
        &self,
        spare: &mut PointRows,
        mut compute: impl FnMut(&Points) -> Result<()> + Send,
    ) -> Result<()> {
        let mut chunks = self.chunks.lock().await;
        for chunk in chunks.iter_mut() {
            let (spill, extent) = (Arc::clone(&self.spill), chunk.extent);
            // Memory that was used before costs less than new memory, whose pages the system fills with zeros.
            let rows = mem::take(spare);
            let read = SpawnedTask::spawn_blocking(move || spill.read(extent, rows));
            chunk.points.put_rows(read.await.map_err(external)??);
            let computed = compute(&chunk.points);
            *spare = chunk.points.take_rows();
            computed?;
        }
        reserve(&self.memory, &mut chunks);
        Ok(())
    }

    /// Drops what stays in memory, if no task is using it. Returns how many bytes became free.
    pub(super) fn forget(&self) -> usize {
        let Some(mut chunks) = self.chunks.try_lock() else {
            return 0;
        };
        forget(&mut chunks);
        self.memory.free()
    }
}

/// Takes memory for what the chunks keep. If there is too little, it drops the bounds; if that is not enough, everything.
fn reserve(memory: &MemoryReservation, chunks: &mut [Chunk]) {
    let fits = |chunks: &[Chunk]| {
        let bytes = chunks.iter().map(|of| of.points.heap_size_without_rows());
        memory.try_resize(bytes.sum()).is_ok()
    };
    if fits(chunks) {
        return;
    }
    for chunk in &mut *chunks {
        chunk.points.forget_bounds();
    }
    if !fits(chunks) {
        forget(chunks);
        memory.free();
    }
}

fn forget(chunks: &mut [Chunk]) {
    for chunk in chunks {
        chunk.points.forget();
    }
}
