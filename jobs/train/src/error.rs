//! Why a run did not begin, or did not finish.

use gugus_batches::LogError;
use gugus_error::Kind;
use gugus_features::PlanError;
use gugus_kmeans_all::{AllError, PartialError};
use gugus_models::ModelError;
use gugus_spec::{AliasName, Model, ModelName};
use gugus_submit::SubmitError;
use thiserror::Error;
use tokio::task::JoinError;

use crate::report::Report;

/// The result of a step of a run.
pub(crate) type Result<T = (), E = Error> = std::result::Result<T, E>;

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
        /// The mistake.
        #[source]
        source: PlanError,
    },
    /// A column that neither the job file nor any batch has.
    #[error(
        "model \"{model}\" reads the column {column}, which neither the job file nor any batch has{hint}"
    )]
    NoSuchColumn {
        /// The model's name.
        model: ModelName,
        /// The column, in double quotes.
        column: String,
        /// What to write instead, as the end of a sentence.
        hint: String,
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
    /// A promotion reads what models of this algorithm do not have.
    #[error(
        "model \"{model}\": promote.if reads {metric}, which needs centers, and models of algorithm \"{algorithm}\" have none"
    )]
    Metric {
        /// The model's name.
        model: ModelName,
        /// The metric.
        metric: &'static str,
        /// The algorithm.
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
        "{count} existing models differ from what would be trained, the first at {path} ({difference}); train into another --models folder, or replace them with --retrain"
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
    /// Another run wrote a model while this run fitted it, and the two are not of the same job and data.
    #[error(
        "another run wrote {path} meanwhile, and from another job file or other batches; let one run at a time train into a models folder, then run the same command again"
    )]
    Meanwhile {
        /// The model's folder, relative to the models folder.
        path: String,
    },
    /// An alias could not be moved to a new model. The model stays.
    #[error("the alias {alias} of model \"{model}\" cannot be moved; the new models are written")]
    Promote {
        /// The model's name.
        model: ModelName,
        /// The alias.
        alias: AliasName,
        /// What the store says.
        #[source]
        source: Box<ModelError>,
    },
    /// The model that the next batch goes on from cannot be read.
    #[error("the model that the next batch goes on from cannot be read")]
    Carried(#[source] ModelError),
    /// A plan gave no result.
    #[error(transparent)]
    Cluster(#[from] SubmitError),
    /// A partial result does not belong to the pass that asked for it.
    #[error(
        "a partial result does not fit its pass; client and executors run different versions of gugus"
    )]
    Partial(#[source] PartialError),
    /// A pass gave what no pass can give.
    #[error(
        "the passes over all batches do not fit together; client and executors run different versions of gugus"
    )]
    Passes(#[source] AllError),
    /// The thread that takes in the result of a pass panicked.
    #[error(
        "model \"{model}\": the thread that takes in the result of a pass ended early; run the same command again"
    )]
    Thread {
        /// The model's name.
        model: ModelName,
        /// What the thread says.
        #[source]
        source: JoinError,
    },
    /// The run was told to stop; the models that are written stay.
    #[error("stopped after {} models; run the same command again to go on", report.trained)]
    Interrupted {
        /// What was done until then.
        report: Box<Report>,
    },
}

impl Error {
    /// linfa's fits take the rows of one batch: the job file's parser refuses the rest, and so do we.
    pub(crate) fn algorithm(model: &Model) -> Self {
        Self::Algorithm {
            model: model.name.clone(),
            algorithm: model.algorithm.name(),
        }
    }

    /// Whether [`follow`](crate::follow) waits for what is missing: for the folder, its first batch, or the rest of a file that
    /// somebody copies into the folder.
    #[must_use]
    pub fn is_waited_for(&self) -> bool {
        match self {
            Self::NoBatches { .. } | Self::Batches(LogError::NoFolder { .. }) => true,
            Self::Batches(error) => error.is_torn(),
            _ => false,
        }
    }

    /// Which kind this is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Batches(LogError::Store(store)) | Self::Models(ModelError::Store(store))
                if store.may_pass() =>
            {
                Kind::Failed
            }
            Self::NoModels { .. }
            | Self::NoSuchModel { .. }
            | Self::Expression { .. }
            | Self::NoSuchColumn { .. }
            | Self::Algorithm { .. }
            | Self::Metric { .. }
            | Self::Batches(_)
            | Self::NoBatches { .. }
            | Self::OtherJob { .. }
            | Self::Differs { .. }
            | Self::Models(_) => Kind::Usage,
            Self::Write { .. }
            | Self::Meanwhile { .. }
            | Self::Promote { .. }
            | Self::Carried(_)
            | Self::Cluster(_)
            | Self::Partial(_)
            | Self::Passes(_)
            | Self::Thread { .. }
            | Self::Interrupted { .. } => Kind::Failed,
        }
    }
}
