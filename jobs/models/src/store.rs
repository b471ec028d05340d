//! Saved models. Invariant: a folder counts only if its last mark is there and its checksums are right.

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
/// Spark loads folders of models with centers (`kmeans`, `minibatch`). Spark has no model like the others. Their folders
/// have a `model.json` and a Parquet file under `data/`, with the same checksums and the same last mark.
///
/// Folders that Spark wrote are beside them, directly in the store. A folder named `<model>_batch_<n>` is batch n of that
/// model. Any other folder of Spark's is a model without batch.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), gugus_models::ModelError> {
/// use gugus_files::Store;
/// use gugus_models::{ModelError, ModelStore};
/// let models = ModelStore::new(Store::in_memory());
/// assert!(models.list().await?.is_empty());
/// // A name never leads out of the folder.
/// assert!(matches!(models.read("../secrets", None).await, Err(ModelError::NotFound { .. })));
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct ModelStore {
    pub(crate) store: Store,
    /// Models whose folder was searched for remains of killed writers. Each folder is searched once.
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
