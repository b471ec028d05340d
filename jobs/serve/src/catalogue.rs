//! The models in the store, and the models in memory.
//!
//! Invariant: a name from a request reaches the store only if a listing of the store contains it. An answer uses a listing
//! that is at most [`USABLE`] old. A model is compared with the store once in [`FRESH`], by the first request after that
//! time. Other requests are answered from memory meanwhile.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use futures::StreamExt;
use gugus_models::{
    Extent, ListedModel, ModelError, ModelStore, Survey, UnusableFolder, WindowKey,
};
use gugus_spec::BatchNumber;
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::asked::Wanted;
use crate::config::{Config, PREDICT_CLUSTER_MODELS, UnknownColumns};
use crate::examined::{self, Examined, Key, Verdict};
use crate::loaded::Loaded;
use crate::problem::{Code, LoadError, Problem};

/// How often the store is asked, at most: once in this time for the listing, and once for each model in use.
const FRESH: Duration = Duration::from_secs(1);

/// How long a listing is used while the next one is made. Under load, no request waits for a listing. After a pause, the
/// first request waits, so that its answer is not an hour old.
const USABLE: Duration = Duration::from_secs(2);

/// How many unusable models are remembered for [`FRESH`].
const FAILED: u64 = 1024;

/// How many batches `latest` tries before it gives up.
const MOST_TRIED: usize = 100;

/// How many folders are examined at a time.
const EXAMINED_AT_ONCE: usize = 8;

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
    examined: Examined,
    unknown_columns: UnknownColumns,
}

/// The models in the store at one time.
#[derive(Debug)]
pub(crate) struct Listing {
    pub(crate) models: BTreeMap<Arc<str>, ListedModel>,
    /// Folders that look like models and are not complete.
    unusable: Vec<UnusableFolder>,
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
    fn new(survey: Survey) -> Self {
        let models = survey.models.into_iter();
        let models = models
            .map(|listed| (Arc::from(listed.model.as_str()), listed))
            .collect();
        Self {
            models,
            unusable: survey.unusable,
            made: Instant::now(),
            store: StoreState::Listed,
        }
    }

    fn age(&self) -> Duration {
        self.made.elapsed()
    }

    /// Finds a model by its name.
    pub(crate) fn model(&self, model: &str) -> Result<(&Arc<str>, &ListedModel), Problem> {
        let found = self.models.get_key_value(model);
        found.ok_or_else(|| match self.incomplete(model, None) {
            Some(folder) => Problem::incomplete(None, folder),
            None => Problem::unknown_model(model),
        })
    }

    /// The folder of a model, or of one part of the model, that is not complete.
    fn incomplete(&self, model: &str, extent: Option<&Extent>) -> Option<&UnusableFolder> {
        let mut folders = self.unusable.iter();
        folders.find(|it| it.model == model && extent.is_none_or(|extent| it.extent == *extent))
    }

    /// Finds the models that a path names: one, or for `latest` the newest ones in the order in which they may answer.
    fn find(&self, model: &str, wanted: &Wanted) -> Result<Vec<Key>, Problem> {
        let (name, listed) = self.model(model)?;
        let extent = match wanted {
            Wanted::Number(batch) => Extent::Batch(*batch),
            Wanted::Window(key) => Extent::Window(key.clone()),
            Wanted::All => Extent::All,
            Wanted::Latest if !listed.batches.is_empty() => {
                let newest = listed.batches.iter().rev().take(MOST_TRIED);
                let key = |batch: &BatchNumber| (Arc::clone(name), Extent::Batch(*batch));
                return Ok(newest.map(key).collect());
            }
            Wanted::Latest if listed.windows.is_empty() || listed.all => {
                let detail = format!("model {model:?} has no batches; ask /models/{model}/predict");
                return Err(Problem::new(Code::UnknownBatch, detail));
            }
            Wanted::Latest => return Err(of_windows(model)),
        };
        match extent {
            extent if listed.has(&extent) => Ok(vec![(Arc::clone(name), extent)]),
            Extent::All if listed.batches.is_empty() && !listed.windows.is_empty() => {
                Err(of_windows(model))
            }
            extent => Err(match self.incomplete(model, Some(&extent)) {
                Some(folder) => Problem::incomplete(Some(&extent), folder),
                None => Problem::unknown_extent(model, &extent),
            }),
        }
    }
}

fn of_windows(model: &str) -> Problem {
    let detail = format!("model {model:?} was trained by window; ask one of its windows");
    Problem::new(Code::UnknownBatch, detail)
}

