//! Points that stay in an executor's memory between passes.
//!
//! The cache changes how long a pass takes and never its result: a file that is not in the cache is read again. Points
//! that do not fit into memory lie in a temporary file, if there is a disk for it (`spill.rs`). The key of a
//! file is its path, its length, its commit, and the expressions that made points of its rows.
//!
//! The files that come first stay. Every pass of a run reads all files of the run once. If the cache dropped the oldest
//! file, it would always drop the file that is needed next. Only idle files of other runs make room.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use datafusion::datasource::listing::PartitionedFile;
use datafusion::execution::TaskContext;
use datafusion::execution::memory_pool::{
    MemoryConsumer, MemoryLimit, MemoryPool, MemoryReservation,
};
use gugus_kmeans_all::Points;

use super::pass::PointSettings;
use super::spill::{Spill, Spilled};

/// The share of the pool that the cache fills at most, so that fits and reads have room beside it.
const SHARE: (usize, usize) = (2, 3);

/// A run may drop points of another run that were idle for this long. The time is longer than a pass. So two runs at
/// the same time do not keep dropping the points of each other.
const IDLE: Duration = Duration::from_secs(20);

/// Points on disk go when no pass of their run used them for this long. The time is longer than a pass, so that a run
/// writes its points once. It is short because nobody tells executors that a run has ended.
const UNUSED: Duration = Duration::from_secs(60);

/// The name under which the cache takes memory from the pool.
pub(super) const CONSUMER: &str = "gugus feature cache";

/// The key of a file's points.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    settings: PointSettings,
    store: String,
    path: String,
    size: u64,
    range: Option<(i64, i64)>,
    /// What the file carries, as text: the batch's number, a number made of its commit id, and how many points it gives.
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
    /// Drops the rows in single precision, and gives back their memory. Returns how many bytes became free.
    fn forget_rounded(&self) -> usize {
        self.points.forget_rounded();
        let before = self.memory.size();
        self.memory.resize(self.points.heap_size());
        before.saturating_sub(self.memory.size())
    }

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

    pub(super) fn keep(self, points: Points) -> Kept {
        // Rows in single precision take only memory that nothing else needs.
        let both = points.heap_size() + points.size_of_rounded();
        if self.cache.bytes().saturating_add(both) <= self.limit
            && self.memory.try_resize(both).is_ok()
        {
            points.keep_rounded();
        }
        self.memory.resize(points.heap_size());
        Kept {
            points,
            memory: self.memory,
        }
    }
}

/// Where the points of a file are.
#[derive(Clone, Debug)]
pub(super) enum Found {
    Memory(Arc<Kept>),
    Disk(Arc<Spilled>),
}

impl Found {
    /// What counts against the share of the cache.
    fn bytes(&self) -> usize {
        match self {
            Self::Memory(kept) => kept.memory.size(),
            Self::Disk(_) => 0,
        }
    }

    fn is_idle(&self) -> bool {
        match self {
            Self::Memory(kept) => Arc::strong_count(kept) == 1,
            Self::Disk(spilled) => Arc::strong_count(spilled) == 1,
        }
    }
}

#[derive(Debug)]
struct Entry {
    found: Found,
    run: String,
    used: Instant,
}

/// The content of the cache, for metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheFigures {
    /// How many files the cache has points of.
    pub files: usize,
    /// How many bytes these points take in memory.
    pub bytes: usize,
    /// How often a pass found the points of a file.
    pub hits: u64,
    /// How often a pass had to read the file.
    pub misses: u64,
}

#[derive(Debug, Default)]
struct State {
    entries: HashMap<Key, Entry>,
    /// The file of each run whose points do not all fit into memory.
    spills: HashMap<String, Arc<Spill>>,
    /// The bytes of all entries in memory together. The sum is kept here because it is needed for every record batch that is
    /// read.
    bytes: usize,
    hits: u64,
    misses: u64,
}

