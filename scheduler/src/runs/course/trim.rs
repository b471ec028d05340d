//! The newest models of a course.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use gugus_pages::run::{Counts, Mark};
use gugus_progress::ModelReport;

use super::index::{Entry, Index, Key};

/// How many models are kept, and in how many bytes of lines: the sizes of many clusters make long lines. Both together are half
/// of the length at which the file is cut.
const KEPT: Most = Most {
    models: 10_000,
    bytes: 3 * 1024 * 1024,
};

/// The failed models that are kept beside the newest of all: their reasons are what somebody looks for.
const FAILED: Most = Most {
    models: 1_000,
    bytes: 1024 * 1024,
};

/// Two bounds. The one that is reached first counts. The newest model is kept in any case.
#[derive(Clone, Copy, Debug)]
struct Most {
    models: usize,
    bytes: usize,
}

impl Index {
    /// Whether this model is to be trained, as far as was told.
    pub(super) fn awaits(&self, line: &ModelReport) -> bool {
        let model = self.names.iter().rposition(|name| *name == line.model);
        let entry = model.and_then(|model| self.entries.get(&Key::of(model, line)));
        entry.is_some_and(|entry| matches!(entry.mark, Mark::Waiting | Mark::Running))
    }

    /// The index with only the models that were told of last, and the last of those that failed.
    pub(super) fn newest(&self) -> Self {
        let mut told: Vec<&Entry> = self.entries.values().collect();
        told.sort_unstable_by_key(|entry| Reverse(entry.extract.offset));
        let failed = told.iter().filter(|entry| entry.mark == Mark::Failed);
        let (all, failed) = (cut(told.iter(), KEPT), cut(failed, FAILED));
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

/// The offset of the oldest line that is kept. `told` begins with the newest model.
fn cut<'a>(told: impl Iterator<Item = &'a &'a Entry>, most: Most) -> u64 {
    let mut bytes = 0;
    let kept = told
        .take(most.models)
        .enumerate()
        .take_while(|(before, entry)| {
            bytes += entry.extract.length;
            *before == 0 || bytes <= most.bytes
        });
    let last = kept.last();
    last.map_or(u64::MAX, |(_, entry)| entry.extract.offset)
}
