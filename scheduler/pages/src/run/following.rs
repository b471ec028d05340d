//! A standing run: how far it is behind the batches.

use std::time::Duration;

use gugus_look::{duration, quantity};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::record::Run;
use super::state::RunState;

/// How far a standing run is behind the batches that are committed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Following {
    /// Whether everything that was there has been looked at since the run began or went on.
    pub caught_up: bool,
    /// Batches that were committed and not trained on yet.
    pub lag_batches: u64,
    /// How long ago the oldest of them was committed, in seconds; 0 where there is none.
    pub lag_seconds: f64,
}

impl Following {
    /// The lag in words, with its units: `3 batches behind, the oldest for 12 s`.
    #[must_use]
    pub fn words(&self) -> String {
        if self.lag_batches == 0 {
            return "nothing behind".to_owned();
        }
        let behind = quantity(self.lag_batches, "batch", "batches");
        let since = Duration::try_from_secs_f64(self.lag_seconds).unwrap_or_default();
        format!("{behind} behind, the oldest for {}", duration(since))
    }
}

/// What a standing run does or waits for, in words; nothing for any other run.
#[must_use]
pub fn follows(run: &Run) -> Option<String> {
    let following = run.follow.as_ref()?;
    Some(match run.state {
        RunState::Following if !following.caught_up => {
            format!("looks at what is there, {}", following.words())
        }
        RunState::Following if following.lag_batches == 0 => {
            "nothing behind, waits for new batches".to_owned()
        }
        RunState::Following => following.words(),
        RunState::Paused => "trains nothing until it is resumed".to_owned(),
        RunState::Finished => "follows no more".to_owned(),
        _ => return None,
    })
}
