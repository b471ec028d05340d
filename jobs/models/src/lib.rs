//! Folders of models, which Spark loads where it has such models.

mod centers;
mod error;
mod extent;
mod json;
mod list;
mod place;
mod read;
mod spark;
mod store;
mod tables;
mod window;
mod write;

pub use error::ModelError;
pub use extent::Extent;
pub use json::{CarriedFrom, MODEL_VERSION, ModelDraft, ModelJson, SavedWindow};
pub use list::{ListedModel, Whole};
pub use read::{SavedModel, Stamp};
pub use store::ModelStore;
pub use window::{NotAWindowKey, WindowKey};
pub use write::Existing;
