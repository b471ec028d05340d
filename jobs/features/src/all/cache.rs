//! Points that stay in an executor's memory between passes.
//!
//! What is cached changes how long a pass takes and never what it answers: a file that is not here is read again. A file
//! is known by where it lies, how long it is, which commit wrote it, and by the expressions that made points of it.
//!
//! The first files stay. Every pass of a run reads all of its files once, so a cache that let the oldest file go would let
//! each file go just before it is wanted again. Only idle files of other runs make room.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use datafusion::common::Result;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::execution::memory_pool::{
    MemoryConsumer, MemoryLimit, MemoryPool, MemoryReservation,
};
use gugus_kmeans_all::{Points, PointsBuilder};

use super::pass::PointSettings;

/// Which part of the pool the cache fills at most, so that fits and reads beside it have room.
const SHARE: (usize, usize) = (2, 3);

/// How long points of another run must have lain idle until a run may push them out: longer than a pass takes, so that
/// two runs at a time do not push each other out in turn.
const IDLE: Duration = Duration::from_secs(20);

/// The name under which the cache takes memory from the pool.
const CONSUMER: &str = "gugus feature cache";

/// How many times its columns' bytes points take while they are put in order, at most.
const WHILE_BUILDING: usize = 3;

/// By what a file's points are known.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    settings: PointSettings,
    store: String,
    path: String,
    size: u64,
    range: Option<(i64, i64)>,
    /// The batch's number and a number made of its commit id, as text.
    values: String,
}

impl Key {
    pub(super) fn new(settings: PointSettings, store: &str, file: &PartitionedFile) -> Self {
        Self {
            settings,
            store: store.to_owned(),
            path: file.object_meta.location.to_string(),
            size: file.object_meta.size,
            range: file.range.as_ref().map(|range| (range.start, range.end)),
            values: format!("{:?}", file.partition_values),
        }
    }
}

/// Points and the memory that they were promised, given back when the last user lets go of them.
#[derive(Debug)]
pub(super) struct Kept {
    points: Points,
    memory: MemoryReservation,
}

impl Kept {
    pub(super) fn points(&self) -> &Points {
        &self.points
    }
}

/// Memory for one file that is being read.
pub(super) struct Room {
    cache: Arc<FeatureCache>,
    memory: MemoryReservation,
    limit: usize,
    run: String,
}

impl Room {
    /// What reading and ordering `points` takes at most.
    pub(super) fn while_building(points: &PointsBuilder) -> usize {
        points.heap_size().saturating_mul(WHILE_BUILDING)
    }

    /// Whether there is room for `bytes`.
    pub(super) fn grow_to(&mut self, bytes: usize) -> bool {
        let more = bytes.saturating_sub(self.memory.size());
        if more == 0 {
            return true;
        }
        let fits = |cache: &FeatureCache| cache.bytes().saturating_add(bytes) <= self.limit;
        if fits(&self.cache) && self.memory.try_grow(more).is_ok() {
            return true;
        }
        self.cache.push_out(bytes, Some(&self.run)) > 0
            && fits(&self.cache)
            && self.memory.try_grow(more).is_ok()
    }

    pub(super) fn keep(self, points: Points) -> Arc<Kept> {
        self.memory.resize(points.heap_size());
        Arc::new(Kept {
            points,
            memory: self.memory,
        })
    }
}

#[derive(Debug)]
struct Entry {
    kept: Arc<Kept>,
    run: String,
    used: Instant,
}

/// What the cache holds, for metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheFigures {
    /// Files whose points are held.
    pub files: usize,
    /// Bytes that they take.
    pub bytes: usize,
    /// How often a pass found a file's points.
    pub hits: u64,
    /// How often it had to read the file.
    pub misses: u64,
}

#[derive(Debug, Default)]
struct State {
    entries: HashMap<Key, Entry>,
    /// What all entries were promised: asked for with every record batch that is read.
    bytes: usize,
    hits: u64,
    misses: u64,
}

/// A feature cache, one for all tasks that share a memory pool.
///
/// Whoever makes the sessions of tasks hands it over: as an extension of the session's configuration, where a pass finds
/// it, and to the [`YieldingPool`]. Without a cache in the session, each pass reads its files again.
#[derive(Debug, Default)]
pub struct FeatureCache {
    state: Mutex<State>,
}

impl FeatureCache {
    /// What it holds now.
    #[must_use]
    pub fn figures(&self) -> CacheFigures {
        let state = self.state();
        CacheFigures {
            files: state.entries.len(),
            bytes: state.bytes,
            hits: state.hits,
            misses: state.misses,
        }
    }

