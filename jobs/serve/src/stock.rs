//! The models of the store: which there are, and those in memory.
//!
//! Invariant: the listing changes only here, by one at a time, and says what the store said last. A model is in memory
//! before the listing names it, if somebody is likely to ask it next. A store that cannot be read changes nothing.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};

use futures::StreamExt;
use gugus_files::Sizes;
use gugus_models::{Extent, Looked, ModelError, ModelStore, Survey};
use gugus_spec::ModelName;
use tokio::sync::watch;

use crate::config::Config;
use crate::listing::{Aliasing, Key, Listing, StoreState};
use crate::memory::Memory;

/// How many folders are looked at or read at a time.
const AT_ONCE: usize = 8;

/// The models of a store.
pub(crate) struct Stock {
    pub(crate) models: ModelStore,
    pub(crate) memory: Memory,
    listing: RwLock<Arc<Listing>>,
    /// Whether the store was looked through once. Until then, requests wait.
    is_listed: watch::Sender<bool>,
    /// Held while the listing is changed.
    turn: tokio::sync::Mutex<()>,
    /// The models whose folders were looked at while the store is looked through. What is known of them is newer.
    touched: Mutex<Option<BTreeSet<Key>>>,
}

impl Stock {
    /// Looks whether the store can be listed. [`Self::look_through`] lists it.
    pub(crate) async fn open(config: &Config) -> Result<Self, ModelError> {
        config.models.list("", Sizes::Skip).await?;
        let models = ModelStore::new(config.models.clone());
        Ok(Self {
            memory: Memory::new(models.clone(), config),
            models,
            listing: RwLock::new(Arc::new(Survey::default().into())),
            is_listed: watch::Sender::new(false),
            turn: tokio::sync::Mutex::default(),
            touched: Mutex::default(),
        })
    }

    /// Returns when the store was looked through once.
    pub(crate) async fn listed(&self) {
        if !*self.is_listed.borrow() {
            // The sender is in `self`, so it cannot be dropped meanwhile.
            let _ = self.is_listed.subscribe().wait_for(|it| *it).await;
        }
    }

    /// The listing. It must not be held for longer than a search in it.
    pub(crate) fn current(&self) -> RwLockReadGuard<'_, Arc<Listing>> {
        self.listing.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut Listing)) {
        let mut listing = self.listing.write().unwrap_or_else(PoisonError::into_inner);
        // A copy is made only while somebody shows the whole listing.
        change(Arc::make_mut(&mut listing));
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
        let refresh = async |key: Key| {
            self.memory.refresh(&key).await;
        };
        let refreshed = futures::stream::iter(held).map(refresh);
        refreshed.buffer_unordered(AT_ONCE).collect::<()>().await;
        self.bring(newest).await;
    }

    /// Brings models into memory. A model that cannot be read is told when it is asked.
    async fn bring(&self, keys: Vec<Key>) {
        let load = async |key: Key| drop(self.memory.load(&key).await);
        let loaded = futures::stream::iter(keys).map(load);
        loaded.buffer_unordered(AT_ONCE).collect::<()>().await;
    }

    /// Reads the aliases of models again. The models that they stand for now are in memory before.
    pub(crate) async fn look_at_aliases(&self, models: Vec<ModelName>) {
        let _turn = self.turn.lock().await;
        let aliases = self.read_aliases(models).await;
        self.change(|listing| {
            for (model, aliasing) in aliases {
                listing.set_aliases(model, aliasing);
            }
        });
    }

    /// The aliases of models, those that were known last if they cannot be read.
    async fn read_aliases(&self, models: Vec<ModelName>) -> Vec<(Arc<str>, Aliasing)> {
        let read = async |model: ModelName| {
            let last = self.current().aliasing(model.as_str());
            let aliasing = match self.models.aliases(&model).await {
                Ok(aliases) => Aliasing::from(aliases),
                Err(error) => last.clone().and_now(&model, error),
            };
            let name: Arc<str> = model.as_str().into();
            let moved = aliasing.moved_since(&last);
            let moved = moved.map(|batch| (Arc::clone(&name), Extent::Batch(batch)));
            self.bring(moved.collect()).await;
            (name, aliasing)
        };
        let read = futures::stream::iter(models).map(read);
        read.buffered(AT_ONCE).collect().await
    }

    /// Looks at one folder of the store with all its models. Whether it has models, and all of them are complete.
    pub(crate) async fn look_into(&self, name: &str) -> bool {
        let survey = match self.models.survey_folder(name).await {
            Ok(survey) => survey,
            Err(error) => {
                self.fails(&error);
                return false;
            }
        };
        let found = Listing::from(survey);
        let known = self.current().keys(name);
        let keys: BTreeSet<Key> = found.all_keys().chain(known).collect();
        !keys.is_empty() && self.look_at(keys).await.is_empty()
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
                let aliased = survey.aliased.clone();
                let mut listing = Listing::from(survey);
                for key in &touched {
                    listing.note(key, self.current().noted(key), false);
                }
                for (model, aliasing) in self.read_aliases(aliased).await {
                    listing.set_aliases(model, aliasing);
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

    fn touched(&self) -> MutexGuard<'_, Option<BTreeSet<Key>>> {
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
