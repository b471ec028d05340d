//! Model folders: one folder per trained model, which Spark loads if Spark has models of that kind.
//!
//! # What it is for
//! `train` writes models with a [`ModelStore`]; `serve` and `gugus models` list and read them. Models with centers (`kmeans`,
//! `minibatch`) are folders in Spark's format, with a [`ModelJson`] beside Spark's files. The others have a [`ModelJson`]
//! and a Parquet file. The crate also reads folders that Spark wrote.
//!
//! # What it guarantees
//! * **A model is there or not.** `_SUCCESS` is written last. A folder without it, or with files that do not have the
//!   checksums in its `model.json`, counts as absent.
//! * **A reader finds the old model or the new one** while a model is replaced.
//! * **No name leads out of the folder.** Names may come from anywhere, such as a request.
//! * **Old folders stay readable.** Tests read frozen examples of each format.
//!
//! # What it is not
//! It fits and predicts nothing. It knows no batches: a model names its batch by number and commit id only. It does not sync
//! files, because models can be trained again.
//!
//! # Why not one file per model
//! Spark's `KMeansModel.load` reads a folder with `metadata/` and `data/`.

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
