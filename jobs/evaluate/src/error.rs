//! Why a model cannot be evaluated.

use gugus_error::Kind;
use gugus_spec::BatchNumber;
use gugus_submit::SubmitError;
use thiserror::Error;

/// Why a model cannot be evaluated.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// An error in the code that training and evaluation share.
    #[error(transparent)]
    Train(#[from] gugus_train::Error),
    /// The folder was written by Spark or another program.
    #[error(
        "model \"{model}\" in {folder} has no model.json, which says its features, its `where` and its batch: only models that `gugus train` wrote can be evaluated"
    )]
    NoModelJson {
        /// The model's name.
        model: String,
        /// Its folder, relative to the models folder.
        folder: String,
    },
    /// The model has several windows, and none was named.
    #[error("model \"{model}\" has {windows} windows; name one with --window")]
    WhichWindow {
        /// The model's name.
        model: String,
        /// How many there are.
        windows: usize,
    },
    /// It has no centers.
    #[error(
        "model \"{model}\" is of algorithm \"{algorithm}\": only k-means can be evaluated and drawn, which has a center for each cluster"
    )]
    NoCenters {
        /// The model's name.
        model: String,
        /// Its algorithm.
        algorithm: &'static str,
    },
    /// Other numbers of clusters cannot be fitted.
    #[error(
        "model \"{model}\" is of algorithm \"{algorithm}\", which goes on from batch to batch: --k takes one of kmeans"
    )]
    NoElbow {
        /// The model's name.
        model: String,
        /// Its algorithm.
        algorithm: &'static str,
    },
    /// The batch that the model was trained on is not there.
    #[error(
        "batch {batch}, which model \"{model}\" was trained on, is not in {place}: it was pruned, or --batches names another folder"
    )]
    BatchGone {
        /// The model's name.
        model: String,
        /// The batch.
        batch: BatchNumber,
        /// The folder of batches.
        place: String,
    },
    /// Some of the batches that a model over all batches or over a window was trained on are not there.
    #[error(
        "the batches in {place} do not cover the offsets that model \"{model}\" was trained on: older ones were pruned; evaluate it on those that are left with --on all"
    )]
    BatchesGone {
        /// The model's name.
        model: String,
        /// The folder of batches.
        place: String,
    },
    /// The batch is not the one that the model was trained on.
    #[error(
        "batch {batch} in {place} has commit_id {found}, model \"{model}\" was trained on {trained}: the batch was made again, or --batches names another folder; train the model again"
    )]
    OtherCommit {
        /// The model's name.
        model: String,
        /// The batch.
        batch: BatchNumber,
        /// The folder of batches.
        place: String,
        /// The commit of the batch.
        found: String,
        /// The commit in `model.json`.
        trained: String,
    },
    /// No batch has the commit of the newest batch that the model over all batches or over a window was trained on.
    #[error(
        "no batch in {place} has commit_id {trained}, the newest that model \"{model}\" was trained on: --batches names another folder; or evaluate it on these batches with --on all"
    )]
    NoSuchCommit {
        /// The model's name.
        model: String,
        /// The folder of batches.
        place: String,
        /// The commit in `model.json`.
        trained: String,
    },
    /// The batches asked for are not there.
    #[error("{place} has none of the batches {asked}; it has {first} to {last}")]
    NoSuchBatches {
        /// The folder of batches.
        place: String,
        /// The requested change.
        asked: String,
        /// The first batch there is.
        first: BatchNumber,
        /// The newest batch there is.
        last: BatchNumber,
    },
    /// `model.json` holds an invalid name.
    #[error("model.json of model \"{model}\" is not what gugus writes: {reason}; train it again")]
    ModelJson {
        /// The model's name.
        model: String,
        /// The mistake.
        reason: String,
    },
    /// The rows cannot be evaluated on, for the same reasons for which rows cannot be trained on.
    #[error("model \"{model}\" cannot be evaluated on these rows: {reason}")]
    Rows {
        /// The model's name.
        model: String,
        /// The reason.
        reason: String,
    },
    /// The evaluation was told to stop.
    #[error("stopped before the end of the evaluation; nothing was written")]
    Stopped,
}

impl Error {
    /// Who has to act on it.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Train(error) => error.kind(),
            Self::Rows { .. } | Self::Stopped => Kind::Failed,
            _ => Kind::Usage,
        }
    }

    /// A job is cancelled only if the caller asked to stop.
    pub(crate) fn or_stopped(self) -> Self {
        match self {
            Self::Train(gugus_train::Error::Cluster(SubmitError::Cancelled)) => Self::Stopped,
            other => other,
        }
    }
}
