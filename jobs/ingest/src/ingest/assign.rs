//! Partitions come and go. Invariant: a partition that is assigned is read from the batches' end, as their newest
//! footer had it when the assignment was answered, or from where the user chose to go on when the topic has not got
//! that any more.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use gugus_batches::{Jump, JumpReason, PartitionEnd};
use rdkafka::consumer::{Consumer, RebalanceProtocol};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::{Offset, TopicPartitionList};

use super::OnReset;
use super::part::Part;
use super::session::Session;
use crate::error::{START, is_final};
use crate::{Error, Start};

/// One try of a request to the broker.
const TRY: Duration = Duration::from_secs(5);

/// What the messages call the place from which reading goes on.
const LOG_END: &str = "the end of the batches";

/// Where a partition is read from, and what it holds.
pub(super) struct Found {
    pub(super) partition: i32,
    start: i64,
    /// Behind its last record.
    high: i64,
    jump: Option<Jump>,
    /// What the batches know of it.
    known: Option<PartitionEnd>,
}

/// What is to be in batches when a run ends at the end.
pub(super) struct Target {
    /// Behind the last record that was there at the start.
    pub(super) high: i64,
    /// What the batches knew then, when they have to jump: their end is of another topic until they have.
    other: Option<PartitionEnd>,
}

impl Target {
    /// Whether batches that end here hold it.
    pub(super) fn is_reached(&self, end: Option<&PartitionEnd>) -> bool {
        end.is_some_and(|end| end.next >= self.high && Some(end) != self.other.as_ref())
    }
}

impl Found {
    /// What is to be in batches until the run may end; nothing where there was nothing to read.
    pub(super) fn target(&self) -> Option<Target> {
        let other = self.jump.as_ref().and(self.known.clone());
        (self.start < self.high).then_some(Target {
            high: self.high,
            other,
        })
    }

    pub(super) fn part(&self) -> Part {
        Part {
            jump: self.jump.clone(),
            ..Part::starting(self.start)
        }
    }
}