/// A feature cache, one for all tasks that share a memory pool.
///
/// The code that makes the sessions of tasks hands the cache to two places: to the configuration of each session, where
/// a pass finds it, and to the [`YieldingPool`](super::yielding::YieldingPool). Without a cache in the session, each pass reads its files again.
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
        self.end_spills(Duration::ZERO);
    }

    pub(super) fn get(&self, key: &Key, run: &str) -> Option<Found> {
        let mut state = self.state();
        let found = state.entries.get_mut(key).map(|entry| {
            entry.used = Instant::now();
            run.clone_into(&mut entry.run);
            entry.found.clone()
        });
        match found {
            Some(_) => state.hits += 1,
            None => state.misses += 1,
        }
        found
    }

    /// Drops the points of a file.
    pub(super) fn remove(&self, key: &Key) {
        let mut state = self.state();
        let gone = state.entries.remove(key);
        state.bytes -= gone.map_or(0, |entry| entry.found.bytes());
    }

    /// Room on disk for one more file of `run`. `None` if the disk cannot be used.
    pub(super) fn spilled(self: &Arc<Self>, context: &TaskContext, run: &str) -> Option<Spilled> {
        let spill = {
            let mut state = self.state();
            let spill = state.spills.entry(run.to_owned()).or_insert_with(|| {
                tokio::spawn(end_unused(Arc::downgrade(self), run.to_owned()));
                Arc::new(Spill::new(&context.runtime_env().disk_manager))
            });
            Arc::clone(spill)
        };
        let memory = MemoryConsumer::new(CONSUMER).register(context.memory_pool());
        spill.is_open().then(|| Spilled::new(spill, memory))
    }

    /// Drops the points on disk of all runs that did not use theirs for `unused`.
    fn end_spills(&self, unused: Duration) {
        let mut state = self.state();
        let State {
            entries, spills, ..
        } = &mut *state;
        spills.retain(|_, spill| spill.unused() < unused);
        entries.retain(|_, entry| match &entry.found {
            Found::Memory(_) => true,
            Found::Disk(spilled) => spills.values().any(|spill| spilled.lies_in(spill)),
        });
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

    pub(super) fn insert(&self, key: Key, found: Found, run: &str) {
        let entry = Entry {
            found,
            run: run.to_owned(),
            used: Instant::now(),
        };
        let mut state = self.state();
        state.bytes += entry.found.bytes();
        let before = state.entries.insert(key, entry);
        state.bytes -= before.map_or(0, |entry| entry.found.bytes());
    }

    fn bytes(&self) -> usize {
        self.state().bytes
    }

    /// Drops what no task is using until `wanted` bytes are free: first rows in single precision, then points, the longest unused
    /// first. A run may drop only idle points of other runs; the pool may drop any points. Points on disk stay there, and give back
    /// the memory that they take beside. Returns how many bytes became free.
    pub(super) fn push_out(&self, wanted: usize, run: Option<&str>) -> usize {
        let mut state = self.state();
        let now = Instant::now();
        let mut idle: Vec<(Instant, Key)> = state
            .entries
            .iter()
            .filter(|(_, entry)| entry.found.is_idle())
            .filter(|(_, entry)| {
                run.is_none_or(|run| entry.run != run && now.duration_since(entry.used) >= IDLE)
            })
            .map(|(key, entry)| (entry.used, key.clone()))
            .collect();
        idle.sort_by_key(|(used, _)| *used);
        let mut free = 0;
        for entry in state.entries.values() {
            if free >= wanted {
                break;
            }
            if let Found::Memory(kept) = &entry.found
                && entry.found.is_idle()
            {
                free += kept.forget_rounded();
            }
        }
        state.bytes -= free;
        for (_, key) in idle {
            if free >= wanted {
                break;
            }
            let Some(entry) = state.entries.get(&key) else {
                continue;
            };
            let bytes = entry.found.bytes();
            if let Found::Disk(spilled) = &entry.found {
                free += spilled.forget();
            } else {
                state.entries.remove(&key);
            }
            state.bytes -= bytes;
            free += bytes;
        }
        free
    }

    /// Each change is one call. So a thread that panicked while it held the lock left no change half done.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits until `run` uses its points on disk no more, and drops them.
async fn end_unused(cache: Weak<FeatureCache>, run: String) {
    loop {
        tokio::time::sleep(UNUSED).await;
        let Some(cache) = cache.upgrade() else {
            return;
        };
        cache.end_spills(UNUSED);
        if !cache.state().spills.contains_key(&run) {
            return;
        }
    }
}
