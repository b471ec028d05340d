//! Whether the topic is the one that the batches were taken from. Invariant: if the topic now has another record in place of
//! the last record that was taken of a partition, that partition is never read on silently.
//!
//! Offsets alone cannot tell. A topic that was deleted, created again and filled past our end looks like a topic that
//! went on. So the batches keep timestamp and hash of the last record of each partition. Before a partition is read on,
//! that record is fetched and compared. If compaction or retention removed the record, there is nothing to compare.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use gugus_batches::{LastRecord, PartitionEnd, record_hash};
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::{ClientConfig, Message};

use super::broker::{Broker, Watermarks};
use super::group::{GroupEvents, Member};
use crate::Error;
use crate::kafka::setup;
use crate::kafka::topic::is_final;

/// Settings that fetch little: we want one record of each partition, and throw the others away.
const FETCH: [(&str, &str); 4] = [
    ("queued.min.messages", "1"),
    ("queued.max.messages.kbytes", "1024"),
    ("statistics.interval.ms", "0"),
    // This consumer is not a member of a group.
    ("group.protocol", "classic"),
];

/// Properties that only one of the two group protocols takes.
const OF_GROUPS: [&str; 2] = ["group.remote.assignor", "group.instance.id"];

/// One wait for records.
const TICK: Duration = Duration::from_millis(100);

/// The partitions whose last record in the batches is another record in the topic.
pub(super) fn recreated(
    broker: &Broker<'_>,
    ends: &BTreeMap<i32, PartitionEnd>,
    marks: &BTreeMap<i32, Watermarks>,
) -> Result<BTreeSet<i32>, Error> {
    let mut wanted: BTreeMap<i32, &LastRecord> = BTreeMap::new();
    for (partition, end) in ends {
        if let (Some((low, high)), Some(last)) = (marks.get(partition), &end.last)
            && (*low..*high).contains(&last.offset)
        {
            wanted.insert(*partition, last);
        }
    }
    let mut recreated = BTreeSet::new();
    if wanted.is_empty() {
        return Ok(recreated);
    }
    let consumer = looker(broker)?;
    consumer
        .assign(&broker.list(wanted.iter().map(|(p, last)| (p, &last.offset)))?)
        .map_err(|e| broker.refused("an assignment", e))?;
    let _asking = broker.link.ask();
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
            // Only markers are at or behind that offset.
            Some(Err(KafkaError::PartitionEOF(partition))) => {
                wanted.remove(&partition);
            }
            Some(Err(error))
                if error.rdkafka_error_code().is_some_and(is_final) || broker.gives_up(begun) =>
            {
                return Err(broker.refused("to show the last record", error));
            }
            None if broker.gives_up(begun) => {
                return Err(Error::LastRecord {
                    topic: broker.at.topic.to_owned(),
                    partition: wanted.keys().next().copied().unwrap_or(0),
                    seconds: begun.elapsed().as_secs(),
                });
            }
            Some(Err(_)) | None => {}
        }
    }
    Ok(recreated)
}

/// A second consumer, in no group: the first one must not lose its places.
fn looker(broker: &Broker<'_>) -> Result<Member, Error> {
    let mut properties = ClientConfig::new();
    for (key, value) in broker.setup.config.config_map() {
        if !OF_GROUPS.contains(&key) {
            properties.set(key, value);
        }
    }
    for (key, value) in FETCH {
        properties.set(key, value);
    }
    let context = broker.setup.context(GroupEvents::default());
    BaseConsumer::from_config_and_context(&properties, context).map_err(setup::refused)
}

fn is_same(last: &LastRecord, message: &impl Message) -> bool {
    message.timestamp().to_millis() == last.timestamp
        && record_hash(message.key(), message.payload()) == last.sha256
}
