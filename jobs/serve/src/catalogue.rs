//! The models in the store, and the models in memory.
//!
//! Invariant: a name from a request reaches the store only if a listing of the store contains it. An answer uses a listing
//! that is at most [`USABLE`] old. A model is compared with the store once in [`FRESH`], by the first request after that
//! time. Other requests are answered from memory meanwhile.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use gugus_models::{Extent, ListedModel, ModelError, ModelStore, WindowKey};
use gugus_spec::BatchNumber;
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::asked::{Asked, Wanted};
use crate::config::{Config, PREDICT_CLUSTER_MODELS};
use crate::loaded::Loaded;
use crate::problem::{Code, LoadError, Problem};

/// How often the store is asked, at most: once in this time for the listing, and once for each model in use.
const FRESH: Duration = Duration::from_secs(1);

/// How long a listing is used while the next one is made. Under load, no request waits for a listing. After a pause, the
/// first request waits, so that its answer is not an hour old.
const USABLE: Duration = Duration::from_secs(2);

/// How many unusable models are remembered for [`FRESH`].
const FAILED: u64 = 1024;

/// The models of a store.
pub(crate) struct Catalogue {
    models: ModelStore,
    predict_cluster: Option<String>,
    listing: RwLock<Arc<Listing>>,
    /// Held while the next listing is made.
    refresh: Arc<Mutex<()>>,
    loaded: moka::future::Cache<Key, Arc<Loaded>>,
    /// Models that could not be loaded a moment ago. A client that asks on and on must not flood store and log.
    failed: moka::future::Cache<Key, Problem>,
}

type Key = (Arc<str>, Extent);

/// The models in the store at one time.
#[derive(Debug)]
pub(crate) struct Listing {
    pub(crate) models: BTreeMap<Arc<str>, ListedModel>,
    made: Instant,
    /// Whether the store could still be listed when last asked.
    pub(crate) store: StoreState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StoreState {
    Listed,
    Failing,
}

impl Listing {
    fn new(models: Vec<ListedModel>) -> Self {
        let models = models
            .into_iter()
            .map(|listed| (Arc::from(listed.model.as_str()), listed))
            .collect();
        Self {
            models,
            made: Instant::now(),
            store: StoreState::Listed,
        }
    }

    fn age(&self) -> Duration {
        self.made.elapsed()
    }

    /// Finds the model that a path names.
    fn find(&self, model: &str, wanted: &Wanted) -> Result<Key, Problem> {
        let (name, listed) = self
            .models
            .get_key_value(model)
            .ok_or_else(|| Problem::unknown_model(model))?;
        let has_windows = !listed.windows.is_empty();
        let of_windows = || {
            Problem::new(
                Code::UnknownBatch,
                format!("model {model:?} was trained by window; ask one of its windows"),
            )
        };
        let extent = match wanted {
            Wanted::Number(batch) if listed.batches.binary_search(batch).is_ok() => {
                Extent::Batch(*batch)
            }
            Wanted::Number(batch) => {
                return Err(Problem::unknown_extent(model, &Extent::Batch(*batch)));
            }
            Wanted::Window(key) if listed.windows.binary_search(key).is_ok() => {
                Extent::Window(key.clone())
            }
            Wanted::Window(key) => return Err(Problem::unknown_window(model, key.as_str())),
            Wanted::All if listed.all => Extent::All,
            Wanted::All if listed.batches.is_empty() && has_windows => return Err(of_windows()),
            Wanted::All => return Err(Problem::unknown_extent(model, &Extent::All)),
            Wanted::Latest => match listed.batches.last() {
                Some(batch) => Extent::Batch(*batch),
                None if !listed.all && has_windows => return Err(of_windows()),
                None => {
                    return Err(Problem::new(
                        Code::UnknownBatch,
                        format!("model {model:?} has no batches; ask /models/{model}/predict"),
                    ));
                }
            },
        };
        Ok((Arc::clone(name), extent))
    }
}

impl Catalogue {
    /// Looks at the store for the first time.
    pub(crate) async fn open(config: &Config) -> Result<Self, ModelError> {
        let models = ModelStore::new(config.models.clone());
        let listing = Listing::new(models.list().await?);
        Ok(Self {
            models,
            predict_cluster: config.predict_cluster.clone(),
            listing: RwLock::new(Arc::new(listing)),
            refresh: Arc::default(),
            loaded: moka::future::Cache::new(config.cached_models),
            failed: moka::future::Cache::builder()
                .max_capacity(FAILED)
                .time_to_live(FRESH)
                .build(),
        })
    }

    /// The current listing.
    pub(crate) async fn listing(self: &Arc<Self>) -> Arc<Listing> {
        let listing = self.current();
        match listing.age() {
            age if age < FRESH => listing,
            age if age < USABLE => {
                if let Ok(turn) = Arc::clone(&self.refresh).try_lock_owned() {
                    let catalogue = Arc::clone(self);
                    tokio::spawn(async move { catalogue.list(turn).await });
                }
                listing
            }
            _ => {
                let turn = Arc::clone(&self.refresh).lock_owned().await;
                let listing = self.current();
                // Another request may have made a listing while this one waited.
                if listing.age() < FRESH {
                    listing
                } else {
                    self.list(turn).await
                }
            }
        }
    }

