//! The data that a model was trained on, and the name of its folder.

use gugus_spec::BatchNumber;

use crate::WindowKey;

/// The folder of a model over all batches.
const ALL: &str = "all";

/// The data that a model was trained on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Extent {
    /// One batch.
    Batch(BatchNumber),
    /// All batches. A folder of Spark's without a batch in its name counts as this.
    All,
    /// One window of rows.
    Window(WindowKey),
}

impl Extent {
    /// The name of its folder in the folder of the model.
    pub fn folder_name(&self) -> String {
        match self {
            Self::Batch(batch) => batch.folder_name(),
            Self::All => ALL.to_owned(),
            Self::Window(key) => key.folder_name(),
        }
    }

    /// Reads a name that [`Extent::folder_name`] wrote; `None` for every other name.
    pub fn from_folder_name(name: &str) -> Option<Self> {
        if name == ALL {
            return Some(Self::All);
        }
        let batch = BatchNumber::from_folder_name(name).map(Self::Batch);
        batch.or_else(|| WindowKey::from_folder_name(name).map(Self::Window))
    }

    /// The batch, if the data is one batch.
    pub fn batch(&self) -> Option<BatchNumber> {
        match self {
            Self::Batch(batch) => Some(*batch),
            Self::All | Self::Window(_) => None,
        }
    }

    /// The window, if the data is one window.
    pub fn window(&self) -> Option<&WindowKey> {
        match self {
            Self::Window(key) => Some(key),
            Self::Batch(_) | Self::All => None,
        }
    }
}

impl From<BatchNumber> for Extent {
    fn from(batch: BatchNumber) -> Self {
        Self::Batch(batch)
    }
}

/// No batch means all batches.
impl From<Option<BatchNumber>> for Extent {
    fn from(batch: Option<BatchNumber>) -> Self {
        batch.map_or(Self::All, Self::Batch)
    }
}
