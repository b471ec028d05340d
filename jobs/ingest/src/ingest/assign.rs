//! Partitions come and go. Invariant: a partition that is assigned is read from the batches' end, as their newest
//! footer had it when the assignment was answered.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use rdkafka::consumer::{Consumer, RebalanceProtocol};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::{Offset, TopicPartitionList};

use super::session::{Part, Session};
use crate::client::PATIENCE;
use crate::error::{START, is_final};
use crate::{Error, Start};

/// One try of a request to the broker.
const TRY: Duration = Duration::from_secs(5);

/// What the messages call the place from which reading goes on.
const LOG_END: &str = "the end of the batches";

/// Where a partition is read from, and what it holds.
pub(super) struct Found {
    pub(super) partition: i32,
    pub(super) start: i64,
    /// Behind its last record.
    pub(super) high: i64,
}

impl Session<'_> {
    /// Looks up where partitions are to be read from: the batches' end, or where those end the user's start.
    pub(super) fn find(&self, partitions: &[i32]) -> Result<Vec<Found>, Error> {
        let times = self.times(partitions)?;
        let find = |partition: i32| {
            let (low, high) = self.watermarks(partition)?;
            let (position, start) = match (self.log.end_of(partition), &self.config.start) {
                (Some(end), _) => (LOG_END, end),
                (None, Start::Earliest) => (START, low),
                (None, Start::Latest) => (START, high),
                (None, Start::Timestamp(_)) => {
                    (START, times.get(&partition).copied().unwrap_or(high))
                }
                (None, Start::Offsets(offsets)) => {
                    (START, offsets.get(&partition).copied().unwrap_or(low))
                }
            };
            self.check(position, partition, start, (low, high))?;
            Ok(Found {
                partition,
                start,
                high,
            })
        };
        partitions
            .iter()
            .map(|partition| find(*partition))
            .collect()
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

    /// Whether the position of every partition in hand is still there.
    pub(super) fn check_range(&self) -> Result<(), Error> {
        for (partition, part) in &self.parts {
            self.check(LOG_END, *partition, part.next, self.watermarks(*partition)?)?;
        }
        Ok(())
    }

    fn check(
        &self,
        position: &'static str,
        partition: i32,
        offset: i64,
        (low, high): (i64, i64),
    ) -> Result<(), Error> {
        let hint = if (low..=high).contains(&offset) {
            return Ok(());
        } else if position == START {
            "name an offset that is there"
        } else if offset < low {
            "the records between were deleted before they were ingested and cannot be read any more; ingest into another folder"
        } else {
            "the topic was recreated or truncated behind our back; ingest into another folder"
        };
        Err(Error::OutOfRange {
            position,
            topic: self.config.job.source.topic.clone(),
            partition,
            offset,
            low,
            high,
            hint,
        })
    }

    fn watermarks(&self, partition: i32) -> Result<(i64, i64), Error> {
        let topic = &self.config.job.source.topic;
        self.ask(|| self.consumer.fetch_watermarks(topic, partition, TRY))
    }

    /// The offsets of the start's time, for those partitions that need one and have a record of that time or later.
    fn times(&self, partitions: &[i32]) -> Result<BTreeMap<i32, i64>, Error> {
        let Start::Timestamp(time) = self.config.start else {
            return Ok(BTreeMap::new());
        };
        let mut list = TopicPartitionList::new();
        for partition in partitions.iter().filter(|p| self.log.end_of(**p).is_none()) {
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

    /// Asks the broker again for as long as we are patient.
    fn ask<T>(&self, mut request: impl FnMut() -> KafkaResult<T>) -> Result<T, Error> {
        let begun = Instant::now();
        loop {
            match request() {
                Ok(answer) => return Ok(answer),
                Err(e)
                    if e.rdkafka_error_code().is_some_and(is_final)
                        || begun.elapsed() > PATIENCE =>
                {
                    return Err(self.refused("to tell what the topic holds", e));
                }
                Err(e) => tracing::debug!(error = %e, "asking kafka again"),
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Answers an assignment: reads the newest footer, then reads on from there.
    pub(super) fn assigned(&mut self, partitions: &[i32]) -> Result<(), Error> {
        self.runtime
            .block_on(self.log.refresh())
            .map_err(Error::log)?;
        let found = self.find(partitions)?;
        tracing::info!(?partitions, "assigned");
        self.parts
            .extend(found.iter().map(|f| (f.partition, Part::starting(f.start))));
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
        let ours: BTreeSet<i32> = moved
            .iter()
            .copied()
            .filter(|p| self.parts.contains_key(p))
            .collect();
        for partition in &ours {
            if let Some(end) = self.log.end_of(*partition) {
                self.parts.insert(*partition, Part::starting(end));
            }
        }
        if ours.is_empty() {
            return Ok(());
        }
        let again = match self.consumer.rebalance_protocol() {
            RebalanceProtocol::Cooperative => self.list(&ours).and_then(|list| {
                self.consumer.incremental_unassign(&list)?;
                self.consumer.incremental_assign(&list)
            }),
            _ => {
                for part in self.parts.values_mut() {
                    part.delivered = false;
                    part.at_end = false;
                }
                let all = self.parts.keys().copied().collect();
                self.list(&all).and_then(|list| self.consumer.assign(&list))
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
