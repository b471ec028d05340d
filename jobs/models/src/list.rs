//! Listing models without reading a file.

use std::collections::{BTreeMap, BTreeSet};

use gugus_files::{Sizes, StoreError, blocking, list_local};
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
    /// Whether there is one over everything.
    pub whole: Whole,
}

/// Whether a model has a folder over everything.
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
        let gathered = match self.store.local_root() {
            Some(root) => {
                let root = root.to_owned();
                blocking(move || local(&root)).await?
            }
            None => objects(&self.store.objects_under("").await?),
        };
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
fn local(root: &std::path::Path) -> Result<Gathered, StoreError> {
    let mut gathered = Gathered::default();
    for name in folders(root)? {
        if name.parse::<ModelName>().is_err() {
            continue;
        }
        let folder = root.join(&name);
        for inner in folders(&folder)? {
            if inner == METADATA {
                if is_complete(&folder) && !folder.join(MODEL_JSON).exists() {
                    gathered.add_sparks(&name);
                }
            } else if !inner.starts_with('.') && is_complete(&folder.join(&inner)) {
                gathered.add_ours(&name, &inner);
            }
        }
    }
    Ok(gathered)
}

fn is_complete(folder: &std::path::Path) -> bool {
    let has = |file: &str| folder.join(file).exists();
    has(SUCCESS) || (!has(MODEL_JSON) && has(METADATA_SUCCESS) && has(DATA_SUCCESS))
}

fn folders(path: &std::path::Path) -> Result<Vec<String>, StoreError> {
    Ok(list_local(path, Sizes::Skip)?.unwrap_or_default().folders)
}

/// The same from one listing of everything, for a request a folder would take minutes on an object store.
fn objects(paths: &BTreeSet<String>) -> Gathered {
    let mut gathered = Gathered::default();
    let has = |folder: &str, file: &str| paths.contains(&format!("{folder}/{file}"));
    let sparks = |folder: &str| {
        has(folder, METADATA_SUCCESS) && has(folder, DATA_SUCCESS) && !has(folder, MODEL_JSON)
    };
    for path in paths {
        let parts: Vec<&str> = path.split('/').collect();
        let Some(model) = parts
            .first()
            .filter(|name| name.parse::<ModelName>().is_ok())
        else {
            continue;
        };
        match parts.as_slice() {
            [_, folder, SUCCESS] if *folder != METADATA => gathered.add_ours(model, folder),
            [_, METADATA, SUCCESS] if sparks(model) => gathered.add_sparks(model),
            [_, folder, METADATA, SUCCESS] if sparks(&format!("{model}/{folder}")) => {
                gathered.add_ours(model, folder)
            }
            _ => {}
        }
    }
    gathered
}
