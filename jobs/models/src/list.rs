//! Lists models without reading a file.

use std::{
    collections::{BTreeMap, BTreeSet},
    iter, mem,
    num::NonZeroUsize,
    panic::resume_unwind,
    sync::Arc,
    thread,
};

use gugus_files::{Sizes, StoreError, Tree, blocking};
use gugus_spec::{BatchNumber, ModelName};

use crate::{
    Extent, ModelError, ModelStore, WindowKey, aliases,
    known::{Inside, Known},
    place::{DATA, METADATA, MODEL_JSON, SUCCESS, has_content, sparks_folders, split_spark_name},
};

/// A model, and the data for which it has a complete folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListedModel {
    /// Its name.
    pub model: String,
    /// The batches it was trained on, ascending.
    pub batches: Vec<BatchNumber>,
    /// The windows it was trained on, by key.
    pub windows: Vec<WindowKey>,
    /// Whether it was trained over all batches.
    pub all: bool,
}

impl ListedModel {
    /// Whether it was trained on this data.
    pub fn has(&self, extent: &Extent) -> bool {
        match extent {
            Extent::Batch(batch) => self.batches.binary_search(batch).is_ok(),
            Extent::Window(key) => self.windows.binary_search(key).is_ok(),
            Extent::All => self.all,
        }
    }

    /// Whether it was trained on no data at all.
    pub fn is_empty(&self) -> bool {
        self.batches.is_empty() && self.windows.is_empty() && !self.all
    }

    /// The data that it was trained on.
    pub fn extents(&self) -> impl Iterator<Item = Extent> {
        let batches = self.batches.iter().copied().map(Extent::Batch);
        let windows = self.windows.iter().cloned().map(Extent::Window);
        let all = self.all.then_some(Extent::All);
        batches.chain(windows).chain(all)
    }

    /// Its newest batch; with `before`, the newest one before that batch.
    pub fn newest(&self, before: Option<BatchNumber>) -> Option<BatchNumber> {
        let end = match before {
            Some(before) => self.batches.partition_point(|batch| *batch < before),
            None => self.batches.len(),
        };
        self.batches.get(..end)?.last().copied()
    }

    /// Adds data that it was trained on.
    pub fn insert(&mut self, extent: &Extent) {
        match extent {
            Extent::Batch(batch) => {
                if let Err(at) = self.batches.binary_search(batch) {
                    self.batches.insert(at, *batch);
                }
            }
            Extent::Window(key) => {
                if let Err(at) = self.windows.binary_search(key) {
                    self.windows.insert(at, key.clone());
                }
            }
            Extent::All => self.all = true,
        }
    }

    /// Takes away data that it was trained on.
    pub fn remove(&mut self, extent: &Extent) {
        match extent {
            Extent::Batch(batch) => {
                if let Ok(at) = self.batches.binary_search(batch) {
                    self.batches.remove(at);
                }
            }
            Extent::Window(key) => {
                if let Ok(at) = self.windows.binary_search(key) {
                    self.windows.remove(at);
                }
            }
            Extent::All => self.all = false,
        }
    }

    fn new((model, extents): (String, BTreeSet<Extent>)) -> Self {
        Self {
            model,
            batches: extents.iter().filter_map(Extent::batch).collect(),
            windows: extents.iter().filter_map(Extent::window).cloned().collect(),
            all: extents.contains(&Extent::All),
        }
    }
}

/// The models of a store, and the folders that look like models and are none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Survey {
    /// All models with a complete folder, by name.
    pub models: Vec<ListedModel>,
    /// The folders that cannot be read, by name.
    pub unusable: Vec<UnusableFolder>,
    /// The models that have a file of aliases, whether or not they have a complete folder.
    pub aliased: Vec<ModelName>,
}

/// A folder that looks like a model and cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnusableFolder {
    /// The folder, relative to the store.
    pub folder: String,
    /// The model that it would belong to.
    pub model: String,
    /// The data that the model would be trained on.
    pub extent: Extent,
    /// The reason, in words.
    pub reason: String,
}

/// What [`ModelStore::look`] finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Looked {
    /// A complete folder.
    Complete,
    /// Only a folder that looks like the model and cannot be read.
    Unusable(UnusableFolder),
    /// No folder of a model.
    Absent,
}

/// How many folders a thread should have to look at, at least.
const LEAST: usize = 500;

/// The models found so far: for each, the data that it was trained on.
#[derive(Default)]
struct Gathered {
    models: BTreeMap<String, BTreeSet<Extent>>,
    unusable: Vec<UnusableFolder>,
    aliased: Vec<ModelName>,
    inside: BTreeMap<String, Arc<Inside>>,
}

impl Gathered {
    fn extend(&mut self, other: Self) {
        for (model, extents) in other.models {
            self.models.entry(model).or_default().extend(extents);
        }
        self.unusable.extend(other.unusable);
        self.aliased.extend(other.aliased);
        self.inside.extend(other.inside);
    }

