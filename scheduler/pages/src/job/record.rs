//! The record of a Ballista job: what its page shows, and what is kept of it on disk.

use std::collections::BTreeMap;

use gugus_look::Tone;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::row::{JobState, Row};

/// A Ballista job with its stages and tasks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Job {
    /// What the table of jobs shows of it.
    #[serde(flatten)]
    pub row: Row,
    /// Its stages, by their numbers.
    pub stages: Vec<Stage>,
    /// The addresses of its executors, by their ids.
    pub addresses: BTreeMap<String, String>,
    /// Its settings that differ from those of the cluster, without secrets.
    pub settings: BTreeMap<String, String>,
}

/// The state of a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StageState {
    /// It waits for the stages that it reads from.
    Waiting,
    /// Its tasks run, or wait for slots.
    Running,
    /// All of its tasks are done.
    Done,
    /// One of its tasks failed too often.
    Failed,
}

/// A stage: the same plan, run by one task for each part of its input.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Stage {
    /// Its number.
    pub id: u64,
    /// Its state.
    pub state: StageState,
    /// How often it was begun again.
    pub attempt: u64,
    /// The stages that read its result.
    pub feeds: Vec<u64>,
    /// How many groups of files or rows its tasks share.
    pub groups: u64,
    /// How many groups wait for a slot.
    pub waiting: u64,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub failure: Option<String>,
    /// Its plan, from the last operator to the first.
    pub plan: Vec<Operator>,
    /// Its tasks, as they were handed out.
    pub tasks: Vec<Task>,
    /// How many further tasks it has that are not kept.
    #[serde(skip_serializing_if = "is_zero", default)]
    pub left_out: u64,
}

/// The state of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TaskState {
    /// It runs.
    Running,
    /// It gave its result.
    Done,
    /// It ended with an error.
    Failed,
    /// It, or its result, was lost with its executor.
    Lost,
    /// It was stopped.
    Cancelled,
}

/// A task. Times are milliseconds since 1970 by the scheduler's clock.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Task {
    /// Its number in its stage.
    pub id: u64,
    /// The executor that has it.
    pub executor: String,
    /// Its state.
    pub state: TaskState,
    /// Whether its rows were given to a task before.
    #[serde(skip_serializing_if = "is_false", default)]
    pub again: bool,
    /// When it was handed out.
    pub handed: u64,
    /// When it began.
    pub started: u64,
    /// When it ended; 0 while it runs.
    pub ended: u64,
    /// How many groups it has.
    pub groups: u64,
    /// How many rows it read, where its operators count them.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub read: Option<u64>,
    /// How many rows it gave.
    #[serde(skip_serializing_if = "is_zero", default)]
    pub rows: u64,
    /// How many bytes it gave.
    #[serde(skip_serializing_if = "is_zero", default)]
    pub bytes: u64,
    /// Why it failed or was lost.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub failure: Option<String>,
}

/// An operator of a stage's plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Operator {
    /// How many operators stand above it.
    pub depth: u64,
    /// What it is and does.
    pub text: String,
    /// What its tasks counted, together.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub figures: Vec<Figure>,
}

/// A figure that an operator counted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Figure {
    /// Its name.
    pub name: String,
    /// Its value with its unit.
    pub value: String,
}

impl Job {
    /// A job of which nothing but its row is known.
    #[must_use]
    pub fn without_stages(row: Row) -> Self {
        Self {
            row,
            stages: Vec::new(),
            addresses: BTreeMap::new(),
            settings: BTreeMap::new(),
        }
    }

    /// The scheduler ended while the job ran: its tasks are lost.
    pub fn interrupt(&mut self) {
        self.row.state = JobState::Interrupted;
        let tasks = self.stages.iter_mut().flat_map(|stage| &mut stage.tasks);
        for task in tasks.filter(|task| task.state == TaskState::Running) {
            task.state = TaskState::Lost;
            task.failure = Some("the scheduler ended while the task ran".to_owned());
        }
    }

    /// The address of an executor, or else its id.
    pub(crate) fn address<'a>(&'a self, executor: &'a str) -> &'a str {
        self.addresses
            .get(executor)
            .map_or(executor, String::as_str)
    }

    /// Its last moment: its end, or `now` while it runs.
    pub(crate) fn until(&self, now: u64) -> u64 {
        if self.row.ended > 0 {
            return self.row.ended;
        }
        let tasks = self.stages.iter().flat_map(|stage| &stage.tasks);
        let last = tasks.map(|task| task.ended.max(task.started)).max();
        match self.row.state.is_final() {
            true => last.unwrap_or(self.row.when()),
            false => now,
        }
    }
}

impl Task {
    /// When it ended, or `until` while it runs.
    pub(crate) fn end(&self, until: u64) -> u64 {
        if self.ended > 0 { self.ended } else { until }
    }

    /// How long it ran, or has run until `until`.
    #[must_use]
    pub fn ran(&self, until: u64) -> u64 {
        self.end(until).saturating_sub(self.started)
    }
}

impl StageState {
    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }

    /// What it means for its reader.
    pub(crate) fn tone(self) -> Tone {
        match self {
            Self::Waiting => Tone::Quiet,
            Self::Running => Tone::Busy,
            Self::Done => Tone::Good,
            Self::Failed => Tone::Bad,
        }
    }
}

impl TaskState {
    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Lost => "lost",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether somebody may want to know why; `again` tells that the task repeats the work of another.
    pub(crate) fn is_odd(self, again: bool) -> bool {
        again || !matches!(self, Self::Running | Self::Done)
    }
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

#[allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_false(yes: &bool) -> bool {
    !*yes
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use super::*;
    use crate::samples;

    #[test]
    fn a_record_is_read_back_as_it_was_written() {
        let mut job = samples::job();
        job.stages[0].tasks[0].failure = Some(samples::HOSTILE.to_owned());
        job.settings.insert("a".to_owned(), "b".to_owned());
        let text = serde_json::to_string(&job).unwrap();
        assert_eq!(serde_json::from_str::<Job>(&text).unwrap(), job);
    }
}
