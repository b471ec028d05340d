//! Checks the footers of a log against each other.

use std::collections::BTreeMap;

use gugus_spec::BatchNumber;

use super::found::{VerifiedJump, VerifiedPartition};
use crate::{Footer, JumpReason};

/// The footers read so far.
#[derive(Default)]
pub(super) struct Chain {
    pub(super) newest: Option<BatchNumber>,
    /// The footer of the batch just before; none at the start and after an unreadable batch.
    before: Option<Footer>,
    topic: String,
    /// First and next offset, by partition.
    spans: BTreeMap<i32, (i64, i64)>,
    /// All jumps in the footers. Jumps that contradict the footers are problems, too.
    pub(super) jumps: Vec<VerifiedJump>,
}

impl Chain {
    pub(super) fn add(&mut self, footer: &Footer, problems: &mut Vec<String>) {
        let file = footer.number.file_name();
        let found = footer.discontinuities(self.before.as_ref()).into_iter();
        problems.extend(found.map(|found| format!("{file}: {}", found.text)));
        for range in &footer.ranges {
            let span = self
                .spans
                .entry(range.partition)
                .or_insert((range.first, range.next));
            span.1 = range.next;
            let jump = footer.jumps.iter().find(|jump| jump.leads_to(range));
            if jump.is_some_and(|jump| jump.reason == JumpReason::Recreated) {
                span.0 = range.first;
            }
        }
        self.jumps
            .extend(footer.jumps.iter().map(|jump| VerifiedJump {
                batch: footer.number,
                partition: jump.partition,
                from: jump.from,
                to: jump.to,
                reason: jump.reason,
            }));
        for end in &footer.ends {
            // All batches of this partition are pruned, but its end is known.
            self.spans
                .entry(end.partition)
                .or_insert((end.next, end.next));
        }
        self.topic.clone_from(&footer.topic);
        self.newest = Some(footer.number);
        self.before = Some(footer.clone());
    }

    /// Notes a batch whose footer could not be read.
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
