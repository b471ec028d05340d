//! Lists models without reading a file.

use std::collections::{BTreeMap, BTreeSet};

use gugus_files::{Sizes, StoreError, Tree, blocking};
use gugus_spec::{BatchNumber, ModelName};

use crate::{
    Extent, ModelError, ModelStore, WindowKey,
    place::{DATA, METADATA, MODEL_JSON, SUCCESS, has_content, split_spark_name},
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

/// The models found so far: for each, the data that it was trained on.
#[derive(Default)]
struct Gathered {
    models: BTreeMap<String, BTreeSet<Extent>>,
    unusable: Vec<UnusableFolder>,
}

impl Gathered {
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
        let tree = self.store.tree().await?;
        let mut gathered = blocking(move || gather(&*tree)).await?;
        let unusable = &mut gathered.unusable;
        unusable.sort_unstable_by(|one, other| one.folder.cmp(&other.folder));
        Ok(Survey {
            models: gathered.models.into_iter().map(ListedModel::new).collect(),
            unusable: gathered.unusable,
        })
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

/// Lists the store and each folder in it, and looks for one mark in each model folder.
fn gather(tree: &dyn Tree) -> Result<Gathered, StoreError> {
    let mut gathered = Gathered::default();
    for name in tree.folders("")? {
        let hidden = name.starts_with(['.', '_']);
        let inner = tree.folders(&name)?;
        let is_sparks = inner.iter().any(|folder| folder == METADATA);
        if name.parse::<ModelName>().is_err() {
            if is_sparks && !hidden {
                let state = State::Unusable(WRONG_NAME);
                gathered.add(&name, Extent::All, name.clone(), state);
            }
            continue;
        }
        if is_sparks {
            let state = match tree.has(&format!("{name}/{MODEL_JSON}")) {
                true => State::NoModel,
                false => state(tree, &name)?,
            };
            let (model, extent) = match split_spark_name(&name) {
                Some((model, batch)) => (model, Extent::Batch(batch)),
                None => (name.as_str(), Extent::All),
            };
            gathered.add(model, extent, name.clone(), state);
        }
        for inner in inner {
            if let Some(extent) = Extent::from_folder_name(&inner) {
                let folder = format!("{name}/{inner}");
                let state = state(tree, &folder)?;
                gathered.add(&name, extent, folder, state);
            }
        }
    }
    Ok(gathered)
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
