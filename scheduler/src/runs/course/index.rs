//! What is in memory of a course: for each model its mark, what rows are sorted by, and where its line lies.

use std::collections::BTreeMap;

use gugus_pages::run::{Counts, Mark};
use gugus_progress::{ModelReport, PassReport, ReportScope};

use super::series::Series;

/// The most models that are remembered; of more, the report has all. 250,000 take some 40 MB.
const MOST: usize = 250_000;

/// A part of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Extract {
    pub(super) offset: u64,
    pub(super) length: usize,
}

/// Names a model; in the order of models, batches and windows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    /// The place of the model's name in [`Index::names`].
    pub(super) model: usize,
    batch: Option<u64>,
    window: Option<Box<str>>,
}

/// One model.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) extract: Extract,
    pub(super) scope: ReportScope,
    pub(super) mark: Mark,
    pub(super) at: u64,
    pub(super) rows: u64,
    pub(super) cost: Option<f64>,
    pub(super) iterations: Option<u32>,
}

/// All models of a course.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// The models' names, in the order in which they were first told.
    pub(super) names: Vec<String>,
    pub(super) entries: BTreeMap<Key, Entry>,
    pub(super) counts: Counts,
    pub(super) series: BTreeMap<usize, Series>,
    pub(super) left_out: u64,
}

impl Key {
    /// Names the model of a line; `model` is the place of its name.
    pub(super) fn of(model: usize, line: &ModelReport) -> Self {
        Self {
            model,
            batch: line.batch,
            window: line.window.as_deref().map(Box::from),
        }
    }

    /// What the model of this scope is of, in words.
    pub(super) fn data(&self, scope: ReportScope) -> String {
        gugus_progress::data(scope, self.batch, self.window.as_deref())
    }
}

impl Index {
    /// Takes in what became of a model; the line lies at `extract`.
    pub(super) fn model(&mut self, at: u64, line: &ModelReport, extract: Extract) {
        let key = Key::of(self.name(&line.model), line);
        let entry = Entry {
            extract,
            scope: line.scope,
            mark: Mark::from(line.status),
            at,
            rows: line.rows,
            cost: line.training_cost,
            iterations: line.iterations,
        };
        if self.entries.len() >= MOST && !self.entries.contains_key(&key) {
            self.left_out += u64::from(entry.mark != Mark::Waiting);
            return;
        }
        *self.counts.of_mut(entry.mark) += 1;
        if let Some(before) = self.entries.insert(key, entry) {
            *self.counts.of_mut(before.mark) -= 1;
        }
    }

    /// The models of these batches are being fitted; of no batch, the model over all.
    pub(super) fn running(&mut self, model: &str, batches: impl IntoIterator<Item = Option<u64>>) {
        let model = self.name(model);
        for batch in batches {
            let window = None;
            let key = Key {
                model,
                batch,
                window,
            };
            if let Some(entry) = self.entries.get_mut(&key)
                && entry.mark == Mark::Waiting
            {
                entry.mark = Mark::Running;
                self.counts.waiting -= 1;
                self.counts.running += 1;
            }
        }
    }

    /// What was running waits: nobody drives the run any more.
    pub(super) fn rest(&mut self) {
        let running = self
            .entries
            .values_mut()
            .filter(|entry| entry.mark == Mark::Running);
        running.for_each(|entry| entry.mark = Mark::Waiting);
        self.counts.waiting += std::mem::take(&mut self.counts.running);
    }

    /// Takes in a pass.
    pub(super) fn pass(&mut self, pass: PassReport) {
        self.running(&pass.model, [None]);
        let model = self.name(&pass.model);
        match self.series.get_mut(&model) {
            Some(series) => series.add(pass),
            None => drop(self.series.insert(model, Series::new(pass))),
        }
    }

    /// A job has few models, and neighbours are mostly of the same.
    fn name(&mut self, name: &str) -> usize {
        let known = self.names.iter().rposition(|known| known == name);
        known.unwrap_or_else(|| {
            self.names.push(name.to_owned());
            self.names.len() - 1
        })
    }
}
