//! Whether the topic is the one that the batches were taken from. Invariant: a partition whose last record in the
//! batches is another now is never read on silently.
//!
//! Offsets alone do not tell: a topic that was deleted, created again and filled past our end looks like one that went
//! on. So the batches keep timestamp and hash of the last record of each partition, and before a partition is
//! read on, that record is fetched and compared. One that compaction or retention took cannot be compared, and proves
//! nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use gugus_batches::{LastRecord, PartitionEnd, record_hash};
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::{ClientConfig, Message, Offset, TopicPartitionList};

use super::context::Context;
use super::session::Session;
use crate::Error;
use crate::error::is_final;

/// What is fetched ahead: one record of each partition is wanted, and what comes with it is thrown away.
const FETCH: [(&str, &str); 4] = [
    ("queued.min.messages", "1"),
    ("queued.max.messages.kbytes", "1024"),
    ("statistics.interval.ms", "0"),
    // Members of a group have sessions; this one only looks.
    ("group.protocol", "classic"),
];

/// Properties that only the group's protocols of before or after take.
const OF_GROUPS: [&str; 2] = ["group.remote.assignor", "group.instance.id"];

/// One wait for records.
const TICK: Duration = Duration::from_millis(100);

impl Session<'_> {
    /// The partitions whose last record in the batches is another in the topic.
    pub(super) fn recreated(
        &self,
        ends: &BTreeMap<i32, PartitionEnd>,
        marks: &BTreeMap<i32, (i64, i64)>,
    ) -> Result<BTreeSet<i32>, Error> {
        let mut wanted: BTreeMap<i32, &LastRecord> = BTreeMap::new();
        for (partition, end) in ends {
            let Some((low, high)) = marks.get(partition) else {
                continue;
            };
            if let Some(last) = &end.last
                && (*low..*high).contains(&last.offset)
            {
                wanted.insert(*partition, last);
            }
        }
        let mut recreated = BTreeSet::new();
        if wanted.is_empty() {
            return Ok(recreated);
        }
        let consumer = self.looker()?;
        let mut list = TopicPartitionList::new();
        for (partition, last) in &wanted {
            list.add_partition_offset(
                &self.config.job.source.topic,
                *partition,
                Offset::Offset(last.offset),
            )
            .map_err(|e| self.refused("an offset", e))?;
        }
        consumer
            .assign(&list)
            .map_err(|e| self.refused("an assignment", e))?;
        let begun = Instant::now();
        while !wanted.is_empty() {
            match consumer.poll(TICK) {
                Some(Ok(message)) => {
                    if let Some(last) = wanted.remove(&message.partition())
                        && message.offset() == last.offset
                        && !is_same(last, &message)
                    {
                        recreated.insert(message.partition());
                    }
                }
                // There is nothing at or behind that offset but markers.
                Some(Err(KafkaError::PartitionEOF(partition))) => {
                    wanted.remove(&partition);
                }
                Some(Err(error)) if error.rdkafka_error_code().is_some_and(is_final) => {
                    return Err(self.refused("to show the last record", error));
                }
                Some(Err(error)) if self.gives_up(begun) => {
                    return Err(self.refused("to show the last record", error));
                }
                None if self.gives_up(begun) => {
                    return Err(Error::LastRecord {
                        topic: self.config.job.source.topic.clone(),
                        partition: wanted.keys().next().copied().unwrap_or(0),
                        seconds: begun.elapsed().as_secs(),
                    });
                }
                Some(Err(_)) | None => {}
            }
        }
        Ok(recreated)
    }

    /// A consumer of its own, in no group: ours may have partitions assigned, which must not lose their places.
    fn looker(&self) -> Result<BaseConsumer<Context>, Error> {
        let mut properties = ClientConfig::new();
        for (key, value) in self.setup.config.config_map() {
            if !OF_GROUPS.contains(&key) {
                properties.set(key, value);
            }
        }
        for (key, value) in FETCH {
            properties.set(key, value);
        }
        let context = Context::new(&self.setup.tokens);
        BaseConsumer::from_config_and_context(&properties, context).map_err(Error::client)
    }
}

fn is_same(last: &LastRecord, message: &impl Message) -> bool {
    message.timestamp().to_millis() == last.timestamp
        && record_hash(message.key(), message.payload()) == last.sha256
}
