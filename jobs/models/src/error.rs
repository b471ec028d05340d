//! The errors of saved models, by what the caller can do about them.

use gugus_files::StoreError;
use gugus_spec::{BatchNumber, ModelName};

use crate::Extent;

/// A failure to read or write a model folder.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// The folder or object store itself failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no such model, no such batch or window of it, or the folder was never finished. The text holds no path, so a
    /// service may send it to its clients.
    #[error("there is no model {model:?}{}; list the models that are there", of_what(.extent))]
    NotFound {
        /// The requested name.
        model: String,
        /// The requested batch or window, or all batches.
        extent: Extent,
    },
    /// The folder was finished, but a file is missing or changed. The folder counts as absent. Train the model again.
    #[error(
        "{folder} is torn: {file} is missing, or is not as it was written; train the model again"
    )]
    Torn {
        /// The folder.
        folder: String,
        /// The missing or changed file.
        file: String,
    },
    /// The folder does not hold a model that this crate can read.
    #[error("{file} cannot be served: {reason}")]
    Format {
        /// The file.
        file: String,
        /// The problem, and what to do.
        reason: String,
    },
    /// There is a complete model, and replacing it was not allowed.
    #[error("{folder} is there already; train with --retrain to replace it")]
    Exists {
        /// The folder.
        folder: String,
    },
    /// The model was pruned, so no alias can stand for it.
    #[error(
        "the model \"{model}\" of batch {batch} was pruned; let the alias stand for a batch that `gugus models list` shows"
    )]
    Pruned {
        /// The model.
        model: ModelName,
        /// The batch.
        batch: BatchNumber,
    },
    /// Others changed the aliases again and again.
    #[error("{file} is changed by others all the time; try again")]
    Contended {
        /// The file.
        file: String,
    },
    /// A draft contradicts itself, which is a mistake in the program.
    #[error("model {model} cannot be saved: {reason}; this is a mistake in gugus, report it")]
    Draft {
        /// The model.
        model: String,
        /// The contradiction.
        reason: String,
    },
}

fn of_what(extent: &Extent) -> String {
    match extent {
        Extent::Batch(batch) => format!(" of batch {batch}"),
        Extent::All => String::new(),
        Extent::Window(key) => format!(" of window {:?}", key.as_str()),
    }
}
