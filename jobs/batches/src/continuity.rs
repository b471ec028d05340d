//! Whether a batch continues the log. Appending and verifying share this one rule.
//!
//! Each range begins where the log ends, unless a jump says otherwise.

use std::fmt;

use gugus_spec::{BatchNumber, CommitId, OffsetRange};

use crate::{FedBy, Footer, Jump, JumpReason, PartitionEnd, ends::ends_after};

/// The part of the log before a batch.
#[derive(Clone, Copy)]
pub(crate) enum Before<'a> {
    /// Nothing: it is the first batch of its log.
    Nothing,
    /// A batch that cannot be read any more, because it was pruned or is damaged.
    Unknown,
    /// The batch with this footer.
    Batch(&'a Footer),
}

impl<'a> Before<'a> {
    /// Where the log ended; `None` if that is unknown.
    fn ends(self) -> Option<&'a [PartitionEnd]> {
        match self {
            Self::Nothing => Some(&[]),
            Self::Unknown => None,
            Self::Batch(before) => Some(&before.ends),
        }
    }
}

/// A way in which a batch does not continue the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Break {
    /// The folder was fed by another source until then.
    FedBy(FedBy),
    /// A range begins elsewhere than at the log's end.
    RangeNotAtEnd {
        partition: i32,
        first: i64,
        end: i64,
    },
    /// A jump leaves from elsewhere than the log's end. If two writers race and one of them jumps, the second finds
    /// that the log ends elsewhere.
    JumpNotAtEnd { partition: i32, from: i64, end: i64 },
    /// A mistake that no race of two writers can cause, in words.
    Other(String),
}

impl fmt::Display for Break {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FedBy(_) => f.write_str("the folder is fed by both a topic and imports"),
            Self::RangeNotAtEnd {
                partition,
                first,
                end,
            } => {
                let what = if first > end { "a gap" } else { "an overlap" };
                write!(
                    f,
                    "{what} in partition {partition}: it starts at offset {first}, the log ended at {end}"
                )
            }
            Self::JumpNotAtEnd {
                partition,
                from,
                end,
            } => write!(
                f,
                "it jumps from offset {from} of partition {partition}, where the log ended at {end}"
            ),
            Self::Other(text) => f.write_str(text),
        }
    }
}

/// A place where a batch does not continue the batch before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Discontinuity {
    /// The partition, where the mistake is about one: a gap, an overlap, or a jump from elsewhere.
    pub partition: Option<i32>,
    /// The mistake, in words.
    pub text: String,
}

impl Footer {
    /// Lists how the batch does not continue the log. `before` is the footer of the batch just before; none for the first
    /// batch, and after a batch that was pruned or cannot be read.
    #[must_use]
    pub fn discontinuities(&self, before: Option<&Footer>) -> Vec<Discontinuity> {
        let before = match before {
            Some(before) => Before::Batch(before),
            None if self.number == BatchNumber::FIRST => Before::Nothing,
            None => Before::Unknown,
        };
        let found = breaks(self, before).into_iter();
        found
            .map(|found| Discontinuity {
                partition: found.partition(),
                text: found.to_string(),
            })
            .collect()
    }
}

impl Break {
    fn partition(&self) -> Option<i32> {
        match self {
            Self::RangeNotAtEnd { partition, .. } | Self::JumpNotAtEnd { partition, .. } => {
                Some(*partition)
            }
            Self::FedBy(_) | Self::Other(_) => None,
        }
    }
}

