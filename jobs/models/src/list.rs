//! Listing models without reading a file.

use std::collections::{BTreeMap, BTreeSet};

use gugus_files::{Sizes, StoreError, Tree, blocking};
use gugus_spec::{BatchNumber, ModelName};

use crate::{
    Extent, ModelError, ModelStore, WindowKey,
    place::{DATA_SUCCESS, METADATA, METADATA_SUCCESS, MODEL_JSON, SUCCESS, split_spark_name},
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
    fn new((model, extents): (String, BTreeSet<Extent>)) -> Self {
        Self {
            model,
            batches: extents.iter().filter_map(Extent::batch).collect(),
            windows: extents.iter().filter_map(Extent::window).cloned().collect(),
            all: extents.contains(&Extent::All),
        }
    }
}

/// For each model, the data that it was trained on.
#[derive(Default)]
struct Gathered(BTreeMap<String, BTreeSet<Extent>>);

impl Gathered {
    fn add(&mut self, model: &str, extent: Extent) {
        self.0.entry(model.to_owned()).or_default().insert(extent);
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
        Ok(gathered.0.into_iter().map(ListedModel::new).collect())
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
