//! The models in memory.
//!
//! Invariant: a model leaves memory only when it was removed from the store, when a newer one is ready in its place, or when
//! memory is full. A folder that was written again and cannot be read leaves the last good model where it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use gugus_models::{ModelError, ModelStore, Stamp, WindowKey};
use gugus_spec::BatchNumber;
use moka::future::Cache;
use moka::ops::compute::Op;
use moka::policy::EvictionPolicy;

use crate::config::{Config, UnknownColumns};
use crate::examined::{Examined, Verdict};
use crate::listing::Key;
use crate::loaded::Loaded;
use crate::problem::{LoadError, Problem};

/// How many models that could not be loaded are remembered, and how long. A client that asks on and on must not flood
/// store and log.
const FAILED: u64 = 1024;
const FAILED_FOR: Duration = Duration::from_secs(1);

/// The models in memory.
pub(crate) struct Memory {
    models: ModelStore,
    loaded: Cache<Key, Arc<Loaded>>,
    failed: Cache<Key, Problem>,
    pub(crate) examined: Examined,
    unknown_columns: UnknownColumns,
    read: AtomicU64,
    replaced: AtomicU64,
    refused: AtomicU64,
}

/// What became of a model that was compared with the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refreshed {
    /// Memory has what can be had.
    Done,
    /// The store does not seem to have the model any more.
    Gone,
}

/// The models in memory, as numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Held {
    /// How many bytes they take, about.
    pub(crate) bytes: u64,
    /// How many models were read since the start.
    pub(crate) read: u64,
    /// How many of them took the place of a model in memory.
    pub(crate) replaced: u64,
    /// How often a folder was written again and could not be read, so that the last good model went on answering.
    pub(crate) refused: u64,
}

impl Memory {
    pub(crate) fn new(models: ModelStore, config: &Config) -> Self {
        let weigh = |_: &Key, model: &Arc<Loaded>| u32::try_from(model.bytes).unwrap_or(u32::MAX);
        Self {
            models,
            loaded: Cache::builder()
                .max_capacity(config.cache_size)
                .weigher(weigh)
                .eviction_policy(EvictionPolicy::lru())
                .build(),
            failed: Cache::builder()
                .max_capacity(FAILED)
                .time_to_live(FAILED_FOR)
                .build(),
            examined: Examined::default(),
            unknown_columns: config.unknown_columns,
            read: AtomicU64::new(0),
            replaced: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        }
    }

    /// The model, if it is in memory.
    pub(crate) async fn get(&self, key: &Key) -> Option<Arc<Loaded>> {
        self.loaded.get(key).await
    }

    /// Whether the model is in memory. Unlike [`Self::get`] this does not count as use.
    pub(crate) fn holds(&self, key: &Key) -> bool {
        self.loaded.contains_key(key)
    }

    /// The names of all models in memory.
    pub(crate) fn keys(&self) -> Vec<Key> {
        self.loaded.iter().map(|(key, _)| (*key).clone()).collect()
    }

    /// All models in memory.
    pub(crate) fn all(&self) -> Vec<Arc<Loaded>> {
        self.loaded.iter().map(|(_, loaded)| loaded).collect()
    }

    pub(crate) fn held(&self) -> Held {
        Held {
            bytes: self.loaded.weighted_size(),
            read: self.read.load(Ordering::Relaxed),
            replaced: self.replaced.load(Ordering::Relaxed),
            refused: self.refused.load(Ordering::Relaxed),
        }
    }

    /// The model, read if it is not in memory. Other requests for the same model wait for the same read.
    pub(crate) async fn load(&self, key: &Key) -> Result<Arc<Loaded>, NotLoaded> {
        if let Some(problem) = self.failed.get(key).await {
            return Err(NotLoaded::Before(problem));
        }
        // The verdict is there before the model is. So it never takes the place of one about a newer folder.
        let read = async {
            let loaded = self.read(key).await?;
            self.examined.set(key, Verdict::Usable);
            Ok(loaded)
        };
        let loaded = self.loaded.try_get_with_by_ref(key, read).await;
        loaded.map_err(NotLoaded::Now)
    }

    /// The problem of a model that could not be loaded. It is remembered for a while.
    pub(crate) async fn problem(&self, key: &Key, error: &LoadError) -> Problem {
        let problem = Problem::of_model(&key.0, &key.1, error);
        // The next list of models reads the folder again and finds the reason.
        self.examined.forget(key);
        self.failed.insert(key.clone(), problem.clone()).await;
        problem
    }

    /// Forgets that a model could not be loaded: its folder changed.
    pub(crate) async fn try_again(&self, key: &Key) {
        self.failed.invalidate(key).await;
        if !self.holds(key) {
            self.examined.forget(key);
        }
    }

    /// Forgets a model that was removed from the store.
    pub(crate) async fn forget(&self, key: &Key) {
        self.loaded.invalidate(key).await;
        self.failed.invalidate(key).await;
        self.examined.forget(key);
    }

    /// Compares a model in memory with the store, and reads it again if it was written again. The model in memory answers
    /// until the new one is ready, and goes on if the new one cannot be read.
    pub(crate) async fn refresh(&self, key: &Key) -> Refreshed {
        let mut refreshed = Refreshed::Done;
        let compare = async |old: Option<moka::Entry<Key, Arc<Loaded>>>| {
            let Some(old) = old.map(moka::Entry::into_value) else {
                return Op::Nop;
            };
            match self.newer(key, &old).await {
                Newer::Model(new) => Op::Put(new),
                Newer::Nothing => Op::Nop,
                Newer::Gone => {
                    refreshed = Refreshed::Gone;
                    Op::Nop
                }
            }
        };
        // Calls for one model come one after the other. So an older model never takes the place of a newer one.
        self.loaded
            .entry_by_ref(key)
            .and_compute_with(compare)
            .await;
        refreshed
    }