    /// Lets go of everything that no task is using.
    pub fn clear(&self) {
        self.push_out(usize::MAX, None);
    }

    pub(super) fn get(&self, key: &Key, run: &str) -> Option<Arc<Kept>> {
        let mut state = self.state();
        let kept = state.entries.get_mut(key).map(|entry| {
            entry.used = Instant::now();
            run.clone_into(&mut entry.run);
            Arc::clone(&entry.kept)
        });
        match kept {
            Some(_) => state.hits += 1,
            None => state.misses += 1,
        }
        kept
    }

    /// Room for one more file of `run`; `None` where the pool has no limit that leaves any.
    pub(super) fn room(self: &Arc<Self>, pool: &Arc<dyn MemoryPool>, run: &str) -> Option<Room> {
        let limit = match pool.memory_limit() {
            MemoryLimit::Finite(bytes) => bytes / SHARE.1 * SHARE.0,
            MemoryLimit::Infinite | MemoryLimit::Unknown => usize::MAX,
        };
        (limit > 0).then(|| Room {
            cache: Arc::clone(self),
            memory: MemoryConsumer::new(CONSUMER).register(pool),
            limit,
            run: run.to_owned(),
        })
    }

    pub(super) fn insert(&self, key: Key, kept: Arc<Kept>, run: &str) {
        let entry = Entry {
            kept,
            run: run.to_owned(),
            used: Instant::now(),
        };
        let mut state = self.state();
        state.bytes += entry.kept.memory.size();
        let before = state.entries.insert(key, entry);
        state.bytes -= before.map_or(0, |entry| entry.kept.memory.size());
    }

    fn bytes(&self) -> usize {
        self.state().bytes
    }

    /// Lets go of points that no task is using, the longest unused first, until `wanted` bytes are free. For a run that
    /// wants room only idle points of other runs go; for the pool any. Gives how many bytes became free.
    fn push_out(&self, wanted: usize, run: Option<&str>) -> usize {
        let mut state = self.state();
        let now = Instant::now();
        let mut idle: Vec<(Instant, Key)> = state
            .entries
            .iter()
            .filter(|(_, entry)| Arc::strong_count(&entry.kept) == 1)
            .filter(|(_, entry)| {
                run.is_none_or(|run| entry.run != run && now.duration_since(entry.used) >= IDLE)
            })
            .map(|(key, entry)| (entry.used, key.clone()))
            .collect();
        idle.sort_by_key(|(used, _)| *used);
        let mut free = 0;
        for (_, key) in idle {
            if free >= wanted {
                break;
            }
            let gone = state.entries.remove(&key);
            free += gone.map_or(0, |entry| entry.kept.memory.size());
        }
        state.bytes -= free;
        free
    }

    /// A thread that panicked while it held the lock left nothing half done: each change is one call.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A pool that lets the feature cache go before it refuses anybody: DataFusion's pools cannot ask for memory back.
#[derive(Debug)]
pub struct YieldingPool {
    inner: Arc<dyn MemoryPool>,
    cache: Arc<FeatureCache>,
}

impl YieldingPool {
    /// Around the pool that does the counting, for the cache that takes memory from it.
    #[must_use]
    pub fn new(inner: Arc<dyn MemoryPool>, cache: Arc<FeatureCache>) -> Self {
        Self { inner, cache }
    }
}

impl fmt::Display for YieldingPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.inner, f)
    }
}

impl MemoryPool for YieldingPool {
    fn name(&self) -> &str {
        "yielding"
    }

    fn register(&self, consumer: &MemoryConsumer) {
        self.inner.register(consumer);
    }

    fn unregister(&self, consumer: &MemoryConsumer) {
        self.inner.unregister(consumer);
    }

    fn grow(&self, reservation: &MemoryReservation, additional: usize) {
        self.inner.grow(reservation, additional);
    }

    fn shrink(&self, reservation: &MemoryReservation, shrink: usize) {
        self.inner.shrink(reservation, shrink);
    }

    fn try_grow(&self, reservation: &MemoryReservation, additional: usize) -> Result<()> {
        let refused = match self.inner.try_grow(reservation, additional) {
            Ok(()) => return Ok(()),
            Err(refused) => refused,
        };
        let cache_itself = reservation.consumer().name() == CONSUMER;
        if !cache_itself && self.cache.push_out(additional, None) > 0 {
            return self.inner.try_grow(reservation, additional);
        }
        Err(refused)
    }

    fn reserved(&self) -> usize {
        self.inner.reserved()
    }

    fn memory_limit(&self) -> MemoryLimit {
        self.inner.memory_limit()
    }
}
