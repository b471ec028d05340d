//! [`Store`]: one folder of files, in any place.

use std::{fmt, ops::Deref, path::PathBuf, sync::Arc, time::Duration};

use object_store::{
    ObjectStore, local::LocalFileSystem, memory::InMemory, path::Path as ObjectPath,
};

use crate::{
    StoreError,
    backend::Backend,
    folder::Folder,
    objects::{Creations, Objects},
    place::Place,
    watch::Watch,
};

/// A folder of files: on this machine, in a bucket, or in memory. Cheap to clone. What can be done with the files are
/// the methods of [`Backend`].
///
/// Opening a store touches nothing: the folder need not exist, and is made by the first writer. A bucket must exist.
#[derive(Clone)]
pub struct Store {
    backend: Arc<dyn Backend>,
    place: Arc<Place>,
}

impl Store {
    /// A store that lives in memory for as long as a clone of it does: for tests, and for a demo without files.
    pub fn in_memory() -> Self {
        let prefix = ObjectPath::default();
        Self::on_objects(Arc::new(InMemory::new()), prefix, "memory:///")
    }

    /// A store under `prefix` of any object store. `registry_url` is what a query engine knows `objects` by.
    ///
    /// Creation (`PutMode::Create`) has to be atomic there, and listings strongly consistent.
    pub fn on_objects(
        objects: Arc<dyn ObjectStore>,
        prefix: ObjectPath,
        registry_url: &str,
    ) -> Self {
        Self::of_objects(objects, prefix, registry_url, Creations::Safe)
    }

    pub(crate) fn of_objects(
        objects: Arc<dyn ObjectStore>,
        prefix: ObjectPath,
        registry_url: &str,
        creations: Creations,
    ) -> Self {
        let place = Arc::new(Place {
            location: format!("{registry_url}{prefix}"),
            objects,
            prefix,
            registry_url: registry_url.to_owned(),
        });
        let backend = Arc::new(Objects::new(Arc::clone(&place), creations));
        Self { backend, place }
    }

    /// A folder on this machine, by its absolute path without links and `..`.
    pub(crate) fn of_folder(root: PathBuf, location: &str) -> Result<Self, StoreError> {
        let prefix = ObjectPath::from_absolute_path(&root);
        let prefix = prefix.map_err(|e| StoreError::Location {
            location: location.to_owned(),
            reason: e.to_string(),
        })?;
        let place = Arc::new(Place {
            location: location.to_owned(),
            objects: Arc::new(LocalFileSystem::new()),
            prefix,
            registry_url: "file:///".to_owned(),
        });
        let backend = Arc::new(Folder(root));
        Ok(Self { backend, place })
    }

    /// The object store that [`Store::object_path`] is a path of.
    pub fn object_store(&self) -> Arc<dyn ObjectStore> {
        Arc::clone(&self.place.objects)
    }

    /// Where a file of this folder is in [`Store::object_store`]: `relative` is split at `/`, empty text is the folder.
    pub fn object_path(&self, relative: &str) -> ObjectPath {
        self.place.path(relative)
    }

    /// The url that [`Store::object_store`] is to be registered under with a query engine, for paths by
    /// [`Store::object_path`]: `file:///` for local folders, `s3://bucket/` for buckets, `memory:///` for
    /// [`Store::in_memory`]. [`Stores::object_store`](crate::Stores::object_store) finds the object store of such a url
    /// in another process.
    pub fn registry_url(&self) -> &str {
        &self.place.registry_url
    }

    /// Watches the store from now on. [`Watch::changed`] returns when something may have changed: soon after a change
    /// directly in a folder on this machine or in one of its folders, and after `poll` in any case.
    pub fn watch(&self, poll: Duration) -> Watch {
        Watch::new(self.backend.notices(), poll)
    }

    /// How messages name a file of this folder.
    pub fn display(&self, relative: &str) -> String {
        self.place.display(relative)
    }
}

impl Deref for Store {
    type Target = dyn Backend;

    fn deref(&self) -> &Self::Target {
        &*self.backend
    }
}

/// The location as it was given.
impl fmt::Display for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.place.location)
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Store({self})")
    }
}