    fn add(&mut self, model: &str, extent: Extent, folder: String, state: State) {
        match state {
            State::Complete => {
                let extents = self.models.entry(model.to_owned()).or_default();
                extents.insert(extent);
            }
            State::Unusable(reason) => self.unusable.push(UnusableFolder {
                folder,
                model: model.to_owned(),
                extent,
                reason: reason.to_owned(),
            }),
            State::NoModel => {}
        }
    }
}

impl ModelStore {
    /// All models with a complete folder, by name. No file is opened, so a torn folder is listed, too.
    ///
    /// # Errors
    /// Those of listing. A missing store is empty.
    pub async fn list(&self) -> Result<Vec<ListedModel>, ModelError> {
        Ok(self.survey().await?.models)
    }

    /// As [`ModelStore::list`], with the folders that look like models and cannot be read.
    ///
    /// # Errors
    /// Those of listing. A missing store is empty.
    pub async fn survey(&self) -> Result<Survey, ModelError> {
        self.survey_again(&mut Known::default()).await
    }

    /// As [`ModelStore::survey`], and quicker the second time: a folder of this machine whose names are known is not read
    /// again. After an error, what is known stays.
    ///
    /// # Errors
    /// Those of listing. A missing store is empty.
    pub async fn survey_again(&self, known: &mut Known) -> Result<Survey, ModelError> {
        let tree = self.store.tree("").await?;
        let last = known.clone();
        let gathered = blocking(move || {
            let names = tree.folders("")?;
            gather_side_by_side(&*tree, &names, &last)
        });
        let mut gathered = gathered.await?;
        *known = mem::take(&mut gathered.inside).into();
        Ok(gathered.into())
    }

    /// As [`ModelStore::survey`], of one folder in the store.
    ///
    /// # Errors
    /// Those of listing. A missing folder is empty.
    pub async fn survey_folder(&self, name: &str) -> Result<Survey, ModelError> {
        let tree = self.store.tree(name).await?;
        let names = [name.to_owned()];
        let gathered = blocking(move || gather(&*tree, &names, &Known::default())).await?;
        Ok(gathered.into())
    }

    /// Looks at the folders of one model as [`ModelStore::survey`] does, and at no others. No file is opened.
    ///
    /// # Errors
    /// Those of listing.
    pub async fn look(&self, model: &str, extent: &Extent) -> Result<Looked, ModelError> {
        let Ok(name) = model.parse::<ModelName>() else {
            return Ok(Looked::Absent);
        };
        let ours = Self::folder(&name, extent);
        let mut looked = Looked::Absent;
        for folder in iter::once(ours.clone()).chain(sparks_folders(model, extent)) {
            let tree = self.store.tree(&folder).await?;
            let (at, is_ours) = (folder.clone(), folder == ours);
            let state = blocking(move || match is_ours {
                true => state(&*tree, &at),
                false => sparks_state(&*tree, &at),
            });
            match (state.await?, &looked) {
                (State::Complete, _) => return Ok(Looked::Complete),
                (State::Unusable(reason), Looked::Absent) => {
                    looked = Looked::Unusable(UnusableFolder {
                        folder,
                        model: model.to_owned(),
                        extent: extent.clone(),
                        reason: reason.to_owned(),
                    });
                }
                _ => {}
            }
        }
        Ok(looked)
    }

    /// The model whose aliases a file of the store holds; `None` for any other file.
    pub fn of_aliases(file: &str) -> Option<ModelName> {
        let model = file.split_once('/')?.0.parse().ok()?;
        (aliases::file(&model) == file).then_some(model)
    }

    /// The model that a folder of the store is part of, by its name alone: `location/batch_00000007`, or `x_batch_7` and
    /// `x_batch_7/data` of a folder that Spark wrote. `None` for a folder of another name.
    pub fn of_folder(folder: &str) -> Option<(&str, Extent)> {
        let (model, extent) = match folder.split_once('/') {
            Some((model, METADATA | DATA)) => sparks_model(model),
            Some((model, inner)) => (model, Extent::from_folder_name(inner)?),
            None => sparks_model(folder),
        };
        model
            .parse::<ModelName>()
            .is_ok()
            .then_some((model, extent))
    }

    /// Whether there is any model folder or file at all: a cheap check that a store is what it should be.
    ///
    /// # Errors
    /// Those of listing.
    pub async fn is_empty(&self) -> Result<bool, ModelError> {
        let listed = self.store.list("", Sizes::Skip).await?.unwrap_or_default();
        Ok(listed.files.is_empty() && listed.folders.is_empty())
    }
}