impl Catalogue {
    /// Looks at the store for the first time.
    pub(crate) async fn open(config: &Config) -> Result<Self, ModelError> {
        let models = ModelStore::new(config.models.clone());
        let listing = Listing::new(models.survey().await?);
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
            examined: Examined::default(),
            unknown_columns: config.unknown_columns,
        })
    }

    /// The models in memory.
    pub(crate) fn in_memory(&self) -> Vec<Arc<Loaded>> {
        self.loaded.iter().map(|(_, loaded)| loaded).collect()
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
        let listing = match self.models.survey().await {
            Ok(survey) => Listing::new(survey),
            Err(error) => {
                tracing::warn!(
                    error = gugus_error::chain(&error),
                    "the models could not be listed; what is in memory is served on"
                );
                // The store is tried again after the usual time, not with each request.
                let last = self.current();
                Listing {
                    models: last.models.clone(),
                    unusable: last.unusable.clone(),
                    made: Instant::now(),
                    store: StoreState::Failing,
                }
            }
        };
        let listing = Arc::new(listing);
        *self.listing.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&listing);
        listing
    }

    /// The model that a path names, ready to be asked. `latest` is the newest model that can be served.
    pub(crate) async fn model(
        self: &Arc<Self>,
        model: &str,
        wanted: &Wanted,
    ) -> Result<Arc<Loaded>, Problem> {
        let listing = self.listing().await;
        let mut newest = None;
        for key in listing.find(model, wanted)? {
            match self.load(key).await {
                Ok(loaded) => return Ok(loaded),
                Err(problem) if problem.allows_older() => drop(newest.get_or_insert(problem)),
                Err(problem) => return Err(problem),
            }
        }
        Err(newest.unwrap_or_else(|| Problem::unknown_model(model)))
    }

    /// Batch `batch` of the model that `/predict_cluster/` asks.
    pub(crate) async fn predict_cluster(
        self: &Arc<Self>,
        batch: BatchNumber,
    ) -> Result<Arc<Loaded>, Problem> {
        let listing = self.listing().await;
        let model = self.predict_cluster_model(&listing)?;
        self.model(model, &Wanted::Number(batch)).await
    }

    /// The folders that cannot be served, by name: of one model, or of all.
    pub(crate) async fn unusable(
        &self,
        listing: &Listing,
        of: Option<&str>,
    ) -> Vec<UnusableFolder> {
        let is_wanted = |model: &str| of.is_none_or(|of| of == model);
        let models = listing.models.iter().filter(|(name, _)| is_wanted(name));
        let keys = models.flat_map(|(name, listed)| {
            examined::newest(listed).map(|extent| (Arc::clone(name), extent))
        });
        let keys: Vec<Key> = keys.collect();
        let found = futures::stream::iter(keys)
            .map(async |key| Some((self.examine(&key).await?, key)))
            .buffer_unordered(EXAMINED_AT_ONCE)
            .filter_map(async |found| found);
        let mut unusable: Vec<UnusableFolder> = found
            .map(|(reason, key)| UnusableFolder {
                folder: examined::folder(&key),
                model: key.0.to_string(),
                extent: key.1,
                reason,
            })
            .collect()
            .await;
        self.examined.retain(|(name, extent)| {
            listing
                .models
                .get(name)
                .is_some_and(|listed| listed.has(extent))
        });
        unusable.extend(
            listing
                .unusable
                .iter()
                .filter(|folder| is_wanted(&folder.model))
                .cloned(),
        );
        unusable.sort_unstable_by(|one, other| one.folder.cmp(&other.folder));
        unusable
    }

    /// The reason why a model cannot be served; none if it can be, or if the store fails.
    async fn examine(&self, key: &Key) -> Option<String> {
        let (model, extent) = key;
        let stamp = match self.examined.get(key) {
            Some(Verdict::Usable) => return None,
            Some(Verdict::Unusable(reason, known)) => {
                let stamp = self.models.stamp(model, extent.clone()).await.ok()?;
                if stamp == known {
                    return Some(reason);
                }
                stamp
            }
            None => self.models.stamp(model, extent.clone()).await.ok()?,
        };
        let verdict = match self.read(key).await {
            Ok(_) => Verdict::Usable,
            Err(LoadError::Store(ModelError::Store(_) | ModelError::NotFound { .. })) => {
                return None;
            }
            Err(error) => Verdict::Unusable(error.reason(), stamp),
        };
        self.examined.set(key, verdict.clone());
        match verdict {
            Verdict::Usable => None,
            Verdict::Unusable(reason, _) => Some(reason),
        }
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
        match self.loaded.try_get_with_by_ref(&key, self.read(&key)).await {
            Ok(loaded) => {
                self.examined.set(&key, Verdict::Usable);
                Ok(loaded)
            }
            Err(error) => {
                // The model was listed. Either it was removed since, or the store cannot be read and looks empty.
                let is_gone = matches!(&*error, LoadError::Store(ModelError::NotFound { .. }));
                if is_gone && self.look_again().await == StoreState::Failing {
                    return Err(Problem::models_unavailable());
                }
                let problem = Problem::of_model(model, extent, &error);
                // The next listing reads the folder again and finds the reason.
                self.examined.forget(&key);
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

    /// Forgets the models of a name, which are read again when they are asked.
    pub(crate) async fn forget(&self, model: &str) {
        let keys = self.loaded.iter().map(|(key, _)| key);
        for key in keys.filter(|key| *key.0 == *model) {
            self.loaded.invalidate(&*key).await;
        }
    }

    async fn read(&self, key: &Key) -> Result<Arc<Loaded>, LoadError> {
        let (model, extent) = key.clone();
        let saved = self.models.read(&model, extent.clone()).await?;
        let unknown_columns = self.unknown_columns;
        // Planning SQL takes milliseconds.
        let load = move || Loaded::new(model, extent, saved, unknown_columns);
        match tokio::task::spawn_blocking(load).await {
            Ok(loaded) => loaded.map(Arc::new),
            Err(stopped) => Err(LoadError::Stopped(stopped)),
        }
    }
}
