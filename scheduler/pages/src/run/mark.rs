//! How far one model of a run is.

use gugus_look::Tone;
use gugus_progress::Outcome;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How far one model of a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    /// The data allow none.
    Failed,
    /// It is being fitted, or waits to be written.
    Running,
    /// It is to be trained.
    Waiting,
    /// It is written.
    Trained,
    /// There was nothing to do.
    Skipped,
}

impl Mark {
    /// All there are; of several models, the first of these is told.
    pub const ALL: [Self; 5] = [
        Self::Failed,
        Self::Running,
        Self::Waiting,
        Self::Trained,
        Self::Skipped,
    ];

    /// The word for it, which is its value in a URL, too.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Trained => "trained",
            Self::Skipped => "skipped",
        }
    }

    /// The mark of this word.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mark| mark.word() == word)
    }

    /// What it means for its reader.
    #[must_use]
    pub(crate) fn tone(self) -> Tone {
        match self {
            Self::Failed => Tone::Bad,
            Self::Running => Tone::Busy,
            Self::Waiting | Self::Skipped => Tone::Quiet,
            Self::Trained => Tone::Good,
        }
    }
}

impl From<Outcome> for Mark {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Failed => Self::Failed,
            Outcome::Planned => Self::Waiting,
            Outcome::Trained => Self::Trained,
            Outcome::Skipped => Self::Skipped,
        }
    }
}

/// How many models have each mark.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Counts {
    /// Models that the data did not allow.
    pub failed: u64,
    /// Models that are being fitted.
    pub running: u64,
    /// Models that are to be trained.
    pub waiting: u64,
    /// Models that are written.
    pub trained: u64,
    /// Models that were left alone.
    pub skipped: u64,
}

impl Counts {
    /// How many have this mark.
    #[must_use]
    pub fn of(&self, mark: Mark) -> u64 {
        match mark {
            Mark::Failed => self.failed,
            Mark::Running => self.running,
            Mark::Waiting => self.waiting,
            Mark::Trained => self.trained,
            Mark::Skipped => self.skipped,
        }
    }

    /// The number of models of this mark, to be changed.
    pub fn of_mut(&mut self, mark: Mark) -> &mut u64 {
        match mark {
            Mark::Failed => &mut self.failed,
            Mark::Running => &mut self.running,
            Mark::Waiting => &mut self.waiting,
            Mark::Trained => &mut self.trained,
            Mark::Skipped => &mut self.skipped,
        }
    }

    /// How many there are.
    #[must_use]
    pub fn total(&self) -> u64 {
        Mark::ALL.into_iter().map(|mark| self.of(mark)).sum()
    }

    /// The mark that is told for all of them: the first of [`Mark::ALL`] that one has.
    #[must_use]
    pub fn told(&self) -> Option<Mark> {
        Mark::ALL.into_iter().find(|mark| self.of(*mark) > 0)
    }

    /// The counts in words: `2 failed, 98 trained`.
    #[must_use]
    pub(crate) fn words(&self) -> String {
        let there = Mark::ALL.into_iter().filter(|mark| self.of(*mark) > 0);
        let words =
            there.map(|mark| format!("{} {}", gugus_look::count(self.of(mark)), mark.word()));
        words.collect::<Vec<_>>().join(", ")
    }
}
