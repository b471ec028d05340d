//! The models of a store: the listing of all of them, and those in memory.
//!
//! Invariant: the listing changes only here, one change at a time, and says what the store said last. A model that is likely
//! to be asked next is in memory before the listing names it. A store that cannot be read changes no entry.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};

use futures::StreamExt;
use gugus_files::{Sizes, StoreError};
use gugus_models::{Extent, Known, Looked, ModelError, ModelStore, Survey};
use gugus_spec::ModelName;
use tokio::sync::watch;

use crate::alias_files::{AliasFiles, Aliases};
use crate::config::Config;
use crate::early::Early;
use crate::listing::{AT_ONCE, Aliasing, Key, Listing, StoreState};
use crate::memory::Memory;

/// How many times aliases and their models are looked at, at most, until they agree.
const MOST_LOOKS: usize = 3;

/// The models of a store.
pub(crate) struct Stock {
    pub(crate) models: ModelStore,
    pub(crate) memory: Memory,
    /// What is known before the store was looked through.
    pub(crate) early: Early,
    listing: RwLock<Arc<Listing>>,
    /// Whether the store was looked through once. Until then, requests wait.
    is_listed: watch::Sender<bool>,
    /// Held while the listing is changed.
    turn: tokio::sync::Mutex<()>,
    /// The models whose folders were looked at since the store began to be looked through. The listing knows these folders
    /// better than the survey does.
    touched: Mutex<Option<BTreeSet<Key>>>,
    /// What needs no second look while the store is looked through again.
    known: tokio::sync::Mutex<Known>,
    alias_files: AliasFiles,
}

impl Stock {
    /// Checks that the store can be listed. [`Self::look_through`] makes the listing.
    pub(crate) async fn open(config: &Config) -> Result<Self, ModelError> {
        let listed = config.models.list("", Sizes::Skip).await?;
        let folders = listed.unwrap_or_default().folders;
        let models = ModelStore::new(config.models.clone());
        let alias_files = AliasFiles::new(models.clone());
        Ok(Self {
            memory: Memory::new(models.clone(), config),
            early: Early::new(folders),
            models,
            listing: RwLock::new(Arc::new(Survey::default().into())),
            is_listed: watch::Sender::new(false),
            turn: tokio::sync::Mutex::default(),
            touched: Mutex::default(),
            known: tokio::sync::Mutex::default(),
            alias_files,
        })
    }

    /// Whether the store was looked through once.
    pub(crate) fn is_listed(&self) -> bool {
        *self.is_listed.borrow()
    }

    /// Waits until the store was looked through once.
    pub(crate) async fn listed(&self) {
        if !self.is_listed() {
            // The sender is in `self`, so it cannot be dropped meanwhile.
            let _ = self.is_listed.subscribe().wait_for(|it| *it).await;
        }
    }

    /// The listing. It must not be held for longer than a search in it.
    pub(crate) fn current(&self) -> RwLockReadGuard<'_, Arc<Listing>> {
        self.listing.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The listing, to be held for longer.
    fn listed_now(&self) -> Arc<Listing> {
        Arc::clone(&self.current())
    }

    fn change(&self, change: impl FnOnce(&mut Listing)) {
        let mut listing = self.listing.write().unwrap_or_else(PoisonError::into_inner);
        // Makes a copy only while an answer reads the whole listing.
        change(Arc::make_mut(&mut listing));
    }

    /// Puts another listing in place of the current one.
    fn set(&self, listing: Listing) {
        let mut current = self.listing.write().unwrap_or_else(PoisonError::into_inner);
        let last = std::mem::replace(&mut *current, Arc::new(listing));
        drop(current);
        // A hundred thousand models take a while to be dropped. No request waits for that.
        drop(last);
    }