impl Session<'_> {
    /// Looks up where partitions are to be read from: the batches' end, or where those have none the user's start.
    pub(super) fn find(&mut self, partitions: &[i32]) -> Result<Vec<Found>, Error> {
        let log = self.log()?;
        let ends: BTreeMap<i32, PartitionEnd> = partitions
            .iter()
            .filter_map(|p| Some((*p, log.partition_end(*p)?.clone())))
            .collect();
        let mut marks = BTreeMap::new();
        for partition in partitions {
            marks.insert(*partition, self.watermarks(*partition)?);
        }
        let recreated = self.recreated(&ends, &marks)?;
        let times = self.times(partitions, &ends)?;
        let mut found = Vec::with_capacity(partitions.len());
        for (partition, (low, high)) in marks {
            found.push(match ends.get(&partition) {
                Some(end) if recreated.contains(&partition) => {
                    let error = self.another_topic(end);
                    self.reset(end, (low, high), JumpReason::Recreated, error)?
                }
                Some(end) => self.go_on(end, (low, high))?,
                None => self.begin(partition, (low, high), &times)?,
            });
        }
        Ok(found)
    }

    /// A partition that the batches do not know.
    fn begin(
        &self,
        partition: i32,
        (low, high): (i64, i64),
        times: &BTreeMap<i32, i64>,
    ) -> Result<Found, Error> {
        let start = match &self.config.start {
            Start::Earliest => low,
            Start::Latest => high,
            Start::Timestamp(_) => times.get(&partition).copied().unwrap_or(high),
            Start::Offsets(offsets) => offsets.get(&partition).copied().unwrap_or(low),
        };
        if !(low..=high).contains(&start) {
            let hint = "name an offset that is there";
            return Err(self.out_of_range(START, partition, start, (low, high), hint));
        }
        Ok(Found {
            partition,
            start,
            high,
            jump: None,
            known: None,
        })
    }

    /// A partition that the batches know.
    fn go_on(&self, end: &PartitionEnd, (low, high): (i64, i64)) -> Result<Found, Error> {
        let (reason, hint) = if end.next < low {
            (
                JumpReason::Deleted,
                "the records between were deleted before they were ingested and cannot be read any more; to go on \
                 without them give --on-reset earliest, which writes the loss down in the next batch",
            )
        } else if end.next > high {
            (
                JumpReason::Recreated,
                "the topic was recreated or truncated behind our back; to go on with what it holds now give --on-reset \
                 earliest (or latest), or ingest into another folder",
            )
        } else {
            return Ok(Found {
                partition: end.partition,
                start: end.next,
                high,
                jump: None,
                known: Some(end.clone()),
            });
        };
        let error = self.out_of_range(LOG_END, end.partition, end.next, (low, high), hint);
        self.reset(end, (low, high), reason, error)
    }

    /// The topic does not hold what comes next: what the user chose for that.
    fn reset(
        &self,
        end: &PartitionEnd,
        (low, high): (i64, i64),
        reason: JumpReason,
        error: Error,
    ) -> Result<Found, Error> {
        let to = match self.config.on_reset {
            OnReset::Stop => return Err(error),
            OnReset::Earliest => low,
            OnReset::Latest => high,
        };
        tracing::warn!(partition = end.partition, from = end.next, to, "{error}");
        Ok(Found {
            partition: end.partition,
            start: to,
            high,
            jump: Some(Jump {
                partition: end.partition,
                from: end.next,
                to,
                reason,
            }),
            known: Some(end.clone()),
        })
    }

    /// Whether the start names a partition that the topic has not.
    pub(super) fn check_start(&self, all: &[i32]) -> Result<(), Error> {
        let Start::Offsets(offsets) = &self.config.start else {
            return Ok(());
        };
        match offsets.keys().find(|partition| !all.contains(partition)) {
            Some(partition) => Err(Error::NoPartition {
                topic: self.config.job.source.topic.clone(),
                partition: *partition,
                last: all.last().copied().unwrap_or(0),
            }),
            None => Ok(()),
        }
    }

    fn out_of_range(
        &self,
        position: &'static str,
        partition: i32,
        offset: i64,
        (low, high): (i64, i64),
        hint: &'static str,
    ) -> Error {
        Error::OutOfRange {
            position,
            topic: self.config.job.source.topic.clone(),
            partition,
            offset,
            low,
            high,
            hint,
        }
    }

    fn another_topic(&self, end: &PartitionEnd) -> Error {
        Error::AnotherTopic {
            topic: self.config.job.source.topic.clone(),
            partition: end.partition,
            offset: end.last.as_ref().map_or(end.next, |last| last.offset),
        }
    }

    fn watermarks(&self, partition: i32) -> Result<(i64, i64), Error> {
        let topic = &self.config.job.source.topic;
        self.ask(|| self.consumer.fetch_watermarks(topic, partition, TRY))
    }

    /// The offsets of the start's time, for those partitions that need one and have a record of that time or later.
    fn times(
        &self,
        partitions: &[i32],
        ends: &BTreeMap<i32, PartitionEnd>,
    ) -> Result<BTreeMap<i32, i64>, Error> {
        let Start::Timestamp(time) = self.config.start else {
            return Ok(BTreeMap::new());
        };
        let mut list = TopicPartitionList::new();
        for partition in partitions.iter().filter(|p| !ends.contains_key(p)) {
            let topic = &self.config.job.source.topic;
            list.add_partition_offset(topic, *partition, Offset::Offset(time))
                .map_err(|e| self.refused("a start time", e))?;
        }
        if list.count() == 0 {
            return Ok(BTreeMap::new());
        }
        let found = self.ask(|| self.consumer.offsets_for_times(list.clone(), TRY))?;
        let offset = |partition, offset| match offset {
            Offset::Offset(offset) => Some((partition, offset)),
            _ => None,
        };
        Ok(found
            .elements()
            .iter()
            .filter_map(|e| offset(e.partition(), e.offset()))
            .collect())
    }

    /// Asks the broker again for as long as we are patient: a running member until it is told to stop.
    pub(super) fn ask<T>(&self, mut request: impl FnMut() -> KafkaResult<T>) -> Result<T, Error> {
        let begun = Instant::now();
        loop {
            match request() {
                Ok(answer) => return Ok(answer),
                Err(e) if e.rdkafka_error_code().is_some_and(is_final) || self.gives_up(begun) => {
                    return Err(self.refused("to tell what the topic holds", e));
                }
                Err(e) => tracing::debug!(error = %e, "asking kafka again"),
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Answers an assignment: reads the newest footer, then reads on from there.
    pub(super) fn assigned(&mut self, partitions: &[i32]) -> Result<(), Error> {
        self.refresh()?;
        let found = self.find(partitions)?;
        tracing::info!(?partitions, "assigned");
        self.parts
            .extend(found.iter().map(|f| (f.partition, f.part())));
        let added = partitions.iter().copied().collect();
        let assigned = match self.consumer.rebalance_protocol() {
            RebalanceProtocol::Cooperative => self
                .list(&added)
                .and_then(|list| self.consumer.incremental_assign(&list)),
            _ => self
                .list(&added)
                .and_then(|list| self.consumer.assign(&list)),
        };
        assigned.map_err(|e| self.refused("an assignment", e))
    }

    /// Answers a revocation: what is in hand of these partitions is committed first, if it can be.
    pub(super) fn revoked(&mut self, partitions: &[i32]) -> Result<(), Error> {
        let in_hand = |partition: &i32| {
            self.parts
                .get(partition)
                .is_some_and(|part| part.next > part.first)
        };
        if partitions.iter().any(in_hand) {
            self.commit()?;
        }
        // Whoever gets them next reads where the log ends.
        self.settle()?;
        self.tell_offsets();
        tracing::info!(?partitions, "revoked");
        let revoked: BTreeSet<i32> = partitions.iter().copied().collect();
        let list = self.list(&revoked);
        self.parts
            .retain(|partition, _| !revoked.contains(partition));
        let unassigned = match self.consumer.rebalance_protocol() {
            RebalanceProtocol::Cooperative => {
                list.and_then(|list| self.consumer.incremental_unassign(&list))
            }
            _ => self.consumer.unassign(),
        };
        unassigned.map_err(|e| self.refused("a revocation", e))
    }

    /// Reads on from the batches' end in partitions where somebody else has moved it.
    ///
    /// Assigns anew rather than seeks: a seek fails while a partition has no leader, and an assignment also forgets what
    /// was fetched before it.
    pub(super) fn go_back(&mut self, moved: &BTreeSet<i32>) -> Result<(), Error> {
        let mut starts = BTreeMap::new();
        for partition in moved {
            if let Some(end) = self.log()?.end_of(*partition)
                && self.parts.contains_key(partition)
            {
                starts.insert(*partition, Part::starting(end));
            }
        }
        self.read_from(starts)
    }

    /// Looks anew where every partition in hand is to be read from; what is in hand is committed first. Called when
    /// the broker says that our positions are not there, or that the topic is not.
    pub(super) fn look_again(&mut self) -> Result<Looked, Error> {
        self.commit_all()?;
        let partitions: Vec<i32> = self.parts.keys().copied().collect();
        let found = self.find(&partitions)?;
        let jumped = found.into_iter().filter(|found| found.jump.is_some());
        let jumped: BTreeMap<_, _> = jumped.map(|f| (f.partition, f.part())).collect();
        if jumped.is_empty() {
            return Ok(Looked::AllThere);
        }
        self.read_from(jumped)?;
        Ok(Looked::Jumped)
    }

    /// Reads partitions in hand from other places.
    fn read_from(&mut self, starts: BTreeMap<i32, Part>) -> Result<(), Error> {
        if starts.is_empty() {
            return Ok(());
        }
        let changed: BTreeSet<i32> = starts.keys().copied().collect();
        self.parts.extend(starts);
        if self.stop.is_cancelled() {
            // Nothing is read any more.
            return Ok(());
        }
        let again = match self.consumer.rebalance_protocol() {
            RebalanceProtocol::Cooperative => self.list(&changed).and_then(|list| {
                self.consumer.incremental_unassign(&list)?;
                self.consumer.incremental_assign(&list)
            }),
            _ => {
                for part in self.parts.values_mut() {
                    part.delivered = false;
                    part.at_end = false;
                }
                let all = self.parts.keys().copied().collect();
                // librdkafka answers a call only after what it queued for the call before. Assigning alone would leave
                // its stop of the old assignment in the queue, and to close the consumer right behind that stops each
                // partition twice, which ends the process by an assertion.
                self.list(&all).and_then(|list| {
                    self.consumer.unassign()?;
                    self.consumer.assign(&list)
                })
            }
        };
        again.map_err(|e| self.refused("an assignment", e))
    }

    /// Partitions with the offsets at which they are to be read on.
    fn list(&self, partitions: &BTreeSet<i32>) -> Result<TopicPartitionList, KafkaError> {
        let mut list = TopicPartitionList::new();
        for partition in partitions {
            let offset = self
                .parts
                .get(partition)
                .map_or(Offset::Invalid, |part| Offset::Offset(part.next));
            list.add_partition_offset(&self.config.job.source.topic, *partition, offset)?;
        }
        Ok(list)
    }
}

/// What a second look at the topic found.
pub(super) enum Looked {
    /// Everything that comes next is there.
    AllThere,
    /// Something is not, and we go on elsewhere.
    Jumped,
}
