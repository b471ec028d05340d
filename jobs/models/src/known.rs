//! The names in the folders of a store, as they were when somebody looked last.
//!
//! Invariant: what is known of a folder is used only while the folder itself tells that no name in it came or went.

use std::{collections::BTreeMap, sync::Arc};

use gugus_files::{NamesStamp, StoreError, Tree};
use gugus_spec::ModelName;

use crate::aliases;

/// The names in the folders of a store when [`ModelStore::survey_again`](crate::ModelStore::survey_again) ended.
#[derive(Clone, Debug, Default)]
pub struct Known(Arc<BTreeMap<String, Arc<Inside>>>);

/// The names in one folder of the store.
#[derive(Debug)]
pub(crate) struct Inside {
    /// None where nobody can tell whether the names are still these.
    pub(crate) stamp: Option<NamesStamp>,
    pub(crate) folders: Vec<String>,
    pub(crate) has_aliases: bool,
}

impl From<BTreeMap<String, Arc<Inside>>> for Known {
    fn from(inside: BTreeMap<String, Arc<Inside>>) -> Self {
        Self(Arc::new(inside))
    }
}

impl Known {
    /// The names in a folder now.
    pub(crate) fn inside(&self, tree: &dyn Tree, name: &str) -> Result<Arc<Inside>, StoreError> {
        // First the stamp, so that it is not newer than the names.
        let stamp = tree.names_stamp(name);
        let known = self.0.get(name).filter(|_| stamp.is_some());
        if let Some(known) = known.filter(|known| known.stamp == stamp) {
            return Ok(Arc::clone(known));
        }
        let model = name.parse::<ModelName>();
        Ok(Arc::new(Inside {
            stamp,
            folders: tree.folders(name)?,
            has_aliases: model.is_ok_and(|model| tree.has(&aliases::file(&model))),
        }))
    }
}
