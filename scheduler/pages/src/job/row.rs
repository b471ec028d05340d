//! A Ballista job in one row.

use gugus_look::{Tone, badge, shortened};
use maud::Markup;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The most characters of a failure in a table.
const SHORT: usize = 300;

/// What became of a Ballista job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// It waits to be cut into stages.
    Queued,
    /// Its tasks run, or wait for slots.
    Running,
    /// It gave its result.
    Successful,
    /// It ended with an error.
    Failed,
    /// Somebody cancelled it.
    Cancelled,
    /// The scheduler ended while it ran.
    Interrupted,
}

impl JobState {
    /// All there are.
    pub const ALL: [Self; 6] = [
        Self::Queued,
        Self::Running,
        Self::Successful,
        Self::Failed,
        Self::Cancelled,
        Self::Interrupted,
    ];

    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Successful => "successful",
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

    /// Whether nothing more happens to it.
    #[must_use]
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Queued | Self::Running)
    }

    pub(crate) fn badge(self) -> Markup {
        let tone = match self {
            Self::Queued => Tone::Quiet,
            Self::Running => Tone::Busy,
            Self::Successful => Tone::Good,
            Self::Cancelled | Self::Interrupted => Tone::Warning,
            Self::Failed => Tone::Bad,
        };
        badge(tone, self.word())
    }
}

/// A Ballista job in one row. Times are milliseconds since 1970; a time of 0 has not come.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Row {
    /// Its id.
    pub id: String,
    /// The name that its client gave it.
    pub name: String,
    /// The name of its run, if its name tells one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub run: Option<String>,
    /// What became of it.
    pub state: JobState,
    /// When it came.
    pub queued: u64,
    /// When its first tasks could be handed out.
    pub started: u64,
    /// When it ended.
    pub ended: u64,
    /// How many stages it has.
    pub stages_total: u64,
    /// How many of them are done.
    pub stages_done: u64,
    /// How many tasks were handed out, with those that were tried again.
    pub tasks: u64,
    /// How many tasks failed or were lost.
    pub tasks_lost: u64,
    /// Why it failed: in a table the beginning, on its page the whole text.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub failure: Option<String>,
    /// The executors that had its tasks.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub executors: Vec<String>,
}

impl Row {
    /// A job that just came.
    #[must_use]
    pub fn queued(id: impl Into<String>, name: impl Into<String>, queued: u64) -> Self {
        let name = name.into();
        Self {
            id: id.into(),
            run: run_in(&name),
            name,
            state: JobState::Queued,
            queued,
            started: 0,
            ended: 0,
            stages_total: 0,
            stages_done: 0,
            tasks: 0,
            tasks_lost: 0,
            failure: None,
            executors: Vec::new(),
        }
    }

    /// The row as a table shows it, with the beginning of its failure.
    #[must_use]
    pub fn listed(mut self) -> Self {
        self.failure = self.failure.map(|why| shortened(&why, SHORT));
        self
    }

    /// When it came or began: by this, the newest comes first.
    #[must_use]
    pub fn when(&self) -> u64 {
        match (self.queued, self.started) {
            (0, started) => started,
            (queued, _) => queued,
        }
    }

    /// How long it took, or has taken until `now`; 0 before its start.
    #[must_use]
    pub fn took(&self, now: u64) -> u64 {
        match (self.started, self.ended) {
            (0, _) => 0,
            (_, 0) if self.state.is_final() => 0,
            (started, 0) => now.saturating_sub(started),
            (started, ended) => ended.saturating_sub(started),
        }
    }
}

/// Training names its Ballista jobs `JOB run RUN …`.
fn run_in(name: &str) -> Option<String> {
    let (_, rest) = name.split_once(" run ")?;
    rest.split(' ').next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_run_is_found_in_the_name() {
        let run = |name: &str| Row::queued("a", name, 1).run;
        assert_eq!(
            run("crime run 01kx3q2n8 location batches 1-3").as_deref(),
            Some("01kx3q2n8")
        );
        assert_eq!(
            run("run run 01kx3q2n8 location").as_deref(),
            Some("01kx3q2n8")
        );
        assert_eq!(run("select 1"), None);
        assert_eq!(run("crime run"), None);
    }
}
