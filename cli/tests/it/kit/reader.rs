//! A topic and a group as others than ingest see them: readers of committed records, and tools that show a group's lag.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::Message as _;
use rdkafka::{Offset, TopicPartitionList};

use crate::kit::kafka::client;
use crate::kit::messages::Place;
use crate::kit::wait::PATIENCE;

/// One question to the broker.
const ONCE: Duration = Duration::from_secs(10);

/// A record as Kafka hands it out.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Record {
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) value: Option<Vec<u8>>,
    /// ms, UTC.
    pub(crate) timestamp: Option<i64>,
}

/// Everything that a reader of committed records gets of a topic, and for each partition the offset after all of it.
#[track_caller]
pub(crate) fn read_back(
    brokers: &str,
    topic: &str,
    partitions: i32,
) -> (BTreeMap<Place, Record>, BTreeMap<i32, i64>) {
    let consumer: BaseConsumer = client(brokers)
        .set("group.id", format!("{topic}-read-back"))
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true")
        .set("isolation.level", "read_committed")
        .create()
        .expect("a consumer");
    let mut list = TopicPartitionList::new();
    for partition in 0..partitions {
        list.add_partition_offset(topic, partition, Offset::Beginning)
            .expect("a partition");
    }
    consumer.assign(&list).expect("an assignment");
    let mut records = BTreeMap::new();
    let mut left: Vec<i32> = (0..partitions).collect();
    let begun = Instant::now();
    while !left.is_empty() {
        assert!(
            begun.elapsed() < PATIENCE,
            "topic {topic} was not read within {PATIENCE:?}: partitions {left:?} have no end"
        );
        match consumer.poll(Duration::from_millis(100)) {
            Some(Ok(message)) => {
                let record = Record {
                    key: message.key().map(<[u8]>::to_vec),
                    value: message.payload().map(<[u8]>::to_vec),
                    timestamp: message.timestamp().to_millis(),
                };
                records.insert((message.partition(), message.offset()), record);
            }
            Some(Err(KafkaError::PartitionEOF(partition))) => left.retain(|p| *p != partition),
            Some(Err(_)) | None => {}
        }
    }
    let ends = (0..partitions).map(|partition| {
        let (_, end) = consumer
            .fetch_watermarks(topic, partition, ONCE)
            .expect("the partition's offsets");
        (partition, end)
    });
    let ends = ends.collect();
    (records, ends)
}

/// What a group has committed to Kafka; partitions of which it committed nothing are not among them.
pub(crate) struct Group {
    consumer: BaseConsumer,
    list: TopicPartitionList,
}

impl Group {
    /// Looks at a group from outside: it is not joined.
    pub(crate) fn new(brokers: &str, group: &str, topic: &str, partitions: i32) -> Self {
        let consumer = client(brokers).set("group.id", group).create();
        let mut list = TopicPartitionList::new();
        for partition in 0..partitions {
            list.add_partition(topic, partition);
        }
        Self {
            consumer: consumer.expect("a consumer"),
            list,
        }
    }

    #[track_caller]
    pub(crate) fn committed(&self) -> BTreeMap<i32, i64> {
        let committed = self
            .consumer
            .committed_offsets(self.list.clone(), ONCE)
            .expect("the group's offsets");
        let offset = |offset| match offset {
            Offset::Offset(offset) => Some(offset),
            _ => None,
        };
        committed
            .elements()
            .iter()
            .filter_map(|e| Some((e.partition(), offset(e.offset())?)))
            .collect()
    }
}
