//! Where partitions are read from. Invariant: reading continues at the end that the newest footer has. If the topic does not
//! hold that record any more, reading continues where the user chose.

use std::collections::BTreeMap;

use gugus_batches::{Jump, JumpReason, PartitionEnd};

use super::broker::Broker;
use super::config::OnReset;
use super::recreated::recreated;
use super::second_consumer::Watermarks;
use super::start::Start;
use crate::Error;

/// Where to read a partition from.
pub(super) struct Found {
    pub(super) partition: i32,
    pub(super) start: i64,
    /// The offset behind the last record of the partition.
    pub(super) high: i64,
    /// Set if reading does not continue at the end of the batches.
    pub(super) jump: Option<Jump>,
    /// The end of the partition in the batches.
    pub(super) known: Option<PartitionEnd>,
}

/// The choices of the user.
#[derive(Clone, Copy)]
pub(super) struct Choice<'a> {
    pub(super) start: &'a Start,
    pub(super) on_reset: OnReset,
}

impl Choice<'_> {
    /// Looks up where to read partitions from. `ends` are their ends in the batches.
    pub(super) fn find(
        &self,
        broker: &Broker<'_>,
        partitions: &[i32],
        mut ends: BTreeMap<i32, PartitionEnd>,
    ) -> Result<Vec<Found>, Error> {
        let (marks, recreated) = recreated(broker, partitions, &ends)?;
        let times = match self.start {
            Start::Timestamp(time) => {
                let new = partitions.iter().filter(|p| !ends.contains_key(p));
                broker.offsets_at(*time, new)?
            }
            _ => BTreeMap::new(),
        };
        let found = marks.into_iter().map(|(partition, marks)| {
            let place = Place {
                topic: broker.at.topic,
                partition,
                marks,
            };
            match ends.remove(&partition) {
                Some(end) if recreated.contains(&partition) => {
                    let trouble = place.another_record(&end);
                    self.reset(&place, end, JumpReason::Recreated, trouble)
                }
                Some(end) => self.continue_at(&place, end),
                None => self.begin(&place, times.get(&partition).copied()),
            }
        });
        found.collect()
    }

    /// Checks that the start names only partitions that the topic has.
    pub(super) fn check(&self, topic: &str, partitions: &[i32]) -> Result<(), Error> {
        let Start::Offsets(offsets) = self.start else {
            return Ok(());
        };
        match offsets.keys().find(|named| !partitions.contains(named)) {
            Some(partition) => {
                let last = partitions.last().copied().unwrap_or(0);
                let reason = format!(
                    "partition {partition} is named, but topic {topic:?} has partitions 0 to {last}; correct it"
                );
                Err(Error::usage(START, reason))
            }
            None => Ok(()),
        }
    }

    /// Begins a partition that the batches do not know. `at_time` is the offset of the start's time, if there is a record.
    fn begin(&self, place: &Place<'_>, at_time: Option<i64>) -> Result<Found, Error> {
        let (low, high) = place.marks;
        let start = match self.start {
            Start::Earliest => low,
            Start::Latest => high,
            Start::Timestamp(_) => at_time.unwrap_or(high),
            Start::Offsets(offsets) => offsets.get(&place.partition).copied().unwrap_or(low),
        };
        if !(low..=high).contains(&start) {
            let reason = place.out_of_range(start, "name an offset that the partition holds");
            return Err(Error::usage(START, reason));
        }
        Ok(place.found(start, None, None))
    }

    /// Continues a partition that the batches know.
    fn continue_at(&self, place: &Place<'_>, end: PartitionEnd) -> Result<Found, Error> {
        let (low, high) = place.marks;
        let (reason, hint) = if end.next < low {
            (
                JumpReason::Deleted,
                "the records between were deleted before they were ingested and cannot be read any more; to continue \
                 without them give --on-reset earliest, which records the loss in the next batch",
            )
        } else if end.next > high {
            (
                JumpReason::Recreated,
                "the topic was recreated or truncated after the last batch; to continue with what it holds now give \
                 --on-reset earliest (or latest), or ingest into another folder",
            )
        } else {
            return Ok(place.found(end.next, None, Some(end)));
        };
        let trouble = place.out_of_range(end.next, hint);
        self.reset(place, end, reason, format!("the batches end at {trouble}"))
    }

    /// Does what the user chose for a topic that does not hold the next record.
    fn reset(
        &self,
        place: &Place<'_>,
        end: PartitionEnd,
        reason: JumpReason,
        trouble: String,
    ) -> Result<Found, Error> {
        let to = match self.on_reset {
            OnReset::Stop => return Err(Error::Reset(trouble)),
            OnReset::Earliest => place.marks.0,
            OnReset::Latest => place.marks.1,
        };
        tracing::warn!(partition = end.partition, from = end.next, to, "{trouble}");
        let jump = Jump {
            partition: end.partition,
            from: end.next,
            to,
            reason,
        };
        Ok(place.found(to, Some(jump), Some(end)))
    }
}

/// The name of the start in messages.
const START: &str = "--start";

/// A partition of the topic, and the offsets that it holds.
#[derive(Clone, Copy)]
struct Place<'a> {
    topic: &'a str,
    partition: i32,
    marks: Watermarks,
}

impl Place<'_> {
    fn found(self, start: i64, jump: Option<Jump>, known: Option<PartitionEnd>) -> Found {
        Found {
            partition: self.partition,
            start,
            high: self.marks.1,
            jump,
            known,
        }
    }

    fn out_of_range(&self, offset: i64, hint: &str) -> String {
        let (low, high) = self.marks;
        format!(
            "offset {offset} of topic {:?} partition {}, which holds {low} to {high}: {hint}",
            self.topic, self.partition
        )
    }

    fn another_record(&self, end: &PartitionEnd) -> String {
        format!(
            "offset {} of topic {:?} partition {} holds another record than the batches took from there: the topic was \
             recreated after the last batch; to continue with what it holds now give --on-reset earliest (or latest), or \
             ingest into another folder",
            end.last.as_ref().map_or(end.next, |last| last.offset),
            self.topic,
            self.partition
        )
    }
}
