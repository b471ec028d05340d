//! The footers of a log against each other.

use std::collections::BTreeMap;

use super::VerifiedPartition;
use crate::{BatchNumber, CommitId, Footer, OffsetRange, footer::ends_after};

/// The footers read so far.
#[derive(Default)]
pub(super) struct Chain {
    pub(super) newest: Option<BatchNumber>,
    /// Of the batch just before; none at the start, and after one that could not be read.
    before: Option<Footer>,
    topic: String,
    /// By partition.
    spans: BTreeMap<i32, (i64, i64)>,
}

impl Chain {
    pub(super) fn add(&mut self, footer: &Footer, problems: &mut Vec<String>) {
        let file = footer.number.file_name();
        let mut problem = |text: String| problems.push(format!("{file}: {text}"));
        let first = footer.number == BatchNumber::FIRST;
        if let Some(before) = &self.before {
            for (what, then, now) in [
                ("job", &before.job, &footer.job),
                ("topic", &before.topic, &footer.topic),
            ] {
                if then != now {
                    problem(format!(
                        "{what} {now:?}, where the batch before has {then:?}"
                    ));
                }
            }
            if before.imported.is_empty() != footer.imported.is_empty() {
                problem("the folder is fed by both a topic and imports".to_owned());
            }
        }
        let previous = self.before.as_ref().map(|before| &before.commit_id);
        if (self.before.is_some() || first) && footer.previous.as_ref() != previous {
            let text = |id: Option<&CommitId>| id.map_or("none".to_owned(), CommitId::to_string);
            let (says, is) = (text(footer.previous.as_ref()), text(previous));
            problem(format!(
                "it follows commit {says}, but the batch before is commit {is}"
            ));
        }
        if self.before.is_some() || first {
            let ends = self.before.as_ref().map_or(&[][..], |before| &before.ends);
            for range in &footer.ranges {
                let OffsetRange {
                    partition, first, ..
                } = *range;
                if let Some(end) = ends
                    .iter()
                    .find(|end| end.partition == partition)
                    .filter(|end| end.next != first)
                {
                    let what = if first > end.next {
                        "a gap"
                    } else {
                        "an overlap"
                    };
                    let next = end.next;
                    problem(format!(
                        "{what} in partition {partition}: it starts at offset {first}, the log ended at {next}"
                    ));
                }
            }
            if ends_after(ends, &footer.ranges) != footer.ends {
                problem(
                    "its cumulative ends do not follow from its ranges and the ends before"
                        .to_owned(),
                );
            }
        } else if ends_after(&footer.ends, &footer.ranges) != footer.ends {
            problem("its cumulative ends do not agree with its own ranges".to_owned());
        }
        for range in &footer.ranges {
            if range.first > range.next {
                problem(format!(
                    "the range {}..{} of partition {} runs backwards",
                    range.first, range.next, range.partition
                ));
            }
            let span = self
                .spans
                .entry(range.partition)
                .or_insert((range.first, range.next));
            span.1 = range.next;
        }
        for end in &footer.ends {
            // A partition whose batches are all pruned: nothing of it is here, and we know where it goes on.
            self.spans
                .entry(end.partition)
                .or_insert((end.next, end.next));
        }
        self.topic.clone_from(&footer.topic);
        self.newest = Some(footer.number);
        self.before = Some(footer.clone());
    }

    /// A batch whose footer could not be read.
    pub(super) fn lose(&mut self) {
        self.before = None;
    }

    pub(super) fn partitions(&self) -> Vec<VerifiedPartition> {
        let topic = &self.topic;
        let partition = |(partition, (first, next)): (&i32, &(i64, i64))| VerifiedPartition {
            topic: topic.clone(),
            partition: *partition,
            first: *first,
            next: *next,
        };
        self.spans.iter().map(partition).collect()
    }
}
