//! How far standing training is behind.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How far a run that follows its batches is behind them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Lag {
    /// How many batches wait for a model of theirs.
    pub batches: u64,
    /// How long the oldest of them has waited since its file was written.
    pub seconds: f64,
}
