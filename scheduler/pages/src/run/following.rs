//! A standing run: how far it is behind the batches.

use std::time::Duration;

use gugus_look::{duration, quantity};
use gugus_progress::Lag;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::record::Run;
use super::state::RunState;

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

/// What a standing run does or waits for, in words; nothing for any other run.
#[must_use]
pub fn follows(run: &Run) -> Option<String> {
    let following = run.follow.as_ref()?;
    Some(match run.state {
        RunState::Following if !following.caught_up => {
            format!("looks at what is there, {}", behind(following.lag))
        }
        RunState::Following if following.lag.batches == 0 => {
            "nothing behind, waits for new batches".to_owned()
        }
        RunState::Following => behind(following.lag),
        RunState::Paused => "trains nothing until it is resumed".to_owned(),
        RunState::Finished => "follows no more".to_owned(),
        _ => return None,
    })
}
