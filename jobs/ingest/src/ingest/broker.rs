//! Questions to the broker about the topic. Invariant: a question is repeated until the broker answers or refuses it for
//! good, or until we give up. We give up after some seconds before the run is ready, and later only when the run is stopped.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::consumer::Consumer;
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::{Offset, TopicPartitionList};
use tokio_util::sync::CancellationToken;

use super::connection::Link;
use super::group::Member;
use super::second_consumer::{SecondConsumer, Watermarks};
use crate::Error;
use crate::kafka::topic::{TopicAt, is_final};

/// One try of a request to the broker.
const TRY: Duration = Duration::from_secs(5);

/// The pause between two tries.
const PAUSE: Duration = Duration::from_millis(100);

#[derive(Clone, Copy)]
pub(super) struct Broker<'a> {
    pub(super) consumer: &'a Member,
    pub(super) at: TopicAt<'a>,
    /// How long the broker may take to answer a question.
    pub(super) patience: Duration,
    pub(super) link: &'a Arc<Link>,
    /// Shows single records again.
    pub(super) second: &'a Arc<SecondConsumer>,
}

impl Broker<'_> {
    /// Waits for the topic, which a producer that just starts may create, and returns its partitions. `None` when `stop` was
    /// cancelled first.
    pub(super) fn await_topic(&self, stop: &CancellationToken) -> Result<Option<Vec<i32>>, Error> {
        let at = TopicAt { stop, ..self.at };
        at.wait(self.consumer.client(), || {
            drop(self.consumer.poll(Duration::ZERO))
        })
    }

    pub(super) fn watermarks(&self, partition: i32) -> Result<Watermarks, Error> {
        self.ask(|| {
            self.consumer
                .fetch_watermarks(self.at.topic, partition, TRY)
        })
    }

    /// The offsets of a time. Partitions without a record of that time or later are left out.
    pub(super) fn offsets_at<'p>(
        &self,
        time: i64,
        partitions: impl Iterator<Item = &'p i32>,
    ) -> Result<BTreeMap<i32, i64>, Error> {
        let list = self.list(partitions.map(|partition| (partition, &time)))?;
        if list.count() == 0 {
            return Ok(BTreeMap::new());
        }
        let found = self.ask(|| self.consumer.offsets_for_times(list.clone(), TRY))?;
        let offset = |partition, offset| match offset {
            Offset::Offset(offset) => Some((partition, offset)),
            _ => None,
        };
        let elements = found.elements();
        let found = elements
            .iter()
            .filter_map(|e| offset(e.partition(), e.offset()));
        Ok(found.collect())
    }

    /// Partitions of the topic with offsets.
    pub(super) fn list<'p>(
        &self,
        offsets: impl IntoIterator<Item = (&'p i32, &'p i64)>,
    ) -> Result<TopicPartitionList, Error> {
        let mut list = TopicPartitionList::new();
        for (partition, offset) in offsets {
            list.add_partition_offset(self.at.topic, *partition, Offset::Offset(*offset))
                .map_err(|e| self.refused("an offset", e))?;
        }
        Ok(list)
    }

    fn ask<T>(&self, mut request: impl FnMut() -> KafkaResult<T>) -> Result<T, Error> {
        let _asking = self.link.ask();
        let begun = Instant::now();
        loop {
            match request() {
                Ok(answer) => return Ok(answer),
                Err(e) if e.rdkafka_error_code().is_some_and(is_final) || self.gives_up(begun) => {
                    return Err(self.refused("to tell what the topic holds", e));
                }
                Err(e) => tracing::debug!(error = %e, "asking kafka again"),
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// Whether a question that began then is given up.
    pub(super) fn gives_up(&self, begun: Instant) -> bool {
        begun.elapsed() > self.patience || self.at.stop.is_cancelled()
    }

    /// The error of a request that the broker refused.
    pub(super) fn refused(&self, action: &'static str, source: KafkaError) -> Error {
        self.at.refused(self.consumer.context(), action, source)
    }
}
