//! The models in the store, as far as they are known.

use std::collections::BTreeMap;
use std::sync::Arc;

use gugus_models::{
    Aliased, Aliases, Extent, ListedModel, Looked, ModelError, Survey, UnusableFolder,
};
use gugus_spec::{AliasName, BatchNumber, ModelName};

use crate::asked::Wanted;
use crate::problem::{Code, LoadError, Problem};

/// How many folders or files are looked at or read at a time.
pub(crate) const AT_ONCE: usize = 8;

/// A model by its name and the data that it was trained on.
pub(crate) type Key = (Arc<str>, Extent);

/// The models in the store at one time.
#[derive(Clone, Debug)]
pub(crate) struct Listing {
    pub(crate) models: BTreeMap<Arc<str>, ListedModel>,
    /// Folders that look like models and are not complete.
    unusable: Vec<UnusableFolder>,
    /// The aliases of each model that has some.
    aliases: BTreeMap<Arc<str>, Aliasing>,
    /// Whether the store could still be listed when last asked.
    pub(crate) store: StoreState,
}

/// The aliases of a model.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Aliasing {
    /// As they were when they could be read last.
    pub(crate) aliases: Aliases,
    /// Why they cannot be read now, if so.
    pub(crate) wrong: Option<UnusableFolder>,
}

impl From<Aliases> for Aliasing {
    fn from(aliases: Aliases) -> Self {
        Self {
            aliases,
            wrong: None,
        }
    }
}

impl Aliasing {
    /// The same aliases, which cannot be read now. This is told once.
    pub(crate) fn and_now(mut self, model: &ModelName, error: ModelError) -> Self {
        // While the store fails, nothing is known about the file.
        if matches!(error, ModelError::Store(_)) {
            return self;
        }
        let text = gugus_error::chain(&error);
        let wrong = UnusableFolder {
            folder: format!("{model}/aliases.json"),
            model: model.to_string(),
            extent: Extent::All,
            reason: LoadError::Store(error).reason(),
        };
        if self.wrong.as_ref() != Some(&wrong) {
            tracing::warn!(%model, error = text, "the aliases of a model cannot be read; those that were read last are served on");
        }
        self.wrong = Some(wrong);
        self
    }

    /// The models that aliases stand for.
    pub(crate) fn targets((model, aliasing): (&Arc<str>, &Self)) -> Vec<Key> {
        let aliased = aliasing.aliases.aliases.values();
        let key = |aliased: &Aliased| (Arc::clone(model), Extent::Batch(aliased.batch));
        aliased.map(key).collect()
    }