impl From<Gathered> for Survey {
    fn from(mut gathered: Gathered) -> Self {
        let unusable = &mut gathered.unusable;
        unusable.sort_unstable_by(|one, other| one.folder.cmp(&other.folder));
        Self {
            models: gathered.models.into_iter().map(ListedModel::new).collect(),
            unusable: gathered.unusable,
            aliased: gathered.aliased,
        }
    }
}

/// As [`gather`], by several threads where there are many folders: each costs some calls of the system.
fn gather_side_by_side(
    tree: &dyn Tree,
    names: &[String],
    known: &Known,
) -> Result<Gathered, StoreError> {
    let threads = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let part = names.len().div_ceil(threads).max(LEAST);
    thread::scope(|scope| {
        let parts: Vec<_> = names.chunks(part).collect();
        let parts = parts
            .into_iter()
            .map(|part| scope.spawn(|| gather(tree, part, known)));
        let parts: Vec<_> = parts.collect();
        let mut all = Gathered::default();
        for part in parts {
            // A panic goes on in the thread that waits.
            let part = part.join().unwrap_or_else(|panic| resume_unwind(panic))?;
            all.extend(part);
        }
        Ok(all)
    })
}

/// Lists each of the store's folders, and looks for one mark in each model folder.
fn gather(tree: &dyn Tree, names: &[String], known: &Known) -> Result<Gathered, StoreError> {
    let mut gathered = Gathered::default();
    for name in names {
        let hidden = name.starts_with(['.', '_']);
        let inside = known.inside(tree, name)?;
        let is_sparks = inside.folders.iter().any(|folder| folder == METADATA);
        if inside.stamp.is_some() {
            gathered.inside.insert(name.clone(), Arc::clone(&inside));
        }
        let Ok(model) = name.parse::<ModelName>() else {
            if is_sparks && !hidden {
                let state = State::Unusable(WRONG_NAME);
                gathered.add(name, Extent::All, name.clone(), state);
            }
            continue;
        };
        if inside.has_aliases {
            gathered.aliased.push(model);
        }
        if is_sparks {
            let (model, extent) = sparks_model(name);
            gathered.add(model, extent, name.clone(), marked_by_spark(tree, name)?);
        }
        for inner in &inside.folders {
            if let Some(extent) = Extent::from_folder_name(inner) {
                let folder = format!("{name}/{inner}");
                let state = state(tree, &folder)?;
                gathered.add(name, extent, folder, state);
            }
        }
    }
    Ok(gathered)
}

/// The model that a folder of Spark's is, by its name.
fn sparks_model(folder: &str) -> (&str, Extent) {
    match split_spark_name(folder) {
        Some((model, batch)) => (model, Extent::Batch(batch)),
        None => (folder, Extent::All),
    }
}

/// Whether a folder holds a model, as far as names show.
enum State {
    Complete,
    Unusable(&'static str),
    NoModel,
}

const WRONG_NAME: &str =
    "its name cannot be a model's name, which has letters, digits, _, - and .; rename the folder";
const UNFINISHED: &str =
    "it has no _SUCCESS: it is still being written, or training was cut off; train the model again";
const NO_METADATA: &str = "it has no file in metadata/: Spark has not finished it, or it was copied in part; save it again";
const NO_DATA: &str = "it has no file in data/: Spark has not finished it, it was copied in part, or it is no KMeansModel; \
                       save the KMeansModel again";

/// As [`state`], for a folder directly in the store, where Spark's users put theirs.
fn sparks_state(tree: &dyn Tree, folder: &str) -> Result<State, StoreError> {
    match tree.folders(folder)?.iter().any(|inner| inner == METADATA) {
        true => marked_by_spark(tree, folder),
        false => Ok(State::NoModel),
    }
}

/// As [`sparks_state`], for a folder that has metadata. A folder of ours with such a name is none of Spark's.
fn marked_by_spark(tree: &dyn Tree, folder: &str) -> Result<State, StoreError> {
    match tree.has(&format!("{folder}/{MODEL_JSON}")) {
        true => Ok(State::NoModel),
        false => state(tree, folder),
    }
}

fn state(tree: &dyn Tree, folder: &str) -> Result<State, StoreError> {
    let has = |file: &str| tree.has(&format!("{folder}/{file}"));
    if has(SUCCESS) {
        return Ok(State::Complete);
    }
    if has(MODEL_JSON) {
        return Ok(State::Unusable(UNFINISHED));
    }
    let is_filled = |part: &str| -> Result<bool, StoreError> {
        let is_marked = has(&format!("{part}/{SUCCESS}"));
        let files = || tree.files(&format!("{folder}/{part}"));
        Ok(is_marked || has_content(files()?.iter().map(String::as_str)))
    };
    Ok(match (is_filled(METADATA)?, is_filled(DATA)?) {
        (true, true) => State::Complete,
        (true, false) => State::Unusable(NO_DATA),
        (false, true) => State::Unusable(NO_METADATA),
        (false, false) => State::NoModel,
    })
}
