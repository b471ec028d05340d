//! The newest models of a course.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use gugus_pages::run::{Counts, Mark};
use gugus_progress::ModelReport;

use super::index::{Entry, Index, Key};

/// How many failed models are kept, beside the newest of all: their reasons are what somebody looks for.
const FAILED: usize = 1_000;

impl Index {
    /// Whether this model is to be trained, as far as was told.
    pub(super) fn awaits(&self, line: &ModelReport) -> bool {
        let model = self.names.iter().rposition(|name| *name == line.model);
        let entry = model.and_then(|model| self.entries.get(&Key::of(model, line)));
        entry.is_some_and(|entry| matches!(entry.mark, Mark::Waiting | Mark::Running))
    }

    /// The index with only the models that were told of last, and the last of those that failed.
    pub(super) fn newest(&self, most: usize) -> Self {
        let cut = |mark: Option<Mark>, most: usize| {
            let told = self
                .entries
                .values()
                .filter(|entry| mark.is_none_or(|mark| entry.mark == mark));
            let mut offsets: Vec<u64> = told.map(|entry| entry.extract.offset).collect();
            if offsets.len() <= most {
                return 0;
            }
            let (_, cut, _) =
                offsets.select_nth_unstable_by_key(most - 1, |offset| Reverse(*offset));
            *cut
        };
        let (all, failed) = (cut(None, most), cut(Some(Mark::Failed), FAILED));
        let is_kept = |entry: &Entry| {
            let offset = entry.extract.offset;
            offset >= all || (entry.mark == Mark::Failed && offset >= failed)
        };
        let entries = self.entries.iter().filter(|(_, entry)| is_kept(entry));
        let entries: BTreeMap<Key, Entry> =
            entries.map(|(key, entry)| (key.clone(), *entry)).collect();
        let mut counts = Counts::default();
        for entry in entries.values() {
            *counts.of_mut(entry.mark) += 1;
        }
        let left_out = self.left_out + (self.entries.len() - entries.len()) as u64;
        Self {
            names: self.names.clone(),
            entries,
            counts,
            series: self.series.clone(),
            left_out,
        }
    }
}