    fn current(&self) -> Arc<Listing> {
        Arc::clone(&self.listing.read().unwrap_or_else(PoisonError::into_inner))
    }

    async fn list(&self, _turn: OwnedMutexGuard<()>) -> Arc<Listing> {
        let listing = match self.models.list().await {
            Ok(models) => Listing::new(models),
            Err(error) => {
                tracing::warn!(
                    error = gugus_error::chain(&error),
                    "the models could not be listed; what is in memory is served on"
                );
                // The store is tried again after the usual time, not with each request.
                Listing {
                    models: self.current().models.clone(),
                    made: Instant::now(),
                    store: StoreState::Failing,
                }
            }
        };
        let listing = Arc::new(listing);
        *self.listing.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&listing);
        listing
    }

    /// The model that a path names, ready to be asked, and its batch.
    pub(crate) async fn model(
        self: &Arc<Self>,
        asked: &Asked,
    ) -> Result<(Arc<Loaded>, Extent), Problem> {
        let listing = self.listing().await;
        let key = listing.find(&asked.model, &asked.wanted)?;
        let extent = key.1.clone();
        Ok((self.load(key).await?, extent))
    }

    /// Batch `batch` of the model that `/predict_cluster/` asks.
    pub(crate) async fn predict_cluster(
        self: &Arc<Self>,
        batch: BatchNumber,
    ) -> Result<Arc<Loaded>, Problem> {
        let listing = self.listing().await;
        let key = listing.find(
            self.predict_cluster_model(&listing)?,
            &Wanted::Number(batch),
        )?;
        self.load(key).await
    }

    fn predict_cluster_model<'a>(&'a self, listing: &'a Listing) -> Result<&'a str, Problem> {
        if let Some(model) = &self.predict_cluster {
            return Ok(model);
        }
        let there = |name: &&str| listing.models.contains_key(*name);
        if let Some(model) = PREDICT_CLUSTER_MODELS.into_iter().find(there) {
            return Ok(model);
        }
        let mut names = listing.models.keys();
        match (names.next(), names.next()) {
            (Some(only), None) => Ok(only),
            (None, _) => Err(Problem::new(Code::UnknownModel, "there are no models yet")),
            _ => Err(Problem::new(
                Code::UnknownModel,
                format!(
                    "none of the models is named {}, and no other was chosen when the service was started; ask a model by its name",
                    PREDICT_CLUSTER_MODELS.join(" or ")
                ),
            )),
        }
    }

    async fn load(&self, key: Key) -> Result<Arc<Loaded>, Problem> {
        if let Some(loaded) = self.loaded.get(&key).await {
            if !loaded.is_due(FRESH) || !self.is_outdated(&key, &loaded).await {
                return Ok(loaded);
            }
            tracing::info!(
                model = &*key.0,
                batch = key.1.batch().map(BatchNumber::get),
                window = key.1.window().map(WindowKey::as_str),
                "the model changed and is read again"
            );
            self.loaded.invalidate(&key).await;
        }
        if let Some(problem) = self.failed.get(&key).await {
            return Err(problem);
        }
        // Other requests for the same model wait for this read.
        let (model, extent) = &key;
        match self
            .loaded
            .try_get_with_by_ref(&key, self.read(model, extent))
            .await
        {
            Ok(loaded) => Ok(loaded),
            Err(error) => {
                // The model was listed. Either it was removed since, or the store cannot be read and looks empty.
                let is_gone = matches!(&*error, LoadError::Store(ModelError::NotFound { .. }));
                if is_gone && self.look_again().await == StoreState::Failing {
                    return Err(Problem::models_unavailable());
                }
                let problem = Problem::of_model(model, extent, &error);
                self.failed.insert(key, problem.clone()).await;
                Err(problem)
            }
        }
    }

    /// Whether the store has another model in this place, or none. While the store fails, the model in memory counts as
    /// right.
    async fn is_outdated(&self, (model, extent): &Key, loaded: &Loaded) -> bool {
        match self.models.stamp(model, extent.clone()).await {
            Ok(Some(stamp)) => stamp != *loaded.stamp(),
            Ok(None) => self.look_again().await == StoreState::Listed,
            Err(error) => {
                tracing::warn!(
                    error = gugus_error::chain(&error),
                    "a model could not be looked at; what is in memory is served on"
                );
                false
            }
        }
    }

    /// Lists the store, whatever the age of the listing, because the listing proved wrong.
    async fn look_again(&self) -> StoreState {
        let turn = Arc::clone(&self.refresh).lock_owned().await;
        self.list(turn).await.store
    }

    async fn read(&self, model: &str, extent: &Extent) -> Result<Arc<Loaded>, LoadError> {
        let saved = self.models.read(model, extent.clone()).await?;
        // Planning SQL takes milliseconds.
        match tokio::task::spawn_blocking(move || Loaded::new(saved)).await {
            Ok(loaded) => loaded.map(Arc::new),
            Err(stopped) => Err(LoadError::Stopped(stopped)),
        }
    }
}
