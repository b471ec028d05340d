//! How far standing training is behind.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How far a run that follows its batches is behind them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Lag {
    /// How many batches wait for a model of theirs.
    pub batches: u64,
    /// How long ago the run noticed the oldest of them.
    pub seconds: f64,
}

/// In words: `2 batches behind, the oldest for 1.3 s`.
impl fmt::Display for Lag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { batches, seconds } = self;
        match batches {
            0 => f.write_str("up to date"),
            1 => write!(f, "1 batch behind, for {seconds:.1} s"),
            _ => write!(f, "{batches} batches behind, the oldest for {seconds:.1} s"),
        }
    }
}
