//! A standing run: how far it is behind the batches.

use std::time::Duration;

use gugus_look::{duration, quantity};
use gugus_progress::Lag;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How far a standing run is behind the batches that are committed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Following {
    /// Whether everything that was there has been looked at since the run began or went on.
    pub caught_up: bool,
    /// The batches that are not trained on yet.
    pub lag: Lag,
}

/// The lag in words, with its units: `3 batches behind, the oldest for 12 s`.
pub(crate) fn behind(lag: Lag) -> String {
    if lag.batches == 0 {
        return "nothing behind".to_owned();
    }
    let batches = quantity(lag.batches, "batch", "batches");
    let since = Duration::try_from_secs_f64(lag.seconds).unwrap_or_default();
    format!("{batches} behind, the oldest for {}", duration(since))
}