    /// Looks at the folders of some models and at some files of aliases, and changes the listing and the models in memory
    /// accordingly. Returns the models whose folders are not complete.
    pub(crate) async fn look_at(
        &self,
        keys: BTreeSet<Key>,
        mut aliased: BTreeSet<ModelName>,
    ) -> BTreeSet<Key> {
        let _turn = self.turn.lock().await;
        let mut failed = None;
        let mut found = BTreeMap::new();
        for (key, looked) in self.look(keys.clone()).await {
            match looked {
                Ok(looked) => drop(found.insert(key, looked)),
                Err(error) => failed = Some(error),
            }
        }
        let gone = found
            .iter()
            .filter(|(_, looked)| **looked == Looked::Absent);
        let gone: Vec<&Key> = gone.map(|(key, _)| key).collect();
        // A store that cannot be read may look as if the folder were gone.
        if failed.is_none() && gone.iter().any(|key| self.current().has(key)) {
            failed = self.check().await.err();
        }
        if let Some(error) = failed {
            self.fails(&error);
            return keys;
        }
        // An alias moves away before the model that it stood for is removed.
        let left = gone
            .into_iter()
            .filter(|key| self.current().is_aliased(key));
        aliased.extend(left.filter_map(|(model, _)| model.parse().ok()));
        let aliases = self
            .settle(aliased, Aliases::new(), &mut found, |key| {
                self.current().has(key)
            })
            .await;
        if let Some(touched) = &mut *self.touched() {
            touched.extend(found.keys().cloned());
        }
        self.prepare(complete(&found), &aliases).await;
        let kept: Vec<bool> = found.keys().map(|key| self.memory.holds(key)).collect();
        self.change(|listing| {
            listing.store = StoreState::Listed;
            for ((key, looked), is_kept) in found.iter().zip(kept) {
                listing.note(key, looked.clone(), is_kept);
            }
            listing.set_aliases(aliases);
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

    async fn look(
        &self,
        keys: impl IntoIterator<Item = Key>,
    ) -> Vec<(Key, Result<Looked, ModelError>)> {
        let look = async |key: Key| {
            let looked = self.models.look(&key.0, &key.1).await;
            (key, looked)
        };
        let looked = futures::stream::iter(keys).map(look).buffered(AT_ONCE);
        looked.collect().await
    }

    /// Reads aliases, apart from those that are known. Looks at those of their models that do not seem to be there. An alias may
    /// move after a folder was looked at, and a folder may change after an alias was read. So both are looked at until they agree.
    async fn settle(
        &self,
        aliased: BTreeSet<ModelName>,
        mut aliases: Aliases,
        found: &mut BTreeMap<Key, Looked>,
        is_listed: impl Fn(&Key) -> bool,
    ) -> Aliases {
        let mut again = aliased;
        for _ in 0..MOST_LOOKS {
            aliases.extend(self.alias_files.read(again, &self.listed_now()).await);
            let doubtful = aliases.iter().flat_map(Aliasing::targets).filter(|key| {
                let looked = found.get(key);
                looked.map_or_else(|| !is_listed(key), |looked| *looked == Looked::Absent)
            });
            let doubtful: BTreeSet<Key> = doubtful.collect();
            if doubtful.is_empty() {
                break;
            }
            let names = doubtful.iter().filter_map(|(model, _)| model.parse().ok());
            again = names.collect();
            let looked = self.look(doubtful).await.into_iter();
            found.extend(looked.filter_map(|(key, looked)| Some((key, looked.ok()?))));
        }
        aliases
    }

    /// Brings models into memory that are likely to be asked next, so that answers need not wait: models in memory that were
    /// written again, a newer batch if the newest one so far is in memory, and the models of aliases that moved.
    async fn prepare(&self, complete: Vec<Key>, aliases: &Aliases) {
        let mut held = Vec::new();
        let mut next: BTreeMap<Arc<str>, Key> = BTreeMap::new();
        for key in complete {
            self.memory.try_again(&key).await;
            if self.memory.holds(&key) {
                held.push(key);
            } else if self.is_asked_next(&key) {
                // The keys come in order. Of several new batches, `latest` means the last one.
                next.insert(Arc::clone(&key.0), key);
            }
        }
        let moved = aliases.iter().flat_map(|(model, aliasing)| {
            let last = self.current().aliasing(model);
            let moved = aliasing.moved_since(&last).collect::<Vec<_>>();
            moved
                .into_iter()
                .map(|batch| (Arc::clone(model), Extent::Batch(batch)))
        });
        let refresh = async |key: Key| {
            self.memory.refresh(&key).await;
        };
        // A model that cannot be read is told when it is asked.
        let load = async |key: Key| drop(self.memory.load(&key).await);
        let moved: Vec<Key> = moved.collect();
        let loaded = futures::stream::iter(next.into_values().chain(moved)).map(load);
        loaded.buffer_unordered(AT_ONCE).collect::<()>().await;
        let refreshed = futures::stream::iter(held).map(refresh);
        refreshed.buffer_unordered(AT_ONCE).collect::<()>().await;
    }

    /// Whether a batch is newer than all that are listed, and the newest of these is in memory.
    fn is_asked_next(&self, (model, extent): &Key) -> bool {
        let newest = self.current().newest(model);
        newest.zip(extent.batch()).is_some_and(|(newest, batch)| {
            batch > newest
                && self
                    .memory
                    .holds(&(Arc::clone(model), Extent::Batch(newest)))
        })
    }

    /// Looks at one folder of the store with all its models. Returns whether it has models and all of them are complete.
    pub(crate) async fn look_into(&self, name: &str) -> bool {
        let survey = match self.models.survey_folder(name).await {
            Ok(survey) => survey,
            Err(error) => {
                self.fails(&error);
                return false;
            }
        };
        let aliased = survey.aliased.iter().cloned().collect();
        let found = Listing::from(survey);
        let known = self.current().keys(name);
        let keys: BTreeSet<Key> = found.all_keys().chain(known).collect();
        !keys.is_empty() && self.look_at(keys, aliased).await.is_empty()
    }

    /// Looks through the whole store. Meanwhile single folders are looked at as they change.
    pub(crate) async fn look_through(&self) {
        self.begin().await;
        let mut known = self.known.lock().await;
        let mut survey = self.models.survey_again(&mut known).await;
        drop(known);
        if survey.as_ref().is_ok_and(|survey| survey.models.is_empty())
            && (!self.current().models.is_empty() || !self.memory.keys().is_empty())
            && let Err(error) = self.check().await
        {
            survey = Err(error);
        }
        let _turn = self.turn.lock().await;
        let touched = self.touched().take().unwrap_or_default();
        match survey {
            Err(error) => {
                // The first listing may fail after models were read by their names. They are served on.
                self.change(|listing| {
                    self.memory
                        .keys()
                        .iter()
                        .for_each(|key| listing.insert(key))
                });
                self.fails(&error);
            }
            Ok(survey) => self.replace(survey, &touched).await,
        }
        self.is_listed.send_replace(true);
        self.early.forget();
    }

    /// Begins to note the models whose folders are looked at. It takes a turn, because a look at folders that has begun
    /// already might end after the survey has passed the same folders.
    async fn begin(&self) {
        let _turn = self.turn.lock().await;
        *self.touched() = Some(BTreeSet::new());
    }

    async fn replace(&self, survey: Survey, touched: &BTreeSet<Key>) {
        let mut aliased: BTreeSet<ModelName> = survey.aliased.iter().cloned().collect();
        // A model may have got its aliases after the survey had passed its folder.
        aliased.extend(self.current().with_aliases());
        let mut listing = Listing::from(survey);
        for key in touched {
            listing.note(key, self.current().noted(key), false);
        }
        let mut found = BTreeMap::new();
        let unchanged = self
            .alias_files
            .unchanged(&mut aliased, &self.listed_now())
            .await;
        let aliases = self
            .settle(aliased, unchanged, &mut found, |key| listing.has(key))
            .await;
        for (key, looked) in found {
            listing.note(&key, looked, false);
        }
        let mut gone = Vec::new();
        for key in self.memory.keys() {
            if listing.has(&key) {
                continue;
            }
            if listing.is_incomplete(&key) {
                listing.insert(&key);
            } else {
                gone.push(key);
            }
        }
        let mut next = listing.newer_than(&self.current());
        if !self.is_listed() {
            // A model that was read by its name may have been replaced before anybody watched its folder.
            next.extend(self.memory.keys());
        }
        self.prepare(next, &aliases).await;
        listing.set_aliases(aliases);
        self.memory.examined.retain(|key| listing.has(key));
        self.set(listing);
        for key in gone {
            self.memory.forget(&key).await;
        }
    }

    /// Checks that the store can be listed. A store that held models and is not there any more fails: it was moved away, or
    /// its disk is gone.
    async fn check(&self) -> Result<(), ModelError> {
        let store = self.models.store();
        match store.list("", Sizes::Skip).await? {
            Some(_) => Ok(()),
            None => Err(ModelError::Store(StoreError::NotFound {
                path: store.display(""),
            })),
        }
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

/// The models whose folders were found complete.
fn complete(found: &BTreeMap<Key, Looked>) -> Vec<Key> {
    let complete = found.iter().filter(|(_, it)| **it == Looked::Complete);
    complete.map(|(key, _)| key.clone()).collect()
}

#[cfg(test)]
mod tests {
    use gugus_files::Store;
    use gugus_files::conformance::faults::{Fault, Faulty};
    use gugus_models::Existing;
    use gugus_spec::BatchNumber;

    use super::*;
    use crate::memory::tests::draft;

    const ALIASES: &str = r#"{"version": 1, "aliases": {"production": {"batch": 1, "since": ""}}}"#;

    #[tokio::test]
    async fn a_model_that_was_read_by_its_name_is_compared_when_the_store_was_looked_through() {
        let stock = Stock::open(&Config::new(Store::in_memory())).await.unwrap();
        let draft = draft(1);
        stock.models.write(&draft, Existing::Keep).await.unwrap();
        let key = (Arc::from("m"), Extent::Batch(BatchNumber::FIRST));
        assert!(stock.memory.load(&key).await.is_ok());
        let written = stock.models.write(&draft, Existing::Replace).await;
        written.unwrap();
        stock.look_through().await;
        assert_eq!(stock.memory.held().replaced, 1);
        // Later, notices tell which models have to be compared.
        let written = stock.models.write(&draft, Existing::Replace).await;
        written.unwrap();
        stock.look_through().await;
        assert_eq!(stock.memory.held().replaced, 1);
    }

    #[tokio::test]
    async fn aliases_that_could_not_be_read_for_a_moment_are_read_again() {
        let store = Store::in_memory();
        store
            .create("m/aliases.json", ALIASES.into())
            .await
            .unwrap();
        // The first request asks for the stamp, and the second one for the content.
        let faults = [Fault::None, Fault::Refused];
        let faulty = Faulty::new(store.object_store(), &[], &faults);
        let stock = Stock::open(&Config::new(faulty.store())).await.unwrap();
        stock.look_through().await;
        assert!(stock.current().aliases("m").is_none());
        stock.look_through().await;
        assert!(stock.current().aliases("m").is_some());
    }

    #[tokio::test]
    async fn aliases_that_come_while_the_store_is_looked_through_are_kept() {
        let store = Store::in_memory();
        let stock = Stock::open(&Config::new(store.clone())).await.unwrap();
        let before = stock.models.survey().await.unwrap();
        let written = store.create("m/aliases.json", ALIASES.into()).await;
        written.unwrap();
        let aliased = BTreeSet::from(["m".parse().unwrap()]);
        stock.look_at(BTreeSet::new(), aliased).await;
        assert!(stock.current().aliases("m").is_some());
        stock.replace(before, &BTreeSet::new()).await;
        assert!(stock.current().aliases("m").is_some());

        // The file is as it was, and is not read again.
        let mut same = BTreeSet::from(["m".parse().unwrap(), "n".parse().unwrap()]);
        let unchanged = stock
            .alias_files
            .unchanged(&mut same, &stock.listed_now())
            .await;
        assert_eq!(
            unchanged.keys().map(|name| &**name).collect::<Vec<_>>(),
            ["m"]
        );
        assert_eq!(same, BTreeSet::from(["n".parse().unwrap()]));
        // It is written again, to say the same of another batch.
        store.delete("m/aliases.json").await.unwrap();
        let other = ALIASES.replace("1, \"since", "2, \"since");
        store.create("m/aliases.json", other.into()).await.unwrap();
        let survey = stock.models.survey().await.unwrap();
        stock.replace(survey, &BTreeSet::new()).await;
        let batch = stock.current().aliases("m").unwrap().batch("production");
        assert_eq!(batch.map(|batch| batch.get()), Some(2));

        store.delete("m/aliases.json").await.unwrap();
        let after = stock.models.survey().await.unwrap();
        stock.replace(after, &BTreeSet::new()).await;
        assert!(stock.current().aliases("m").is_none());
    }
}
