//! What the footers of a log come to, batch by batch: rows, rejects, and whether each batch continues the one before. Each
//! footer is added once, in order.

use std::collections::{BTreeMap, VecDeque};

use gugus_batches::{Footer, LogError};
use gugus_pages::batches::{Mark, Problem as Wrong, Span};
use gugus_spec::BatchNumber;

/// Bars of a timeline.
const BARS: usize = 120;

/// Places of one partition that are remembered, and problems of the whole log: more than a page shows.
const MARKS: usize = 20;
const PROBLEMS: usize = 100;

/// Batches with rejects that are remembered.
const WITH_REJECTS: usize = 5;

/// What the footers come to that were read so far. They are read once, in order, and never again.
#[derive(Default)]
pub(crate) struct Scan {
    first: u64,
    lines: Vec<(u64, u64)>,
    /// The footer of the batch that was read last; none after one that cannot be read.
    before: Option<Footer>,
    rows: u64,
    rejected: u64,
    partitions: BTreeMap<i32, Places>,
    problems: VecDeque<Wrong>,
    problems_total: u64,
    with_rejects: VecDeque<u64>,
}

/// One partition: its first offset, and where it does not simply go on.
#[derive(Default)]
struct Places {
    first: i64,
    marks: VecDeque<Mark>,
}

/// The same at one moment, for a page.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scanned {
    pub(crate) read: u64,
    pub(crate) rows: u64,
    pub(crate) rejected: u64,
    pub(crate) timeline: Vec<Span>,
    pub(crate) partitions: Vec<(i32, i64, Vec<Mark>)>,
    pub(crate) problems: Vec<Wrong>,
    pub(crate) problems_total: u64,
    /// The newest batches with rejects, the newest first.
    pub(crate) with_rejects: Vec<u64>,
}

impl Scan {
    /// A scan that begins at this batch.
    pub(super) fn from(first: BatchNumber) -> Self {
        Self {
            first: first.get(),
            ..Self::default()
        }
    }

    pub(super) fn first(&self) -> u64 {
        self.first
    }

    /// The number of the next batch to read.
    pub(super) fn next(&self) -> u64 {
        self.first + self.lines.len() as u64
    }

    /// Whether the batch that was read last is this one.
    pub(super) fn is_of(&self, newest: &Footer) -> bool {
        let before = self.before.as_ref();
        before.is_none_or(|before| {
            before.number != newest.number || before.commit_id == newest.commit_id
        })
    }

    /// Adds the next batch.
    pub(super) fn add(&mut self, number: BatchNumber, footer: Result<Footer, LogError>) {
        let footer = match footer {
            Ok(footer) => footer,
            Err(error) => {
                self.wrong(number, gugus_error::chain(&error));
                self.lines.push((0, 0));
                self.before = None;
                return;
            }
        };
        let (rows, rejected) = (footer.rows, footer.rejected_rows());
        self.lines.push((rows, rejected));
        self.rows += rows;
        self.rejected += rejected;
        if rejected > 0 {
            push(&mut self.with_rejects, number.get(), WITH_REJECTS);
        }
        for range in &footer.ranges {
            let place = self.partitions.entry(range.partition);
            place.or_insert_with(|| Places {
                first: range.first,
                ..Places::default()
            });
        }
        for jump in &footer.jumps {
            let (from, to, why) = (jump.from, jump.to, jump.reason);
            let text = format!("a jump from offset {from} to {to}: {why}");
            self.mark(jump.partition, number, text);
        }
        for found in footer.discontinuities(self.before.as_ref()) {
            match found.partition {
                Some(partition) => self.mark(partition, number, found.text),
                None => self.wrong(number, found.text),
            }
        }
        self.before = Some(footer);
    }

    fn mark(&mut self, partition: i32, number: BatchNumber, text: String) {
        let mark = Mark {
            batch: number.get(),
            text,
        };
        push(
            &mut self.partitions.entry(partition).or_default().marks,
            mark,
            MARKS,
        );
    }

    fn wrong(&mut self, number: BatchNumber, text: String) {
        self.problems_total += 1;
        push(
            &mut self.problems,
            Wrong {
                batch: number.get(),
                text,
            },
            PROBLEMS,
        );
    }

    /// What there is at this moment.
    pub(super) fn now(&self) -> Scanned {
        let each = self.lines.len().div_ceil(BARS).max(1);
        let spans = self.lines.chunks(each).enumerate().map(|(at, lines)| {
            let first = self.first + (at * each) as u64;
            Span {
                first,
                last: first + lines.len() as u64 - 1,
                rows: lines.iter().map(|(rows, _)| rows).sum(),
                rejected: lines.iter().map(|(_, rejected)| rejected).sum(),
            }
        });
        let partitions = self.partitions.iter();
        Scanned {
            read: self.lines.len() as u64,
            rows: self.rows,
            rejected: self.rejected,
            timeline: spans.collect(),
            partitions: partitions
                .map(|(partition, places)| {
                    (
                        *partition,
                        places.first,
                        places.marks.iter().cloned().collect(),
                    )
                })
                .collect(),
            problems: self.problems.iter().rev().cloned().collect(),
            problems_total: self.problems_total,
            with_rejects: self.with_rejects.iter().rev().copied().collect(),
        }
    }
}

/// Adds to a list that keeps the newest.
fn push<T>(list: &mut VecDeque<T>, item: T, most: usize) {
    if list.len() == most {
        list.pop_front();
    }
    list.push_back(item);
}
