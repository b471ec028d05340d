//! The reading side: the consumer, its partitions, and the place where each is read. The reader knows no batches.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rdkafka::consumer::{CommitMode, Consumer, RebalanceProtocol};
use rdkafka::error::KafkaError;
use rdkafka::message::BorrowedMessage;
use rdkafka::{Message, Offset};

use super::broker::Broker;
use super::group::{Change, GroupEvents, give_up, offsets_not_committed};
use crate::Error;
use crate::kafka::topic::{is_final, is_no_offset, is_no_topic};

pub(super) struct Reader<'a> {
    pub(super) broker: Broker<'a>,
    partitions: BTreeMap<i32, Reading>,
}

/// A partition that is assigned.
#[derive(Default)]
struct Reading {
    /// Whether a record came since the last assignment. Before the first record, librdkafka's position means nothing.
    delivered: bool,
    /// Whether the end of the partition was reached.
    at_end: bool,
}

/// The result of a poll.
pub(super) enum Polled<'a> {
    Record(BorrowedMessage<'a>),
    Nothing,
    /// The broker says that our position in some partition is not there.
    NoSuchOffset(KafkaError),
    /// The broker says that the topic is not there.
    NoSuchTopic,
}

impl<'a> Reader<'a> {
    pub(super) fn new(broker: Broker<'a>) -> Self {
        Self {
            broker,
            partitions: BTreeMap::new(),
        }
    }

    /// Joins the group, which will assign partitions.
    pub(super) fn join(&self) -> Result<(), Error> {
        self.broker
            .consumer
            .subscribe(&[self.broker.at.topic])
            .map_err(|e| self.broker.refused("the subscription", e))
    }

    /// Waits for a record, at most for `wait`.
    pub(super) fn poll(&mut self, wait: Duration) -> Result<Polled<'a>, Error> {
        let error = match self.broker.consumer.poll(wait) {
            Some(Ok(message)) => {
                if let Some(reading) = self.partitions.get_mut(&message.partition()) {
                    reading.delivered = true;
                    reading.at_end = false;
                }
                return Ok(Polled::Record(message));
            }
            Some(Err(error)) => error,
            None => return Ok(Polled::Nothing),
        };
        if let KafkaError::PartitionEOF(partition) = error {
            if let Some(reading) = self.partitions.get_mut(&partition) {
                reading.at_end = true;
            }
            return Ok(Polled::Nothing);
        }
        match error.rdkafka_error_code() {
            Some(code) if is_no_offset(code) => Ok(Polled::NoSuchOffset(error)),
            Some(code) if is_no_topic(code) => Ok(Polled::NoSuchTopic),
            Some(code) if is_final(code) => Err(self.broker.refused("to go on", error)),
            _ if matches!(error, KafkaError::MessageConsumptionFatal(_)) => {
                Err(self.broker.refused("to go on", error))
            }
            // librdkafka has reported the error, and goes on by itself.
            _ => Ok(Polled::Nothing),
        }
    }

    /// The news from the group and from the statistics.
    pub(super) fn events(&self) -> &'a GroupEvents {
        &self.broker.consumer.context().events
    }

    /// Whether a partition is read to its end.
    pub(super) fn is_at_end(&self, partition: i32) -> bool {
        self.partitions
            .get(&partition)
            .is_some_and(|reading| reading.at_end)
    }

    /// Our positions in partitions of which a record came.
    ///
    /// A transaction marker takes an offset and is not a record. librdkafka's position moves as records are polled, so all
    /// records before the position have gone through our hands. Only markers are passed by librdkafka alone.
    pub(super) fn positions(&self) -> Vec<(i32, i64)> {
        let position = match self.broker.consumer.position() {
            Ok(position) => position,
            // In that case the markers go into the next batch.
            Err(error) => {
                tracing::debug!(%error, "asking for the position");
                return Vec::new();
            }
        };
        let delivered = |partition: i32| {
            self.partitions
                .get(&partition)
                .is_some_and(|reading| reading.delivered)
        };
        let positions = position.elements().into_iter().filter_map(|element| {
            let Offset::Offset(offset) = element.offset() else {
                return None;
            };
            delivered(element.partition()).then_some((element.partition(), offset))
        });
        positions.collect()
    }

    /// Answers an assignment: reads these partitions from these offsets.
    pub(super) fn assign(&mut self, starts: &BTreeMap<i32, i64>) -> Result<(), Error> {
        self.forget_positions(starts);
        let (consumer, list) = (self.broker.consumer, self.broker.list(starts)?);
        let assigned = if self.is_cooperative() {
            consumer.incremental_assign(&list)
        } else {
            consumer.assign(&list)
        };
        assigned.map_err(|e| self.broker.refused("an assignment", e))
    }

    /// Answers a revocation.
    pub(super) fn unassign(&mut self, revoked: &BTreeSet<i32>) -> Result<(), Error> {
        self.partitions.retain(|p, _| !revoked.contains(p));
        let unassigned = if self.is_cooperative() {
            let list = self.broker.list(revoked.iter().map(|p| (p, &0)))?;
            self.broker.consumer.incremental_unassign(&list)
        } else {
            self.broker.consumer.unassign()
        };
        unassigned.map_err(|e| self.broker.refused("a revocation", e))
    }

    /// Answers a change without reading anything, because the consumer cannot close before the answer.
    pub(super) fn give_up(&self, change: &Change) {
        give_up(self.broker.consumer, self.broker.at.topic, change);
    }

    /// Reads assigned partitions from other offsets. `all` has the offsets of all assigned partitions.
    ///
    /// Assigns anew rather than seeks: a seek fails while a partition has no leader, and an assignment also forgets the
    /// records that were fetched before.
    pub(super) fn read_from(
        &mut self,
        changed: &BTreeMap<i32, i64>,
        all: &BTreeMap<i32, i64>,
    ) -> Result<(), Error> {
        self.forget_positions(changed);
        if changed.is_empty() || self.broker.at.stop.is_cancelled() {
            // After a stop nothing is read any more.
            return Ok(());
        }
        let consumer = self.broker.consumer;
        let assigned = if self.is_cooperative() {
            let list = self.broker.list(changed)?;
            consumer
                .incremental_unassign(&list)
                .and_then(|()| consumer.incremental_assign(&list))
        } else {
            self.forget_positions(all);
            let list = self.broker.list(all)?;
            // librdkafka works off its queue before it answers a call. A call of `assign` alone would leave the stop of
            // the old assignment in the queue. If the consumer closed right then, each partition would be stopped twice,
            // and an assertion would end the process.
            consumer.unassign().and_then(|()| consumer.assign(&list))
        };
        assigned.map_err(|e| self.broker.refused("an assignment", e))
    }

    /// Until the next record, librdkafka's positions in these partitions mean nothing.
    fn forget_positions(&mut self, starts: &BTreeMap<i32, i64>) {
        let anew = starts.keys().map(|p| (*p, Reading::default()));
        self.partitions.extend(anew);
    }

    fn is_cooperative(&self) -> bool {
        matches!(
            self.broker.consumer.rebalance_protocol(),
            RebalanceProtocol::Cooperative
        )
    }

    /// Commits the group's offsets without waiting for the answer.
    pub(super) fn commit_offsets(&self, ends: &BTreeMap<i32, i64>) {
        match self.broker.list(ends) {
            Ok(list) if list.count() == 0 => {}
            Ok(list) => {
                if let Err(error) = self.broker.consumer.commit(&list, CommitMode::Async) {
                    offsets_not_committed(&error);
                }
            }
            Err(error) => offsets_not_committed(&error),
        }
    }
}
