//! Why a run did not begin, or did not finish.

use gugus_batches::LogError;
use gugus_engine::ClusterError;
use gugus_error::Kind;
use gugus_features::{PlanError, WaveError};
use gugus_kmeans_all::{AllError, PartialError};
use gugus_models::ModelError;
use gugus_spec::ModelName;
use thiserror::Error;

use crate::evaluate::EvaluationError;
use crate::report::Report;

/// Why a run did not begin, or did not finish.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// The job file describes no model.
    #[error("job \"{job}\" has no [[models]]: add one, or train another job file")]
    NoModels {
        /// The job's name.
        job: String,
    },
    /// A model was asked for that the job file does not describe.
    #[error("job \"{job}\" has no model \"{model}\"; it has {known}")]
    NoSuchModel {
        /// The job's name.
        job: String,
        /// The name asked for.
        model: ModelName,
        /// The names there are.
        known: String,
    },
    /// An expression of a model cannot be used.
    #[error("model \"{model}\"")]
    Expression {
        /// The model's name.
        model: ModelName,
        /// What is wrong with it.
        #[source]
        source: PlanError,
    },
    /// The algorithm takes the rows of one batch, and the model asks for more.
    #[error(
        "model \"{model}\" is of algorithm \"{algorithm}\", which is fitted batch by batch; leave out its scope, or take kmeans"
    )]
    Algorithm {
        /// The model's name.
        model: ModelName,
        /// What it asks for.
        algorithm: &'static str,
    },
    /// The batches cannot be read.
    #[error(transparent)]
    Batches(LogError),
    /// There is nothing to train on.
    #[error(
        "there are no batches in {place}: import some with `gugus batches import` or ingest a topic first"
    )]
    NoBatches {
        /// The folder.
        place: String,
    },
    /// The batches were made by another job.
    #[error(
        "the batches in {place} belong to job \"{found}\", this job file is \"{job}\"; name its own --batches folder"
    )]
    OtherJob {
        /// The folder.
        place: String,
        /// The job in the footers.
        found: String,
        /// The job asked for.
        job: String,
    },
    /// A model that is there is not the one that this run would train.
    #[error(
        "{count} models that are there differ from what would be trained, the first at {path}: {difference}; train into another --models folder, or replace them with --retrain"
    )]
    Differs {
        /// How many.
        count: usize,
        /// The first one's folder.
        path: String,
        /// What differs.
        difference: String,
    },
    /// The models that are there cannot be read.
    #[error(transparent)]
    Models(ModelError),
    /// A model could not be written.
    #[error("model \"{model}\" could not be written to {place}")]
    Write {
        /// The model's name.
        model: ModelName,
        /// Its folder, relative to the models folder.
        place: String,
        /// What the store says. Boxed: all that a run returns would be as large.
        #[source]
        source: Box<ModelError>,
    },
    /// The model that the next batch goes on from cannot be read.
    #[error("the model that the next batch goes on from cannot be read")]
    Carried(#[source] ModelError),
    /// The cluster did not answer as it should.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// A wave could not be planned or its result not be read.
    #[error(transparent)]
    Wave(#[from] WaveError),
    /// A partial result does not belong to the pass that asked for it.
    #[error(
        "a partial result does not fit its pass; client and executors run different versions of gugus"
    )]
    Partial(#[source] PartialError),
    /// A pass gave what no pass can give.
    #[error(
        "the passes of a model over everything do not fit together; client and executors run different versions of gugus"
    )]
    All(#[source] AllError),
    /// A model cannot be evaluated in this way.
    #[error(transparent)]
    Evaluation(#[from] EvaluationError),
    /// An evaluation was told to stop before its end.
    #[error("stopped before the end of the evaluation; nothing was written")]
    Stopped,
    /// The run was told to stop; the models that are written stay.
    #[error("stopped after {} models; run the same command again to go on", report.trained)]
    Interrupted {
        /// What was done until then.
        report: Box<Report>,
    },
}

impl Error {
    /// Which kind this is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::NoModels { .. }
            | Self::NoSuchModel { .. }
            | Self::Expression { .. }
            | Self::Algorithm { .. }
            | Self::Batches(_)
            | Self::NoBatches { .. }
            | Self::OtherJob { .. }
            | Self::Differs { .. }
            | Self::Models(_) => Kind::Usage,
            Self::Write { .. }
            | Self::Carried(_)
            | Self::Cluster(_)
            | Self::Wave(_)
            | Self::Partial(_)
            | Self::All(_)
            | Self::Stopped
            | Self::Interrupted { .. } => Kind::Failed,
            Self::Evaluation(error) => error.kind(),
        }
    }
}
