//! Folders of models, which Spark loads where Spark has such models.
//!
//! Training writes a model for each batch, window or job; `serve` reads them, and people want to load them in Spark. A
//! folder per model serves all three.
//!
//! # What it guarantees
//! * **A model is there or absent.** [`ModelStore::write`] builds a folder and puts it in place as a whole. A folder whose
//!   files do not have the checksums in its `model.json`, or whose `model.json` does not have the checksum in `_SUCCESS`,
//!   counts as absent.
//! * **Spark loads what Spark knows.** `kmeans` and `minibatch` are written as Spark 3.5.5 writes a `KMeansModel`. Other
//!   algorithms have a `model.json` and a plain Parquet file.
//! * **An alias stands for a model that is there.** [`ModelStore::set_alias`] and pruning change one file, `aliases.json`,
//!   and each writes the file only if it is as it was read.
//! * **Spark's own folders are served, too**, by their names ([`ModelStore::read`]).
//! * **Names never lead out of the folder**, whoever asks for them.
//!
//! # What it is not
//! It does not fit or predict. Models are not synced, since they can be trained again. It does not know the batch log: a
//! model holds the number, commit and offsets of its batch as plain values.
//!
//! # Why not one file, or a registry
//! Spark reads a folder, so one file would need a second copy for Spark. A registry would be one more place that has to
//! agree with the folders after a crash.
//!
//! # Example
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), gugus_models::ModelError> {
//! use gugus_files::Store;
//! use gugus_models::{Extent, ModelStore};
//!
//! let models = ModelStore::new(Store::in_memory());
//! for model in models.list().await? {
//!     println!("{}: {} batches", model.model, model.batches.len());
//! }
//! assert_eq!(models.stamp("location", Extent::All).await?, None);
//! # Ok(()) }
//! ```

mod aliases;
mod centers;
mod error;
mod extent;
mod failed;
mod json;
mod known;
mod list;
mod place;
mod prune;
mod read;
mod rows;
mod spark;
mod store;
mod tables;
mod window;
mod write;

pub use aliases::{ALIASES_VERSION, AliasMove, Aliased, Aliases, BatchRange, Direction};
pub use error::ModelError;
pub use extent::Extent;
pub use failed::FailedFit;
pub use json::{CarriedFrom, MODEL_VERSION, ModelDraft, ModelJson, SavedWindow};
pub use known::Known;
pub use list::{ListedModel, Looked, Survey, UnusableFolder};
pub use prune::{Keep, Prune};
pub use read::{SavedModel, Stamp};
pub use store::ModelStore;
pub use window::{NotAWindowKey, WindowKey};
pub use write::Existing;