    /// The batches that aliases stand for that stood for others before.
    pub(crate) fn moved_since(&self, last: &Self) -> impl Iterator<Item = BatchNumber> {
        let now = self.aliases.aliases.iter();
        let moved = now.filter(|(alias, now)| {
            let last = last.aliases.aliases.get(alias);
            last.is_some_and(|last| last.batch != now.batch)
        });
        moved.map(|(_, now)| now.batch)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StoreState {
    Listed,
    Failing,
}

impl From<Survey> for Listing {
    fn from(survey: Survey) -> Self {
        let models = survey.models.into_iter();
        let models = models
            .map(|listed| (Arc::from(listed.model.as_str()), listed))
            .collect();
        Self {
            models,
            unusable: survey.unusable,
            aliases: BTreeMap::new(),
            store: StoreState::Listed,
        }
    }
}

impl Listing {
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

    /// The folders that are not complete, of one model or of all.
    pub(crate) fn unusable(&self, of: Option<&str>) -> impl Iterator<Item = &UnusableFolder> {
        let aliases = self.aliases.values();
        let aliases = aliases.filter_map(|aliasing| aliasing.wrong.as_ref());
        let folders = self.unusable.iter().chain(aliases);
        folders.filter(move |folder| of.is_none_or(|of| of == folder.model))
    }

    /// Finds the model that a path names. `latest` is the newest batch, or the newest one before `before`.
    pub(crate) fn find(
        &self,
        model: &str,
        wanted: &Wanted,
        before: Option<BatchNumber>,
    ) -> Result<Key, Problem> {
        match wanted {
            Wanted::Number(batch) => self.find_extent(model, Extent::Batch(*batch)),
            Wanted::Window(key) => self.find_extent(model, Extent::Window(key.clone())),
            Wanted::All => self.find_extent(model, Extent::All),
            Wanted::Alias(alias) => self.find_alias(model, alias),
            Wanted::Latest => {
                let (name, listed) = self.model(model)?;
                match listed.newest(before) {
                    Some(batch) => Ok((Arc::clone(name), Extent::Batch(batch))),
                    None if listed.windows.is_empty() || listed.all => {
                        let detail =
                            format!("model {model:?} has no batches; ask /models/{model}/predict");
                        Err(Problem::new(Code::UnknownBatch, detail))
                    }
                    None => Err(of_windows(model)),
                }
            }
        }
    }

    fn find_extent(&self, model: &str, extent: Extent) -> Result<Key, Problem> {
        let (name, listed) = self.model(model)?;
        if listed.has(&extent) {
            return Ok((Arc::clone(name), extent));
        }
        if extent == Extent::All && listed.batches.is_empty() && !listed.windows.is_empty() {
            return Err(of_windows(model));
        }
        Err(match self.incomplete(model, Some(&extent)) {
            Some(folder) => Problem::incomplete(Some(&extent), folder),
            None => Problem::unknown_extent(model, &extent),
        })
    }

    /// Finds the model that an alias stands for, and never another one. The file of aliases may be all that is left of a model.
    fn find_alias(&self, model: &str, alias: &AliasName) -> Result<Key, Problem> {
        let Some(batch) = self.aliased(model, alias) else {
            self.model(model)?;
            return Err(Problem::no_batch(model, alias.as_str()));
        };
        let extent = Extent::Batch(batch);
        match self.models.get_key_value(model) {
            Some((name, listed)) if listed.has(&extent) => Ok((Arc::clone(name), extent)),
            _ => Err(match self.incomplete(model, Some(&extent)) {
                Some(folder) => Problem::incomplete(Some(&extent), folder),
                None => Problem::alias_of_none(model, alias, batch),
            }),
        }
    }

    /// The batch that an alias of a model stands for.
    fn aliased(&self, model: &str, alias: &AliasName) -> Option<BatchNumber> {
        let aliases = &self.aliases.get(model)?.aliases.aliases;
        aliases.get(alias).map(|aliased| aliased.batch)
    }

    /// The aliases of a model, and whether they can be read.
    pub(crate) fn aliasing(&self, model: &str) -> Aliasing {
        self.aliases.get(model).cloned().unwrap_or_default()
    }

    /// The aliases of a model.
    pub(crate) fn aliases(&self, model: &str) -> Option<&Aliases> {
        self.aliases.get(model).map(|aliasing| &aliasing.aliases)
    }

    /// The models that have aliases.
    pub(crate) fn with_aliases(&self) -> impl Iterator<Item = ModelName> {
        self.aliases.keys().filter_map(|model| model.parse().ok())
    }

    /// Sets the aliases of some models.
    pub(crate) fn set_aliases(&mut self, aliases: BTreeMap<Arc<str>, Aliasing>) {
        for (model, aliasing) in aliases {
            if aliasing == Aliasing::default() {
                self.aliases.remove(&model);
            } else {
                self.aliases.insert(model, aliasing);
            }
        }
    }

    /// Whether an alias stands for a model.
    pub(crate) fn is_aliased(&self, (model, extent): &Key) -> bool {
        let aliased = self.aliases.get(model).zip(extent.batch());
        aliased.is_some_and(|(aliasing, batch)| {
            let mut aliases = aliasing.aliases.aliases.values();
            aliases.any(|aliased| aliased.batch == batch)
        })
    }

    /// Whether a model is listed.
    pub(crate) fn has(&self, (model, extent): &Key) -> bool {
        let listed = self.models.get(model);
        listed.is_some_and(|listed| listed.has(extent))
    }

    /// The batch that `latest` of this model means now.
    pub(crate) fn newest(&self, model: &str) -> Option<BatchNumber> {
        self.models.get(model)?.newest(None)
    }

    /// Whether a folder of this model is there and not complete.
    pub(crate) fn is_incomplete(&self, (model, extent): &Key) -> bool {
        self.incomplete(model, Some(extent)).is_some()
    }

    /// Lists a model.
    pub(crate) fn insert(&mut self, (model, extent): &Key) {
        let listed = self.models.entry(Arc::clone(model));
        let listed = listed.or_insert_with(|| ListedModel {
            model: model.to_string(),
            ..ListedModel::default()
        });
        listed.insert(extent);
    }

    fn remove(&mut self, (model, extent): &Key) {
        if let Some(listed) = self.models.get_mut(model) {
            listed.remove(extent);
            if listed.is_empty() {
                self.models.remove(model);
            }
        }
    }

    /// The models of this name.
    pub(crate) fn keys(&self, model: &str) -> Vec<Key> {
        let found = self.models.get_key_value(model);
        let keys = found.map(|(name, listed)| listed.extents().map(|it| (Arc::clone(name), it)));
        keys.into_iter().flatten().collect()
    }

    /// All models, also those that are not complete.
    pub(crate) fn all_keys(&self) -> impl Iterator<Item = Key> {
        let complete = self
            .models
            .iter()
            .flat_map(|(name, listed)| listed.extents().map(|extent| (Arc::clone(name), extent)));
        let of =
            |folder: &UnusableFolder| (Arc::from(folder.model.as_str()), folder.extent.clone());
        complete.chain(self.unusable.iter().map(of))
    }

    /// The newest batch of each model that has newer ones than another listing.
    pub(crate) fn newer_than(&self, other: &Self) -> Vec<Key> {
        let newest = self.models.iter().filter_map(|(name, listed)| {
            let batch = listed.newest(None)?;
            let is_newer = other.newest(name).is_some_and(|known| known < batch);
            is_newer.then(|| (Arc::clone(name), Extent::Batch(batch)))
        });
        newest.collect()
    }

    /// Notes what was found at the folders of a model. The model stays listed if `is_kept` and anything is there.
    pub(crate) fn note(&mut self, key: &Key, looked: Looked, is_kept: bool) {
        let (model, extent) = key;
        self.unusable
            .retain(|folder| folder.model != **model || folder.extent != *extent);
        match looked {
            Looked::Complete => self.insert(key),
            Looked::Unusable(folder) => {
                self.unusable.push(folder);
                if !is_kept {
                    self.remove(key);
                }
            }
            Looked::Absent => self.remove(key),
        }
    }

    /// What this listing says about a model.
    pub(crate) fn noted(&self, key: &Key) -> Looked {
        match self.incomplete(&key.0, Some(&key.1)) {
            Some(folder) => Looked::Unusable(folder.clone()),
            None if self.has(key) => Looked::Complete,
            None => Looked::Absent,
        }
    }
}

fn of_windows(model: &str) -> Problem {
    let detail = format!("model {model:?} was trained by window; ask one of its windows");
    Problem::new(Code::UnknownBatch, detail)
}