/// Lists how a batch fails to continue the log before it. The list is empty when all is well.
pub(crate) fn breaks(footer: &Footer, before: Before<'_>) -> Vec<Break> {
    let mut found = Vec::new();
    if let Before::Batch(before) = before {
        for (what, then, now) in [
            ("job", &before.job, &footer.job),
            ("topic", &before.topic, &footer.topic),
        ] {
            if then != now {
                other(
                    &mut found,
                    format!("{what} {now:?}, where the batch before has {then:?}"),
                );
            }
        }
        if before.feed() != footer.feed() {
            found.push(Break::FedBy(before.feed()));
        }
    }
    let previous = match before {
        Before::Batch(before) => Some(Some(&before.commit_id)),
        Before::Nothing => Some(None),
        Before::Unknown => None,
    };
    if let Some(is) = previous.filter(|is| footer.previous.as_ref() != *is) {
        let text = |id: Option<&CommitId>| id.map_or("none".to_owned(), CommitId::to_string);
        let (says, is) = (text(footer.previous.as_ref()), text(is));
        other(
            &mut found,
            format!("it follows commit {says}, but the batch before is commit {is}"),
        );
    }
    // If the commits differ, the break above says so already.
    if let (Before::Batch(before), Some(link)) = (before, &footer.previous_hash)
        && footer.previous.as_ref() == Some(&before.commit_id)
        && link != before.link()
    {
        other(
            &mut found,
            format!(
                "the footer before has the hash \"{}\", where this one says \"{link}\"",
                before.link()
            ),
        );
    }
    let ends = before.ends();
    check_ranges(footer, ends, &mut found);
    check_jumps(footer, ends, &mut found);
    check_ends(footer, ends, &mut found);
    found
}

fn other(found: &mut Vec<Break>, text: String) {
    found.push(Break::Other(text));
}

/// Each range begins where the log ended, or where a jump leads.
fn check_ranges(footer: &Footer, ends: Option<&[PartitionEnd]>, found: &mut Vec<Break>) {
    for range in &footer.ranges {
        let OffsetRange {
            partition,
            first,
            next,
        } = *range;
        if first > next {
            other(
                found,
                format!("the range {first}..{next} of partition {partition} runs backwards"),
            );
        }
        if footer.jumps.iter().any(|jump| jump.leads_to(range)) {
            continue;
        }
        if let Some(end) = end_of(ends, partition).filter(|end| *end != first) {
            found.push(Break::RangeNotAtEnd {
                partition,
                first,
                end,
            });
        }
    }
}

/// Each jump leaves from where the log ended, and leads to where a range begins.
fn check_jumps(footer: &Footer, ends: Option<&[PartitionEnd]>, found: &mut Vec<Break>) {
    for jump in &footer.jumps {
        let Jump {
            partition,
            from,
            to,
            reason,
        } = *jump;
        if !footer.ranges.iter().any(|range| jump.leads_to(range)) {
            other(
                found,
                format!(
                    "it jumps to offset {to} of partition {partition}, where none of its ranges starts"
                ),
            );
        }
        if reason == JumpReason::Deleted && to <= from {
            other(
                found,
                format!(
                    "it jumps back in partition {partition} from offset {from} to {to}, for records that were deleted"
                ),
            );
        }
        match end_of(ends, partition) {
            Some(end) if end != from => found.push(Break::JumpNotAtEnd {
                partition,
                from,
                end,
            }),
            None if ends.is_some() => other(
                found,
                format!("it jumps in partition {partition}, which the log did not have"),
            ),
            _ => {}
        }
    }
    for pair in footer.jumps.windows(2) {
        if pair[0].partition >= pair[1].partition {
            other(
                found,
                format!(
                    "jumps of partitions {} and {} out of order",
                    pair[0].partition, pair[1].partition
                ),
            );
        }
    }
}

/// The cumulative ends follow from those before and the ranges.
fn check_ends(footer: &Footer, before: Option<&[PartitionEnd]>, found: &mut Vec<Break>) {
    let places = |ends: &[PartitionEnd]| -> Vec<(i32, i64)> {
        ends.iter().map(|end| (end.partition, end.next)).collect()
    };
    let follow = ends_after(before.unwrap_or(&footer.ends), &footer.ranges, &[], &[]);
    if places(&follow) != places(&footer.ends) {
        let text = match before {
            Some(_) => "its cumulative ends do not follow from its ranges and the ends before",
            None => "its cumulative ends do not agree with its own ranges",
        };
        other(found, text.to_owned());
    }
    let Some(before) = before else { return };
    for end in &footer.ends {
        // Older writers drop last records.
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
            other(
                found,
                format!(
                    "its last record of partition {}, at offset {}, is neither of its range nor the one before",
                    end.partition, last.offset
                ),
            );
        }
    }
}

fn end_of(ends: Option<&[PartitionEnd]>, partition: i32) -> Option<i64> {
    let end = ends?.iter().find(|end| end.partition == partition)?;
    Some(end.next)
}
