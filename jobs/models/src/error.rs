//! What goes wrong with saved models, by what the caller can do about it.

use gugus_files::StoreError;

use crate::Extent;

/// A failure to read or write a model folder.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// The folder or object store itself failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No such model, no such batch or window of it, or a folder that was never finished. The text holds no path, so it may be
    /// shown to whoever asked.
    #[error("there is no model {model:?}{}; list the models that are there", of_what(.extent))]
    NotFound {
        /// The name as it was asked for.
        model: String,
        /// What of it was asked for.
        extent: Extent,
    },
    /// The folder was finished, but its files are not those that were written: it counts as not there. Train it again.
    #[error("{folder} is torn: {file} is missing or was cut off; train the model again")]
    Torn {
        /// The folder.
        folder: String,
        /// The file that gave it away.
        file: String,
    },
    /// The folder holds something else than a model that we can read.
    #[error("{file} cannot be served: {reason}")]
    Format {
        /// The file.
        file: String,
        /// What is there, what was expected, and what to do.
        reason: String,
    },
    /// A complete model stands there, and was not to be replaced.
    #[error("{folder} is there already; train with --retrain to replace it")]
    Exists {
        /// The folder.
        folder: String,
    },
    /// What was to be saved contradicts itself: a mistake in the program that made it.
    #[error("model {model} cannot be saved: {reason}; this is a mistake in gugus, report it")]
    Draft {
        /// The model.
        model: String,
        /// In what way.
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
