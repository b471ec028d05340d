//! Errors of stores as answers.

use gugus_batches::LogError;
use gugus_files::StoreError;
use gugus_models::ModelError;
use http::StatusCode;

use crate::problem::Problem;
use crate::runs::PlaceError;

impl From<PlaceError> for Problem {
    fn from(error: PlaceError) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, error.to_string())
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let status = match &error {
            StoreError::Location { .. } | StoreError::Unsupported { .. } => {
                StatusCode::UNPROCESSABLE_ENTITY
            }
            error if error.is_not_found() => StatusCode::NOT_FOUND,
            _ => StatusCode::BAD_GATEWAY,
        };
        Self::new(status, gugus_error::chain(&error))
    }
}

impl From<LogError> for Problem {
    fn from(error: LogError) -> Self {
        Self::from(&error)
    }
}

impl From<&LogError> for Problem {
    fn from(error: &LogError) -> Self {
        let status = match error {
            LogError::NoFolder { .. } | LogError::NoBatch { .. } => StatusCode::NOT_FOUND,
            _ => StatusCode::BAD_GATEWAY,
        };
        Self::new(status, gugus_error::chain(error))
    }
}

impl From<&ModelError> for Problem {
    fn from(error: &ModelError) -> Self {
        let status = match error {
            ModelError::NotFound { .. } => StatusCode::NOT_FOUND,
            _ => StatusCode::BAD_GATEWAY,
        };
        Self::new(status, gugus_error::chain(error))
    }
}

/// A task that ended without a result, which is a fault of ours.
pub(super) fn ended(error: &tokio::task::JoinError) -> Problem {
    Problem::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        format!("a look into a store ended early: {error}"),
    )
}