    async fn newer(&self, key: &Key, old: &Loaded) -> Newer {
        let (model, extent) = key;
        let stamp = match self.models.stamp(model, extent.clone()).await {
            Ok(Some(stamp)) => stamp,
            Ok(None) => return Newer::Gone,
            Err(error) => {
                tracing::warn!(
                    error = gugus_error::chain(&error),
                    "a model could not be looked at; what is in memory is served on"
                );
                return Newer::Nothing;
            }
        };
        if stamp == *old.stamp() {
            if old.compared.is_replaced() {
                old.compared.set_replaced(None);
                self.examined.set(key, Verdict::Usable);
            }
            return Newer::Nothing;
        }
        if old.compared.is_replaced_by(&stamp) {
            return Newer::Nothing;
        }
        match self.read(key).await {
            Ok(new) => {
                tracing::info!(
                    model = &**model,
                    batch = extent.batch().map(BatchNumber::get),
                    window = extent.window().map(WindowKey::as_str),
                    "the model changed and was read again"
                );
                self.replaced.fetch_add(1, Ordering::Relaxed);
                self.examined.set(key, Verdict::Usable);
                Newer::Model(new)
            }
            Err(LoadError::Store(ModelError::NotFound { .. })) => Newer::Gone,
            // It is tried again when the model is compared next.
            Err(error @ LoadError::Store(ModelError::Store(_))) => {
                tracing::warn!(
                    error = gugus_error::chain(&error),
                    "a model changed and could not be read; what is in memory is served on"
                );
                Newer::Nothing
            }
            Err(error) => {
                self.keep(key, old, stamp, &error);
                Newer::Nothing
            }
        }
    }

    /// Notes that a folder was written again and cannot be read. This is told once.
    fn keep(&self, key: &Key, old: &Loaded, stamp: Stamp, error: &LoadError) {
        let (model, extent) = key;
        tracing::warn!(
            model = &**model,
            batch = extent.batch().map(BatchNumber::get),
            window = extent.window().map(WindowKey::as_str),
            error = gugus_error::chain(error),
            "a model was replaced by one that cannot be served; the last good one in memory answers on"
        );
        self.refused.fetch_add(1, Ordering::Relaxed);
        let verdict = Verdict::Unusable(error.reason(), Some(stamp.clone()));
        self.examined.set(key, verdict);
        old.compared.set_replaced(Some(stamp));
    }

    /// Reads a model from the store.
    pub(crate) async fn read(&self, key: &Key) -> Result<Arc<Loaded>, LoadError> {
        let (model, extent) = key.clone();
        let saved = self.models.read(&model, extent.clone()).await?;
        let unknown_columns = self.unknown_columns;
        // Planning SQL takes milliseconds.
        let load = move || Loaded::new(model, extent, saved, unknown_columns);
        let loaded = tokio::task::spawn_blocking(load).await;
        self.read.fetch_add(1, Ordering::Relaxed);
        match loaded {
            Ok(loaded) => loaded.map(Arc::new),
            Err(stopped) => Err(LoadError::Stopped(stopped)),
        }
    }
}

/// What the store has in place of a model in memory.
enum Newer {
    Model(Arc<Loaded>),
    Nothing,
    Gone,
}

/// Why a model is not there to be asked.
pub(crate) enum NotLoaded {
    /// It failed a moment ago.
    Before(Problem),
    /// It failed now.
    Now(Arc<LoadError>),
}

#[cfg(test)]
pub(crate) mod tests {
    use gugus_clusters::{Centers, Fitted};
    use gugus_files::Store;
    use gugus_kmeans::DistanceMeasure;
    use gugus_models::{Existing, ModelDraft, ModelJson};
    use gugus_spec::{Column, ColumnType, Feature, Nullability};

    use super::*;

    /// A model of one column with 500 centers.
    pub(crate) fn draft(batch: u64) -> ModelDraft {
        let mut about = ModelJson {
            model: "m".to_owned(),
            batch: Some(batch),
            features: vec![Feature::column("x")],
            columns: vec![Column {
                name: "x".to_owned(),
                data_type: ColumnType::Float64,
                nullability: Nullability::Optional,
            }],
            ..ModelJson::default()
        };
        about.summary.sizes = vec![1; 500];
        let fitted = Fitted::Centers(Centers {
            centers: (0..500).map(|x| vec![f64::from(x)]).collect(),
            distance_measure: DistanceMeasure::Euclidean,
        });
        ModelDraft { about, fitted }
    }

    #[tokio::test]
    async fn models_take_no_more_memory_than_they_may() {
        let models = ModelStore::new(Store::in_memory());
        let mut keys = Vec::new();
        for number in 1..=20 {
            models.write(&draft(number), Existing::Keep).await.unwrap();
            keys.push((Arc::from("m"), BatchNumber::new(number).unwrap().into()));
        }
        let mut config = Config::new(models.store().clone());
        config.cache_size = 500_000;
        let memory = Memory::new(models, &config);
        for key in &keys {
            assert!(memory.load(key).await.is_ok());
        }
        memory.loaded.run_pending_tasks().await;
        let held = memory.held();
        assert_eq!(held.read, 20);
        assert!(held.bytes <= config.cache_size, "{held:?}");
        // As many as fit are kept, and those that were asked last.
        let one = memory.get(&keys[19]).await.unwrap().bytes;
        assert!(held.bytes + one > config.cache_size, "{held:?}");
        assert!(!memory.holds(&keys[0]));
    }
}
