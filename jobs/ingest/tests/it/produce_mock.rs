//! CSV into librdkafka's mock cluster, a stand-in for Kafka.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use gugus_ingest::produce::{self, Pace, Produced};
use gugus_ingest::{Error, Kind};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::{ClientConfig, Message, Offset, TopicPartitionList};
use tokio_util::sync::CancellationToken;

use crate::support::*;

type KeyAndValue = (Option<Vec<u8>>, String);

fn consumer(broker: &Broker) -> BaseConsumer {
    let mut client = ClientConfig::new();
    client.set("bootstrap.servers", broker.address());
    client.set("group.id", "reader").create().unwrap()
}

/// All records of a topic: partition → (key, value) in order.
fn read(
    broker: &Broker,
    topic: &str,
    partitions: i32,
    records: usize,
) -> BTreeMap<i32, Vec<KeyAndValue>> {
    let consumer = consumer(broker);
    let mut list = TopicPartitionList::new();
    list.add_partition_range(topic, 0, partitions - 1);
    list.set_all_offsets(Offset::Beginning).unwrap();
    consumer.assign(&list).unwrap();
    let mut found: BTreeMap<i32, Vec<_>> = BTreeMap::new();
    let begun = Instant::now();
    let mut read = 0;
    while read < records {
        let is_late = begun.elapsed() > Duration::from_secs(20);
        assert!(!is_late, "{read} records only");
        if let Some(message) = consumer.poll(Duration::from_millis(100)) {
            let message = message.unwrap();
            let value = String::from_utf8(message.payload().unwrap().to_vec()).unwrap();
            let records = found.entry(message.partition()).or_default();
            records.push((message.key().map(<[u8]>::to_vec), value));
            read += 1;
        }
    }
    found
}

#[tokio::test]
async fn rows_become_json_objects_without_keys_in_turn() {
    let folder = Folder::new();
    let broker = Broker::with_topic("t", 3);
    let file = folder.write("a.csv", "DR_NO,a \"b\"\n01,x\n02,\"1,2\"\n03,\n04,ä\n");
    let summary = run_produce(produce(&broker, "t", &file)).await.unwrap();
    assert_eq!((summary.records, summary.created), (4, false));
    let share = |partition, records| Produced { partition, records };
    assert_eq!(summary.partitions, [share(0, 2), share(1, 1), share(2, 1)]);
    let found = read(&broker, "t", 3, 4);
    let first = r#"{"DR_NO":"01","a \"b\"":"x"}"#;
    let expected = [
        vec![first, r#"{"DR_NO":"04","a \"b\"":"ä"}"#],
        vec![r#"{"DR_NO":"02","a \"b\"":"1,2"}"#],
        vec![r#"{"DR_NO":"03","a \"b\"":""}"#],
    ];
    for (records, expected) in found.values().zip(expected) {
        let values = records.iter().map(|(_, value)| value.as_str());
        assert_eq!(values.collect::<Vec<_>>(), expected);
    }
    let records = || found.values().flatten();
    assert!(records().all(|(key, _)| key.is_none()));
    let bytes: usize = records().map(|(_, value)| value.len()).sum();
    assert_eq!(summary.bytes, bytes as u64);
}

#[tokio::test]
async fn limit_and_rate_are_kept() {
    let folder = Folder::new();
    let broker = Broker::with_topic("t", 1);
    let file = folder.write("a.csv", sample(1_000, 1));
    let mut config = produce(&broker, "t", &file);
    config.limit = Some(41);
    config.pace = Pace::Rate(100.0);
    let summary = run_produce(config).await.unwrap();
    assert_eq!(summary.records, 41);
    assert!((0.4..5.0).contains(&summary.seconds), "{}", summary.seconds);

    let mut config = produce(&broker, "t", &file);
    config.limit = Some(4);
    config.pace = Pace::Delay(Duration::from_millis(100)..=Duration::from_millis(150));
    let summary = run_produce(config).await.unwrap();
    assert_eq!(summary.records, 4);
    assert!(summary.seconds >= 0.3, "{}", summary.seconds);
}

#[tokio::test]
async fn told_to_stop_it_counts_what_arrived() {
    let folder = Folder::new();
    let broker = Broker::with_topic("t", 2);
    let file = folder.write("a.csv", sample(10_000, 1));
    let mut config = produce(&broker, "t", &file);
    config.pace = Pace::Rate(200.0);
    let stop = CancellationToken::new();
    let running = tokio::spawn(produce::run(config, stop.clone()));
    let probe = consumer(&broker);
    let high = |partition| {
        let marks = probe.fetch_watermarks("t", partition, Duration::from_secs(5));
        marks.unwrap().1
    };
    until("records arrive", async || high(0) >= 10).await;
    stop.cancel();
    let records = running.await.unwrap().unwrap().records;
    assert!((20..10_000).contains(&records), "{records}");
    assert_eq!((high(0) + high(1)) as u64, records);
}

/// With more records than the client's queue holds, `produce` waits and loses none.
#[tokio::test]
async fn a_full_queue_is_waited_for() {
    let folder = Folder::new();
    let broker = Broker::with_topic("t", 2);
    let file = folder.write("a.csv", sample(3_000, 1));
    let mut config = produce(&broker, "t", &file);
    config.client = vec![property(("queue.buffering.max.messages", "100"))];
    let summary = run_produce(config).await.unwrap();
    assert_eq!(summary.records, 3_000);
    let found = read(&broker, "t", 2, 3_000);
    assert!(found.values().map(Vec::len).eq([1_500, 1_500]));
}

#[tokio::test]
async fn what_cannot_be_sent_is_told() {
    let folder = Folder::new();
    let broker = Broker::with_topic("t", 1);
    let error = async |input: &Path| run_produce(produce(&broker, "t", input)).await.unwrap_err();

    let lines = folder.write("a.jsonl", "{}\n");
    let twice = folder.write("twice.csv", "a,a\n1,2\n");
    for file in [folder.path("none.csv"), lines, twice] {
        let name = file.file_name().unwrap().to_str().unwrap();
        says(&error(&file).await, Kind::Usage, &[name]);
    }

    let long = folder.write("long.csv", "a,b\n1,2\n3,4,5\n");
    says(&error(&long).await, Kind::Failed, &["long.csv", "line 3"]);

    let huge = folder.write("huge.csv", format!("a\n1\n{}\n", "x".repeat(3_000_000)));
    let error = error(&huge).await;
    let Error::Delivery { failed, sent, .. } = error else {
        panic!("{error:?}")
    };
    assert_eq!((failed, sent), (1, 2));

    let file = folder.write("a.csv", "a\n1\n");
    let mut config = produce(&broker, "t", &file);
    config.client = vec![property(("no.such.thing", "1"))];
    let error = run_produce(config).await.unwrap_err();
    says(&error, Kind::Usage, &["no.such.thing"]);
    let mut config = produce(&broker, "t", &file);
    config.pace = Pace::Rate(0.0);
    assert_eq!(run_produce(config).await.unwrap_err().kind(), Kind::Usage);
}
