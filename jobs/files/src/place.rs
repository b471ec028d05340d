//! Where a folder is: for messages, and for a query engine.

use std::sync::Arc;

use object_store::{ObjectStore, path::Path};

/// Where a folder is.
pub(crate) struct Place {
    /// As it was given.
    pub(crate) location: String,
    /// The store as a query engine reads it.
    pub(crate) objects: Arc<dyn ObjectStore>,
    /// Where the folder is within `objects`.
    pub(crate) prefix: Path,
    /// The URL by which a query engine knows `objects`.
    pub(crate) registry_url: String,
}

impl Place {
    /// Where a file of this folder is in `objects`.
    pub(crate) fn path(&self, relative: &str) -> Path {
        let parts = relative.split('/').filter(|part| !part.is_empty());
        parts.fold(self.prefix.clone(), |path, part| path.join(part))
    }

    /// How messages name a file of this folder.
    pub(crate) fn display(&self, relative: &str) -> String {
        if relative.is_empty() {
            return self.location.clone();
        }
        format!("{}/{relative}", self.location.trim_end_matches('/'))
    }
}
