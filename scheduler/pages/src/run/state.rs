//! The states of a run.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The state of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// It waits for earlier runs.
    Queued,
    /// It trains.
    Running,
    /// It trains what comes, until somebody pauses or ends it.
    Following,
    /// Somebody paused a standing run; it trains nothing until it is resumed.
    Paused,
    /// It ended by itself, or somebody ended a standing run; some models may have failed.
    Finished,
    /// It stopped with an error, which `failure` holds.
    Failed,
    /// Somebody cancelled it.
    Cancelled,
    /// The scheduler ended while it was under way.
    Interrupted,
}

impl RunState {
    /// All there are.
    pub const ALL: [Self; 8] = [
        Self::Queued,
        Self::Running,
        Self::Following,
        Self::Paused,
        Self::Finished,
        Self::Failed,
        Self::Cancelled,
        Self::Interrupted,
    ];

    /// The word for it, which is its value in a URL, too.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Following => "following",
            Self::Paused => "paused",
            Self::Finished => "finished",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Interrupted => "interrupted",
        }
    }

    /// The state of this word.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }

    /// Whether the run waits for its turn or is driven.
    #[must_use]
    pub fn is_under_way(self) -> bool {
        matches!(self, Self::Queued | Self::Running | Self::Following)
    }

    /// Whether the run stays in this state unless somebody resumes it.
    #[must_use]
    pub fn is_final(self) -> bool {
        !self.is_under_way() && self != Self::Paused
    }
}

impl std::fmt::Display for RunState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.word())
    }
}
