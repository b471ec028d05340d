//! The table of jobs, in memory.

use std::collections::{BTreeSet, HashMap};

use gugus_pages::job::{JobState, Row};
use serde::{Deserialize, Serialize};

use super::limits::KeepJobs;

/// A job in the table, and a line of `jobs.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Line {
    #[serde(flatten)]
    pub(super) row: Row,
    /// How many bytes its record has on disk.
    pub(super) bytes: u64,
}

/// All jobs that are known.
#[derive(Debug, Default)]
pub(super) struct Index {
    lines: HashMap<String, Line>,
    /// The same by when they came.
    order: BTreeSet<(u64, String)>,
    bytes: u64,
}

impl Index {
    pub(super) fn get(&self, id: &str) -> Option<&Line> {
        self.lines.get(id)
    }

    pub(super) fn len(&self) -> usize {
        self.lines.len()
    }

    /// The jobs, the newest first.
    pub(super) fn newest(&self) -> impl Iterator<Item = &Row> {
        let ids = self.order.iter().rev();
        ids.filter_map(|(_, id)| self.lines.get(id))
            .map(|line| &line.row)
    }

    /// All lines, the oldest first.
    pub(super) fn lines(&self) -> impl Iterator<Item = &Line> {
        self.order.iter().filter_map(|(_, id)| self.lines.get(id))
    }

    pub(super) fn put(&mut self, line: Line) {
        self.remove(&line.row.id.clone());
        self.bytes += line.bytes;
        self.order.insert((line.row.when(), line.row.id.clone()));
        self.lines.insert(line.row.id.clone(), line);
    }

    pub(super) fn remove(&mut self, id: &str) {
        if let Some(line) = self.lines.remove(id) {
            self.bytes = self.bytes.saturating_sub(line.bytes);
            self.order.remove(&(line.row.when(), line.row.id));
        }
    }

    /// The jobs that are too many, too old or too large together, the oldest first.
    pub(super) fn surplus(&self, keep: &KeepJobs, now: u64) -> Vec<String> {
        let age = u64::try_from(keep.age.as_millis()).unwrap_or(u64::MAX);
        let (mut number, mut bytes) = (self.lines.len(), self.bytes);
        let mut surplus = Vec::new();
        for line in self.lines() {
            let row = &line.row;
            if !row.state.is_final() {
                continue;
            }
            let old = now.saturating_sub(row.ended.max(row.when())) > age;
            if number <= keep.number && bytes <= keep.bytes && !old {
                break;
            }
            number -= 1;
            bytes = bytes.saturating_sub(line.bytes);
            surplus.push(row.id.clone());
        }
        surplus
    }

    /// After a start nothing runs any more.
    pub(super) fn interrupt(&mut self) {
        for line in self.lines.values_mut() {
            if !line.row.state.is_final() {
                line.row.state = JobState::Interrupted;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn line(id: &str, when: u64, state: JobState) -> Line {
        let row = Row {
            state,
            ended: when,
            ..Row::queued(id, "job", when)
        };
        Line { row, bytes: 10 }
    }

    #[test]
    fn old_jobs_go_by_number_age_and_size_and_running_ones_stay() {
        let mut index = Index::default();
        index.put(line("runs", 1, JobState::Running));
        for at in 2..=6 {
            index.put(line(&at.to_string(), at * 1_000, JobState::Successful));
        }
        let all = KeepJobs {
            number: 100,
            age: Duration::from_secs(100),
            bytes: 1_000,
        };
        assert!(index.surplus(&all, 6_000).is_empty());
        assert_eq!(
            index.surplus(&KeepJobs { number: 4, ..all }, 6_000),
            ["2", "3"]
        );
        assert_eq!(
            index.surplus(&KeepJobs { bytes: 35, ..all }, 6_000),
            ["2", "3", "4"]
        );
        let age = Duration::from_millis(2_500);
        assert_eq!(index.surplus(&KeepJobs { age, ..all }, 6_000), ["2", "3"]);
        index.remove("2");
        index.interrupt();
        assert_eq!(
            index.get("runs").map(|line| line.row.state),
            Some(JobState::Interrupted)
        );
        assert_eq!(index.newest().next().map(|row| row.id.as_str()), Some("6"));
    }
}
