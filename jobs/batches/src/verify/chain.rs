//! The footers of a log against each other.

use std::collections::BTreeMap;

use gugus_spec::{BatchNumber, CommitId, OffsetRange};

use super::{VerifiedJump, VerifiedPartition};
use crate::{Footer, Jump, JumpReason, PartitionEnd, ends::ends_after};

/// The footers read so far.
#[derive(Default)]
pub(super) struct Chain {
    pub(super) newest: Option<BatchNumber>,
    /// Of the batch just before; none at the start, and after one that could not be read.
    before: Option<Footer>,
    topic: String,
    /// By partition.
    spans: BTreeMap<i32, (i64, i64)>,
    /// As the footers tell them; those that contradict the footers are among the problems too.
    pub(super) jumps: Vec<VerifiedJump>,
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
            if before.feed() != footer.feed() {
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
        // Before a log's first batch there is nothing; before the first that is left there may be anything.
        let ends = match &self.before {
            Some(before) => Some(before.ends.as_slice()),
            None if first => Some(&[][..]),
            None => None,
        };
        check_ranges(footer, ends, &mut problem);
        check_jumps(footer, ends, &mut problem);
        check_ends(footer, ends, &mut problem);
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

/// Each range begins where the log ended, or where a jump leads.
fn check_ranges(footer: &Footer, ends: Option<&[PartitionEnd]>, problem: &mut impl FnMut(String)) {
    for range in &footer.ranges {
        let OffsetRange {
            partition,
            first,
            next,
        } = *range;
        if first > next {
            problem(format!(
                "the range {first}..{next} of partition {partition} runs backwards"
            ));
        }
        if footer.jumps.iter().any(|jump| jump.leads_to(range)) {
            continue;
        }
        if let Some(end) = end_of(ends, partition).filter(|end| *end != first) {
            let what = if first > end { "a gap" } else { "an overlap" };
            problem(format!(
                "{what} in partition {partition}: it starts at offset {first}, the log ended at {end}"
            ));
        }
    }
}

/// Each jump leaves from where the log ended, and leads to where a range begins.
fn check_jumps(footer: &Footer, ends: Option<&[PartitionEnd]>, problem: &mut impl FnMut(String)) {
    for jump in &footer.jumps {
        let Jump {
            partition,
            from,
            to,
            reason,
        } = *jump;
        if !footer.ranges.iter().any(|range| jump.leads_to(range)) {
            problem(format!(
                "it jumps to offset {to} of partition {partition}, where none of its ranges starts"
            ));
        }
        if reason == JumpReason::Deleted && to <= from {
            problem(format!(
                "it jumps back in partition {partition} from offset {from} to {to}, for records that were deleted"
            ));
        }
        match end_of(ends, partition) {
            Some(end) if end != from => problem(format!(
                "it jumps from offset {from} of partition {partition}, where the log ended at {end}"
            )),
            None if ends.is_some() => problem(format!(
                "it jumps in partition {partition}, which the log did not have"
            )),
            _ => {}
        }
    }
    for pair in footer.jumps.windows(2) {
        if pair[0].partition >= pair[1].partition {
            problem(format!(
                "jumps of partitions {} and {} out of order",
                pair[0].partition, pair[1].partition
            ));
        }
    }
}

/// The cumulative ends follow from those before and the ranges.
fn check_ends(footer: &Footer, before: Option<&[PartitionEnd]>, problem: &mut impl FnMut(String)) {
    let places = |ends: &[PartitionEnd]| -> Vec<(i32, i64)> {
        ends.iter().map(|end| (end.partition, end.next)).collect()
    };
    let follow = ends_after(before.unwrap_or(&footer.ends), &footer.ranges, &[], &[]);
    if places(&follow) != places(&footer.ends) {
        problem(
            match before {
                Some(_) => "its cumulative ends do not follow from its ranges and the ends before",
                None => "its cumulative ends do not agree with its own ranges",
            }
            .to_owned(),
        );
    }
    let Some(before) = before else { return };
    for end in &footer.ends {
        // Writers that know nothing of last records drop them.
        let Some(last) = &end.last else { continue };
        let taken = footer.ranges.iter().any(|range| {
            range.partition == end.partition && (range.first..range.next).contains(&last.offset)
        });
        let kept = before
            .iter()
            .any(|old| old.partition == end.partition && old.last.as_ref() == Some(last))
            && !footer.jumps.iter().any(|jump| {
                jump.partition == end.partition && jump.reason == JumpReason::Recreated
            });
        if !taken && !kept {
            problem(format!(
                "its last record of partition {}, at offset {}, is neither of its range nor the one before",
                end.partition, last.offset
            ));
        }
    }
}

fn end_of(ends: Option<&[PartitionEnd]>, partition: i32) -> Option<i64> {
    let end = ends?.iter().find(|end| end.partition == partition)?;
    Some(end.next)
}
