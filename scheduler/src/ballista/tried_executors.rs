//! Which executors have already tried which groups of a job.
//!
//! A group that was handed out and waits again failed on its executor, or was lost with it. Another executor may be luckier:
//! the folder of batches may be missing on one machine only.

use std::collections::HashMap;

/// A group of a stage's attempt: stage, attempt, group.
pub(super) type Part = (usize, usize, usize);

/// The executors that have tried the groups of one job.
#[derive(Debug, Default)]
pub(super) struct TriedExecutors {
    executors: HashMap<Part, Vec<String>>,
    /// How many groups wait for an executor that has not had them.
    pub(super) held_back: usize,
}

impl TriedExecutors {
    /// This executor has the group now.
    pub(super) fn note(&mut self, part: Part, executor: &str) {
        let executors = self.executors.entry(part).or_default();
        executors.push(executor.to_owned());
    }

    /// Whether anyone had it.
    pub(super) fn anyone(&self, part: Part) -> bool {
        self.executors.contains_key(&part)
    }

    /// Whether this executor had it.
    pub(super) fn by(&self, part: Part, executor: &str) -> bool {
        let tried = self.executors.get(&part);
        tried.is_some_and(|tried| tried.iter().any(|tried| tried == executor))
    }
}
