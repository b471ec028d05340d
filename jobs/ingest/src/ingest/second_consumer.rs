//! A second consumer, which shows single records of the topic again. It answers one question at a time. It commits no offset
//! and is in no group, so the first consumer keeps its places.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use gugus_batches::{LastRecord, record_hash};
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::{Message, Offset, TopicPartitionList};

use super::group::{GroupEvents, Member};
use crate::Error;
use crate::kafka::setup::{self, Setup};
use crate::kafka::topic::{TopicAt, is_final, is_no_offset, is_no_topic};

/// Settings that fetch little, and at once: we want one record of each partition, and throw the others away.
const FETCH: [(&str, &str); 9] = [
    ("queued.min.messages", "1"),
    ("queued.max.messages.kbytes", "1024"),
    ("fetch.message.max.bytes", "1024"),
    ("fetch.min.bytes", "1"),
    ("fetch.error.backoff.ms", "100"),
    ("reconnect.backoff.max.ms", "1000"),
    ("topic.metadata.refresh.interval.ms", "300000"),
    ("statistics.interval.ms", "0"),
    // This consumer is not a member of a group.
    ("group.protocol", "classic"),
];

/// Properties that only one of the two group protocols takes.
const OF_GROUPS: [&str; 2] = ["group.remote.assignor", "group.instance.id"];

/// One wait for records.
const TICK: Duration = Duration::from_millis(100);

/// The first offset that a partition holds, and the offset after the last one.
pub(super) type Watermarks = (i64, i64);

pub(super) struct SecondConsumer {
    /// One question at a time.
    consumer: Mutex<Member>,
    brokers: String,
    topic: String,
}

/// What the topic holds at the offset of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    Same,
    Another,
    /// Compaction removed the record, or only markers are at or behind its offset.
    Nothing,
}

/// Why records were not shown.
pub(super) enum Trouble {
    /// The topic does not hold one of the offsets. The error does not say which.
    NoSuchOffset,
    NoSuchTopic,
    /// Trying again cannot help.
    Refused(KafkaError),
    /// The caller gave up waiting for this partition.
    Silent(i32),
}

impl SecondConsumer {
    /// A consumer with the settings of the first one.
    pub(super) fn new(setup: &Setup, at: TopicAt<'_>) -> Result<Self, Error> {
        // A clone, because the map that the configuration shows of itself has no passwords.
        let mut properties = setup.config.clone();
        for key in OF_GROUPS {
            properties.remove(key);
        }
        for (key, value) in FETCH {
            properties.set(key, value);
        }
        let events = GroupEvents::default();
        // Nobody answers changes here.
        events.close();
        let consumer = BaseConsumer::from_config_and_context(&properties, setup.context(events))
            .map_err(setup::refused)?;
        Ok(Self {
            consumer: Mutex::new(consumer),
            brokers: at.brokers.to_owned(),
            topic: at.topic.to_owned(),
        })
    }

    /// Compares records with those that the topic now holds at their offsets.
    pub(super) fn compare(
        &self,
        records: &BTreeMap<i32, &LastRecord>,
        gives_up: impl Fn() -> bool,
    ) -> Result<BTreeMap<i32, Shown>, Trouble> {
        let consumer = self.consumer();
        let mut list = TopicPartitionList::new();
        for (partition, record) in records {
            list.add_partition_offset(&self.topic, *partition, Offset::Offset(record.offset))
                .map_err(Trouble::Refused)?;
        }
        consumer.assign(&list).map_err(Trouble::Refused)?;
        let shown = await_all(&consumer, records, gives_up);
        if let Err(error) = consumer.unassign() {
            tracing::debug!(%error, "unassigning partitions whose last records were compared");
        }
        shown
    }

    /// The error of a broker that refused to show a record.
    pub(super) fn refused(&self, source: KafkaError) -> Error {
        Error::Kafka {
            brokers: self.brokers.clone(),
            action: "to show the last record",
            reason: self.consumer().context().reports.last(),
            source: Box::new(source),
        }
    }

    fn consumer(&self) -> MutexGuard<'_, Member> {
        self.consumer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The offsets that a partition holds, if the broker answers in time.
    pub(super) fn watermarks(&self, partition: i32, time: Duration) -> Option<Watermarks> {
        let consumer = self.consumer();
        let answer = consumer.fetch_watermarks(&self.topic, partition, time);
        answer
            .inspect_err(
                |error| tracing::debug!(%error, partition, "asking what a partition holds"),
            )
            .ok()
    }
}

fn await_all(
    consumer: &Member,
    records: &BTreeMap<i32, &LastRecord>,
    gives_up: impl Fn() -> bool,
) -> Result<BTreeMap<i32, Shown>, Trouble> {
    let mut shown = BTreeMap::new();
    while let Some(missing) = records
        .keys()
        .find(|partition| !shown.contains_key(*partition))
    {
        match consumer.poll(TICK) {
            Some(Ok(message)) => {
                if let Some(record) = records.get(&message.partition()) {
                    shown
                        .entry(message.partition())
                        .or_insert_with(|| compared(record, &message));
                }
                continue;
            }
            Some(Err(KafkaError::PartitionEOF(partition))) => {
                shown.entry(partition).or_insert(Shown::Nothing);
                continue;
            }
            Some(Err(error)) => match error.rdkafka_error_code() {
                Some(code) if is_no_offset(code) => return Err(Trouble::NoSuchOffset),
                Some(code) if is_no_topic(code) => return Err(Trouble::NoSuchTopic),
                Some(code) if is_final(code) => return Err(Trouble::Refused(error)),
                _ => {}
            },
            None => {}
        }
        if gives_up() {
            return Err(Trouble::Silent(*missing));
        }
    }
    Ok(shown)
}

fn compared(record: &LastRecord, message: &impl Message) -> Shown {
    if message.offset() != record.offset {
        return Shown::Nothing;
    }
    let is_same = message.timestamp().to_millis() == record.timestamp
        && record_hash(message.key(), message.payload()) == record.sha256;
    if is_same { Shown::Same } else { Shown::Another }
}
