//! Points that stay in an executor's memory between passes.
//!
//! The cache changes how long a pass takes and never its result: a file that is not in the cache is read again. The key of a
//! file is its path, its length, its commit, and the expressions that made points of its rows.
//!
//! The files that come first stay. Every pass of a run reads all files of the run once. If the cache dropped the oldest
//! file, it would always drop the file that is needed next. Only idle files of other runs make room.

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

/// The share of the pool that the cache fills at most, so that fits and reads have room beside it.
const SHARE: (usize, usize) = (2, 3);

/// A run may drop points of another run that were idle for this long. The time is longer than a pass. So two runs at
/// the same time do not keep dropping the points of each other.
const IDLE: Duration = Duration::from_secs(20);

/// The name under which the cache takes memory from the pool.
const CONSUMER: &str = "gugus feature cache";

/// While points are put in order, they take at most this many times the bytes of their columns.
const WHILE_BUILDING: usize = 3;

/// The key of a file's points.
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

/// Points and the memory that is reserved for them. The memory is given back when the last user is done.
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
    /// The most memory that reading and ordering `points` takes.
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

/// The content of the cache, for metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheFigures {
    /// How many files the cache has points of.
    pub files: usize,
    /// How many bytes these points take.
    pub bytes: usize,
    /// How often a pass found the points of a file.
    pub hits: u64,
    /// How often a pass had to read the file.
    pub misses: u64,
}

#[derive(Debug, Default)]
struct State {
    entries: HashMap<Key, Entry>,
    /// The bytes of all entries together. The sum is kept here because it is needed for every record batch that is
    /// read.
    bytes: usize,
    hits: u64,
    misses: u64,
}

/// A feature cache, one for all tasks that share a memory pool.
///
/// The code that makes the sessions of tasks hands the cache to two places: to the configuration of each session, where
/// a pass finds it, and to the [`YieldingPool`]. Without a cache in the session, each pass reads its files again.
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

    /// Drops all points that no task is using.
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

    /// Room for one more file of `run`. `None` if the pool's limit leaves no room.
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

    /// Drops points that no task is using, the longest unused first, until `wanted` bytes are free. A run may drop only
    /// idle points of other runs; the pool may drop any points. Returns how many bytes became free.
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

    /// Each change is one call. So a thread that panicked while it held the lock left no change half done.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A pool that drops points from the feature cache before it refuses memory. DataFusion's pools cannot ask for memory back.
#[derive(Debug)]
pub struct YieldingPool {
    inner: Arc<dyn MemoryPool>,
    cache: Arc<FeatureCache>,
}

impl YieldingPool {
    /// A pool around `inner`, which does the counting. `cache` takes its memory from `inner`.
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
