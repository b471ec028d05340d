//! Listing models without reading a file.

use std::collections::{BTreeMap, BTreeSet};

use gugus_files::{Sizes, StoreError, Tree, blocking};
use gugus_spec::{BatchNumber, ModelName};

use crate::{
    Extent, ModelError, ModelStore, WindowKey,
    place::{DATA_SUCCESS, METADATA, METADATA_SUCCESS, MODEL_JSON, SUCCESS, split_spark_name},
};

/// A model and what there is of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedModel {
    /// Its name.
    pub model: String,
    /// The batches it was trained on, ascending.
    pub batches: Vec<BatchNumber>,
    /// The windows it was trained on, by key.
    pub windows: Vec<WindowKey>,
    /// Whether there is one over all batches.
    pub whole: Whole,
}

/// Whether a model has a folder over all batches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Whole {
    /// It has.
    Present,
    /// It has not.
    #[default]
    Absent,
}

#[derive(Default)]
struct Gathered(BTreeMap<String, Extents>);

#[derive(Default)]
struct Extents {
    batches: BTreeSet<BatchNumber>,
    windows: BTreeSet<WindowKey>,
    whole: Whole,
}

impl Gathered {
    fn add(&mut self, model: &str, extent: Extent) {
        let extents = self.0.entry(model.to_owned()).or_default();
        match extent {
            Extent::Batch(batch) => drop(extents.batches.insert(batch)),
            Extent::Window(key) => drop(extents.windows.insert(key)),
            Extent::All => extents.whole = Whole::Present,
        }
    }

    fn add_sparks(&mut self, name: &str) {
        match split_spark_name(name) {
            Some((model, batch)) => self.add(model, Extent::Batch(batch)),
            None => self.add(name, Extent::All),
        }
    }

    /// A folder in a model's folder.
    fn add_ours(&mut self, model: &str, folder: &str) {
        if let Some(extent) = Extent::from_folder_name(folder) {
            self.add(model, extent);
        }
    }
}

impl ModelStore {
    /// All models with a complete folder, by name. No file is opened, so a torn folder is listed too.
    ///
    /// # Errors
    /// Those of listing. A store that is not there is empty.
    pub async fn list(&self) -> Result<Vec<ListedModel>, ModelError> {
        let tree = self.store.tree().await?;
        let gathered = blocking(move || gather(&*tree)).await?;
        let model = |(model, extents): (String, Extents)| ListedModel {
            model,
            batches: extents.batches.into_iter().collect(),
            windows: extents.windows.into_iter().collect(),
            whole: extents.whole,
        };
        Ok(gathered.0.into_iter().map(model).collect())
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

/// One look at the store, one into each folder of it, and one mark looked for in each model folder.
fn gather(tree: &dyn Tree) -> Result<Gathered, StoreError> {
    let mut gathered = Gathered::default();
    for model in tree.folders("")? {
        if model.parse::<ModelName>().is_err() {
            continue;
        }
        for inner in tree.folders(&model)? {
            if inner == METADATA {
                if is_complete(tree, &model) && !tree.has(&format!("{model}/{MODEL_JSON}")) {
                    gathered.add_sparks(&model);
                }
            } else if !inner.starts_with('.') && is_complete(tree, &format!("{model}/{inner}")) {
                gathered.add_ours(&model, &inner);
            }
        }
    }
    Ok(gathered)
}

fn is_complete(tree: &dyn Tree, folder: &str) -> bool {
    let has = |file: &str| tree.has(&format!("{folder}/{file}"));
    has(SUCCESS) || (!has(MODEL_JSON) && has(METADATA_SUCCESS) && has(DATA_SUCCESS))
}
