//! When a model over all batches is trained again while its batches are followed.

use std::fmt;
use std::num::NonZeroU64;
use std::time::Duration;

use serde::{Serialize, Serializer};

/// When a model over all batches is trained again, if there are batches that it has not seen.
///
/// In JSON as in the job file: `{batches}`, `{every}` or `{growth}`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Retrain {
    /// After so many batches.
    Batches(NonZeroU64),
    /// So long after the last training began.
    #[serde(serialize_with = "human")]
    Every(Duration),
    /// When the rows have grown by this share of the rows of the last training.
    Growth(f64),
}

/// Rows grow by a tenth. So the model is never far behind, and all trainings together cost a fixed number of times as much as
/// the last one, however long the batches are followed.
impl Default for Retrain {
    fn default() -> Self {
        Self::Growth(0.1)
    }
}

/// How it is shown at the end of a model's summary.
impl fmt::Display for Retrain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Batches(batches) => write!(f, "after {batches} batches"),
            Self::Every(time) => write!(f, "every {}", humantime::format_duration(*time)),
            Self::Growth(share) => write!(f, "when rows have grown by {} %", share * 100.0),
        }
    }
}

fn human<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    humantime::format_duration(*time)
        .to_string()
        .serialize(serializer)
}
