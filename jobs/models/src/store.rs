//! Saved models. Invariant: a folder counts only when what is written last is there and its checksums are right.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use gugus_files::Store;
use gugus_spec::ModelName;

use crate::Extent;

/// A folder of models: `<model>/batch_00000001/` for a model of one batch, `<model>/all/` for one over all batches,
/// `<model>/window_2024-05/` for one of a window ([`crate::WindowKey`]).
///
/// Models with centers (`kmeans`, `minibatch`) are folders that Spark loads. Spark has no model like the others; of those
/// there are `model.json` and a Parquet file under `data/`, under the same checksums and the same last mark.
///
/// Folders that Spark wrote stand beside them, right in the store. One whose name ends in `_batch_<n>` is batch n of
/// the model named before it; any other is a model without batch.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), gugus_models::ModelError> {
/// use gugus_files::Store;
/// use gugus_models::{ModelError, ModelStore};
/// let models = ModelStore::new(Store::in_memory());
/// assert!(models.list().await?.is_empty());
/// // Names come from anywhere, and never lead out of the folder.
/// assert!(matches!(models.read("../secrets", None).await, Err(ModelError::NotFound { .. })));
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct ModelStore {
    pub(crate) store: Store,
    /// Models whose folder was looked through for what killed writers left, so that each is looked through once.
    pub(crate) swept: Arc<Mutex<BTreeSet<ModelName>>>,
}

impl ModelStore {
    /// The models of a store. Nothing is read yet.
    pub fn new(store: Store) -> Self {
        Self {
            store,
            swept: Arc::default(),
        }
    }

    /// The folder that a model is written to, relative to the store.
    pub fn folder(model: &ModelName, extent: &Extent) -> String {
        format!("{model}/{}", extent.folder_name())
    }

    /// The store.
    pub fn store(&self) -> &Store {
        &self.store
    }
}
