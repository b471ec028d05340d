//! Why a run is not begun, cancelled or resumed.

use std::io;

use gugus_error::Kind;
use gugus_pages::run::{ParseRunIdError, RunId, RunState};
use http::StatusCode;
use thiserror::Error;

use super::places::PlaceError;
use crate::problem::Problem;

/// Runs that wait or train. More is a client that submits in a loop.
pub(super) const OPEN_LIMIT: usize = 100;

/// Standing runs that follow batches. Each holds a thread and a watch on its folder.
pub(super) const FOLLOW_LIMIT: usize = 32;

/// Why a run is not begun, cancelled or resumed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RunError {
    /// The job file cannot be read.
    #[error(transparent)]
    JobFile(#[from] gugus_spec::Error),
    /// The request cannot be trained.
    #[error(transparent)]
    Train(#[from] gugus_train::Error),
    /// A name that no model can have.
    #[error("\"{name}\" is no model's name")]
    ModelName {
        /// The name.
        name: String,
    },
    /// A folder that runs may not use.
    #[error(transparent)]
    Place(#[from] PlaceError),
    /// A folder that cannot be opened.
    #[error(transparent)]
    Store(#[from] gugus_files::StoreError),
    /// Too many wait.
    #[error("{OPEN_LIMIT} runs wait or train already; try again when some have ended")]
    Full,
    /// Too many follow.
    #[error("{FOLLOW_LIMIT} standing runs follow batches already; end or pause one of them")]
    FullOfStanding,
    /// A standing run follows these stores already.
    #[error(
        "run {id} follows these batches into these models already; end it before you submit another"
    )]
    FollowedAlready {
        /// The run.
        id: RunId,
    },
    /// A standing run would train everything again whenever it goes on.
    #[error(
        "a standing run cannot retrain, because it would train all models again after each restart; retrain once, then follow"
    )]
    RetrainAndFollow,
    /// A run that ends by itself cannot be paused.
    #[error(
        "run {id} does not follow new batches and cannot be paused; `gugus runs cancel {id}` stops it"
    )]
    NotStanding {
        /// The run.
        id: RunId,
    },
    /// There is none of this id.
    #[error("there is no run {id}; see `gugus runs list`")]
    NoSuchRun {
        /// The id.
        id: RunId,
    },
    /// It cannot be cancelled or resumed as it is.
    #[error("run {id} is {state} and cannot be {what}")]
    State {
        /// The id.
        id: RunId,
        /// Its state.
        state: RunState,
        /// The requested change.
        what: &'static str,
    },
    /// The log was cut, and now ends before the byte that a client asked for.
    #[error(
        "the log of run {id} was full, and its earlier lines were dropped; read it from byte 0"
    )]
    LogCut {
        /// The run.
        id: RunId,
    },
    /// The scheduler ends.
    #[error("the scheduler is stopping")]
    Stopping,
    /// The cluster was started without a place for runs.
    #[error("the cluster in this process shows no runs")]
    NotShown,
    /// It cannot be kept.
    #[error("the run could not be read from disk or written to it")]
    Keep(#[source] io::Error),
}

impl RunError {
    /// Whether the request was to blame.
    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::JobFile(_)
            | Self::ModelName { .. }
            | Self::Place(_)
            | Self::Store(_)
            | Self::NoSuchRun { .. }
            | Self::FollowedAlready { .. }
            | Self::NotStanding { .. }
            | Self::LogCut { .. }
            | Self::RetrainAndFollow
            | Self::State { .. } => Kind::Usage,
            Self::Train(error) => error.kind(),
            Self::Full | Self::FullOfStanding | Self::Stopping | Self::NotShown | Self::Keep(_) => {
                Kind::Failed
            }
        }
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::NoSuchRun { .. } => StatusCode::NOT_FOUND,
            Self::LogCut { .. } => StatusCode::RANGE_NOT_SATISFIABLE,
            Self::State { .. } | Self::NotStanding { .. } | Self::FollowedAlready { .. } => {
                StatusCode::CONFLICT
            }
            Self::Full | Self::FullOfStanding | Self::Stopping => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::from_u16(self.kind().http_status())
                .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
        }
    }
}

/// A text that is no id names no run.
impl From<ParseRunIdError> for Problem {
    fn from(error: ParseRunIdError) -> Self {
        Self::new(StatusCode::NOT_FOUND, error.to_string())
    }
}

impl From<RunError> for Problem {
    fn from(error: RunError) -> Self {
        Self::new(error.status(), gugus_error::chain(&error))
    }
}
