//! The models that can be asked: those in the store, and those of them in memory.
//!
//! Invariant: a name from a request reaches the store only if the listing contains it. No request lists the store: the
//! [keeper](crate::keeper) keeps the listing as the store is. A model in use is compared with its folder once in
//! [`Config::poll`], and answers meanwhile.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

use futures::StreamExt;
use gugus_files::Sizes;
use gugus_models::{Extent, Looked, ModelError, ModelStore, Survey};
use gugus_spec::BatchNumber;
use tokio::sync::watch;

use crate::asked::Wanted;
use crate::compared::Due;
use crate::config::{Config, PREDICT_CLUSTER_MODELS};
use crate::listing::{Key, Listing, StoreState};
use crate::loaded::Loaded;
use crate::memory::{Memory, NotLoaded, Refreshed};
use crate::problem::{Code, LoadError, Problem};

/// How many batches `latest` tries before it gives up.
const MOST_TRIED: usize = 100;

/// How many folders are looked at or read at a time.
const AT_ONCE: usize = 8;

/// The models of a store.
pub(crate) struct Catalogue {
    pub(crate) models: ModelStore,
    pub(crate) memory: Memory,
    predict_cluster: Option<String>,
    poll: Duration,
    listing: RwLock<Arc<Listing>>,
    /// Whether the store was looked through once. Until then, requests wait.
    is_listed: watch::Sender<bool>,
    /// Held while the listing is changed.
    turn: tokio::sync::Mutex<()>,
    /// The models whose folders were looked at while the store is looked through. What is known of them is newer.
    touched: Mutex<Option<BTreeSet<Key>>>,
}

impl Catalogue {
    /// Looks whether the store can be listed. The keeper lists it.
    pub(crate) async fn open(config: &Config) -> Result<Self, ModelError> {
        config.models.list("", Sizes::Skip).await?;
        let models = ModelStore::new(config.models.clone());
        Ok(Self {
            memory: Memory::new(models.clone(), config),
            models,
            predict_cluster: config.predict_cluster.clone(),
            poll: config.poll,
            listing: RwLock::new(Arc::new(Survey::default().into())),
            is_listed: watch::Sender::new(false),
            turn: tokio::sync::Mutex::default(),
            touched: Mutex::default(),
        })
    }

    /// The current listing.
    pub(crate) async fn listing(&self) -> Arc<Listing> {
        self.listed().await;
        Arc::clone(&self.current())
    }

    /// Returns when the store was looked through once.
    async fn listed(&self) {
        if !*self.is_listed.borrow() {
            // It fails when the catalogue is dropped, which a borrow of it rules out.
            let _ = self.is_listed.subscribe().wait_for(|it| *it).await;
        }
    }

