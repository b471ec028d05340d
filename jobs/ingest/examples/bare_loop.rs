//! The limit that `ingest` is measured against: a librdkafka consumer that reads a whole topic and drops every record.
//!
//! `bare_loop BROKERS TOPIC gugus|librdkafka` reads all partitions from their first record to their end, with the fetch
//! settings of `gugus ingest` or with librdkafka's own, and prints one JSON document: records, their bytes, seconds from
//! the first record to the last. `bench/ingest` runs it.

#[path = "../src/ingest/consumer_settings.rs"]
mod settings;

use std::error::Error;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

/// The longest that one poll waits.
const TICK: Duration = Duration::from_millis(100);

/// How long the broker may take to describe the topic.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long no record may come before the topic's end. A broker that died would else keep the loop for ever.
const SILENCE: Duration = Duration::from_secs(60);

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [brokers, topic, fetch] = arguments.as_slice() else {
        return Err("usage: bare_loop BROKERS TOPIC gugus|librdkafka".into());
    };
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", brokers)
        // No group is joined, but librdkafka's consumers want the name of one.
        .set("group.id", "bare-loop");
    match fetch.as_str() {
        "gugus" => {
            for (key, value) in settings::DEFAULTS {
                config.set(key, value);
            }
        }
        "librdkafka" => {}
        other => return Err(format!("{other:?} is neither gugus nor librdkafka").into()),
    }
    for (key, value, _) in settings::FIXED {
        config.set(key, value);
    }
    let consumer: BaseConsumer = config.create()?;

    let metadata = consumer.fetch_metadata(Some(topic), PATIENCE)?;
    let mut list = TopicPartitionList::new();
    for partition in metadata
        .topics()
        .iter()
        .flat_map(|topic| topic.partitions())
    {
        list.add_partition_offset(topic, partition.id(), Offset::Beginning)?;
    }
    let mut open = list.count();
    if open == 0 {
        return Err(format!("there is no topic {topic} at {brokers}").into());
    }
    consumer.assign(&list)?;

    let (mut records, mut bytes) = (0_u64, 0_u64);
    let mut first = None;
    let mut last = Instant::now();
    while open > 0 {
        match consumer.poll(TICK) {
            Some(Ok(message)) => {
                // The clock is asked once in a thousand records: asking is not what is measured.
                if records % 1_000 == 0 {
                    last = Instant::now();
                    first.get_or_insert(last);
                }
                records += 1;
                bytes += message.payload_len() as u64;
            }
            Some(Err(KafkaError::PartitionEOF(_))) => {
                open -= 1;
                last = Instant::now();
            }
            Some(Err(error)) => return Err(error.into()),
            None if last.elapsed() > SILENCE => {
                return Err(format!("no record within {SILENCE:?}, {open} partitions left").into());
            }
            None => {}
        }
    }
    let seconds = first.map_or(0.0, |first| last.duration_since(first).as_secs_f64());
    println!("{{\"records\": {records}, \"bytes\": {bytes}, \"seconds\": {seconds:.6}}}");
    Ok(())
}