    fn current(&self) -> RwLockReadGuard<'_, Arc<Listing>> {
        self.listing.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut Listing)) {
        let mut listing = self.listing.write().unwrap_or_else(PoisonError::into_inner);
        // A copy is made only while somebody shows the whole listing.
        change(Arc::make_mut(&mut listing));
    }

    /// The model that a path names, ready to be asked. `latest` is the newest model that can be served.
    pub(crate) async fn model(
        self: &Arc<Self>,
        model: &str,
        wanted: &Wanted,
    ) -> Result<Arc<Loaded>, Problem> {
        self.listed().await;
        let is_latest = *wanted == Wanted::Latest;
        let (mut before, mut last_good, mut newest) = (None, None, None);
        for _ in 0..MOST_TRIED {
            let found = self.current().find(model, wanted, before);
            let key = match found {
                Ok(key) => key,
                Err(problem) => {
                    newest.get_or_insert(problem);
                    break;
                }
            };
            match self.load(&key).await {
                Ok(loaded) if is_latest && loaded.compared.is_replaced() => {
                    last_good.get_or_insert(loaded);
                }
                Ok(loaded) => return Ok(loaded),
                Err(problem) if is_latest && problem.allows_older() => {
                    newest.get_or_insert(problem);
                }
                Err(problem) => return Err(problem),
            }
            before = key.1.batch();
        }
        last_good.ok_or_else(|| newest.unwrap_or_else(|| Problem::unknown_model(model)))
    }

    /// Batch `batch` of the model that `/predict_cluster/` asks.
    pub(crate) async fn predict_cluster(
        self: &Arc<Self>,
        batch: BatchNumber,
    ) -> Result<Arc<Loaded>, Problem> {
        self.listed().await;
        let model = self.predict_cluster_model()?;
        self.model(&model, &Wanted::Number(batch)).await
    }

    fn predict_cluster_model(&self) -> Result<Arc<str>, Problem> {
        if let Some(model) = &self.predict_cluster {
            return Ok(model.as_str().into());
        }
        let listing = self.current();
        let mut usual = PREDICT_CLUSTER_MODELS.into_iter();
        if let Some((model, _)) = usual.find_map(|name| listing.models.get_key_value(name)) {
            return Ok(Arc::clone(model));
        }
        let mut names = listing.models.keys();
        match (names.next(), names.next()) {
            (Some(only), None) => Ok(Arc::clone(only)),
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

    async fn load(self: &Arc<Self>, key: &Key) -> Result<Arc<Loaded>, Problem> {
        if let Some(loaded) = self.memory.get(key).await {
            match loaded.compared.due(self.poll) {
                Due::No => return Ok(loaded),
                Due::Soon => {
                    self.refresh(key);
                    return Ok(loaded);
                }
                Due::Now => {
                    // It ends early only when the service does.
                    let _ = self.refresh(key).await;
                    if let Some(loaded) = self.memory.get(key).await {
                        return Ok(loaded);
                    }
                    self.current().find(&key.0, &Wanted::from(&key.1), None)?;
                }
            }
        }
        match self.memory.load(key).await {
            Ok(loaded) => {
                // Its folder may have been replaced after it was read and before it was in memory.
                self.refresh(key);
                Ok(loaded)
            }
            Err(NotLoaded::Before(problem)) => Err(problem),
            Err(NotLoaded::Now(error)) => {
                // The model was listed. Either it was removed since, or the store cannot be read and looks empty.
                if matches!(&*error, LoadError::Store(ModelError::NotFound { .. })) {
                    self.look_at(BTreeSet::from([key.clone()])).await;
                    if self.current().store == StoreState::Failing {
                        return Err(Problem::models_unavailable());
                    }
                    self.current().find(&key.0, &Wanted::from(&key.1), None)?;
                }
                Err(self.memory.problem(key, &error).await)
            }
        }
    }

    /// Compares a model in memory with the store, in a task of its own: a client that hangs up does not break it off.
    fn refresh(self: &Arc<Self>, key: &Key) -> tokio::task::JoinHandle<()> {
        let (catalogue, key) = (Arc::clone(self), key.clone());
        tokio::spawn(async move {
            if catalogue.memory.refresh(&key).await == Refreshed::Gone {
                catalogue.look_at(BTreeSet::from([key])).await;
            }
        })
    }

    /// Looks at the folders of some models, and changes the listing and the models in memory accordingly. Returns the
    /// models whose folders are not complete.
    pub(crate) async fn look_at(&self, keys: BTreeSet<Key>) -> BTreeSet<Key> {
        let _turn = self.turn.lock().await;
        if let Some(touched) = &mut *self.touched() {
            touched.extend(keys.iter().cloned());
        }
        let look = async |key: Key| (self.models.look(&key.0, &key.1).await, key);
        let looked = futures::stream::iter(keys).map(look).buffered(AT_ONCE);
        let looked: Vec<_> = looked.collect().await;
        let mut found = Vec::new();
        let mut failed = None;
        for (looked, key) in looked {
            match looked {
                Ok(looked) => found.push((key, looked)),
                Err(error) => failed = Some(error),
            }
        }
        // A store that cannot be read may look as if the folder were gone.
        let is_gone = |(key, looked): &(Key, Looked)| {
            *looked == Looked::Absent && self.current().has(key)
        };
        if failed.is_none() && found.iter().any(is_gone) {
            failed = self.models.is_empty().await.err();
        }
        if let Some(error) = failed {
            self.fails(&error);
            return found.into_iter().map(|(key, _)| key).collect();
        }
        self.take(found).await
    }

    /// Takes what was found in the store: brings models into memory first, and changes the listing second.
    async fn take(&self, found: Vec<(Key, Looked)>) -> BTreeSet<Key> {
        let complete = found.iter().filter(|(_, it)| *it == Looked::Complete);
        let complete: Vec<Key> = complete.map(|(key, _)| key.clone()).collect();
        self.prepare(&complete).await;
        let kept: Vec<bool> = found.iter().map(|(key, _)| self.memory.holds(key)).collect();
        self.change(|listing| {
            listing.store = StoreState::Listed;
            for ((key, looked), is_kept) in found.iter().zip(kept) {
                listing.note(key, looked.clone(), is_kept);
            }
        });
        let mut incomplete = BTreeSet::new();
        for (key, looked) in found {
            match looked {
                Looked::Complete => continue,
                Looked::Unusable(_) => {}
                Looked::Absent => self.memory.forget(&key).await,
            }
            incomplete.insert(key);
        }
        incomplete
    }

    /// Reads models that were written again and are in memory, and the newest model where the one before is in memory:
    /// it is asked next. So the answers of `latest` need not wait for it.
    async fn prepare(&self, complete: &[Key]) {
        let mut asked_next = BTreeSet::new();
        let mut held = Vec::new();
        for key in complete {
            self.memory.try_again(key).await;
            if self.memory.holds(key) {
                held.push(key.clone());
            } else if let Some(newest) = self.current().newest(&key.0)
                && key.1.batch().is_some_and(|batch| batch > newest)
                && self.memory.holds(&(Arc::clone(&key.0), Extent::Batch(newest)))
            {
                asked_next.insert(key.clone());
            }
        }
        // Of several new batches only the newest one is what `latest` means.
        let newest = asked_next.iter().filter(|(model, extent)| {
            let mut others = asked_next.iter().filter(|(other, _)| other == model);
            others.all(|(_, other)| other <= extent)
        });
        let newest: Vec<Key> = newest.cloned().collect();
        let refresh = async |key: Key| drop(self.memory.refresh(&key).await);
        // A model that cannot be read is told when it is asked.
        let load = async |key: Key| drop(self.memory.load(&key).await);
        let refreshed = futures::stream::iter(held).map(refresh);
        refreshed.buffer_unordered(AT_ONCE).collect::<()>().await;
        let loaded = futures::stream::iter(newest).map(load);
        loaded.buffer_unordered(AT_ONCE).collect::<()>().await;
    }

    /// Looks at one folder of the store with all its models.
    pub(crate) async fn look_into(&self, name: &str) -> BTreeSet<Key> {
        let survey = match self.models.survey_folder(name).await {
            Ok(survey) => survey,
            Err(error) => {
                self.fails(&error);
                return BTreeSet::new();
            }
        };
        let found = Listing::from(survey);
        let known = self.current().keys(name);
        let keys = found.all_keys().chain(known);
        self.look_at(keys.collect()).await
    }

    /// Looks through the whole store. Meanwhile single folders are looked at as they change.
    pub(crate) async fn look_through(&self) {
        *self.touched() = Some(BTreeSet::new());
        let survey = self.models.survey().await;
        let _turn = self.turn.lock().await;
        let touched = self.touched().take().unwrap_or_default();
        match survey {
            Err(error) => self.fails(&error),
            Ok(survey) => {
                let mut listing = Listing::from(survey);
                {
                    let current = self.current();
                    for key in &touched {
                        listing.note(key, current.noted(key), false);
                    }
                }
                let mut gone = Vec::new();
                for key in self.memory.keys() {
                    if listing.is_incomplete(&key) {
                        listing.insert(&key);
                    } else if !listing.has(&key) {
                        gone.push(key);
                    }
                }
                let new = listing.newer_than(&self.current());
                self.prepare(&new).await;
                self.change(|current| *current = listing);
                for key in gone {
                    self.memory.forget(&key).await;
                }
            }
        }
        self.is_listed.send_replace(true);
    }

    fn touched(&self) -> std::sync::MutexGuard<'_, Option<BTreeSet<Key>>> {
        self.touched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fails(&self, error: &ModelError) {
        if self.current().store == StoreState::Listed {
            tracing::warn!(
                error = gugus_error::chain(error),
                "the models could not be listed; what is in memory is served on"
            );
        }
        self.change(|listing| listing.store = StoreState::Failing);
    }
}
