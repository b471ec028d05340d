//! CSV into librdkafka's mock cluster, a stand-in for Kafka.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use gugus_ingest::produce::{self, Pace, Produced};
use gugus_ingest::{Error, Kind};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::{ClientConfig, Message, Offset, TopicPartitionList};
use tokio_util::sync::CancellationToken;

use crate::support::*;

type KeyAndValue = (Option<Vec<u8>>, String);

/// Everything in a topic: partition → (key, value) in order.
fn read(
    broker: &Broker,
    topic: &str,
    partitions: i32,
    records: usize,
) -> BTreeMap<i32, Vec<KeyAndValue>> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", broker.address())
        .set("group.id", "reader")
        .create()
        .unwrap();
    let mut list = TopicPartitionList::new();
    list.add_partition_range(topic, 0, partitions - 1);
    list.set_all_offsets(Offset::Beginning).unwrap();
    consumer.assign(&list).unwrap();
    let mut found: BTreeMap<i32, Vec<_>> = BTreeMap::new();
    let begun = Instant::now();
    while found.values().map(Vec::len).sum::<usize>() < records {
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "{} records only",
            found.values().map(Vec::len).sum::<usize>()
        );
        if let Some(message) = consumer.poll(Duration::from_millis(100)) {
            let message = message.unwrap();
            let value = String::from_utf8(message.payload().unwrap().to_vec()).unwrap();
            found
                .entry(message.partition())
                .or_default()
                .push((message.key().map(<[u8]>::to_vec), value));
        }
    }
    found
}

#[tokio::test]
async fn rows_become_json_objects_without_keys_in_turn() {
    let folder = Folder::new();
    let broker = Broker::with_topic("t", 3);
    let file = folder.write("a.csv", "DR_NO,a \"b\"\n01,x\n02,\"1,2\"\n03,\n04,ä\n");
    let summary = produce::run(produce(&broker, "t", &file), CancellationToken::new())
        .await
        .unwrap();
    assert_eq!((summary.records, summary.created), (4, false));
    let share = |partition, records| Produced { partition, records };
    assert_eq!(summary.partitions, [share(0, 2), share(1, 1), share(2, 1)]);
    let found = read(&broker, "t", 3, 4);
    let values = |partition: i32| {
        found[&partition]
            .iter()
            .map(|(_, value)| value.as_str())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        values(0),
        [
            r#"{"DR_NO":"01","a \"b\"":"x"}"#,
            r#"{"DR_NO":"04","a \"b\"":"ä"}"#
        ]
    );
    assert_eq!(values(1), [r#"{"DR_NO":"02","a \"b\"":"1,2"}"#]);
    assert_eq!(values(2), [r#"{"DR_NO":"03","a \"b\"":""}"#]);
    assert!(found.values().flatten().all(|(key, _)| key.is_none()));
    assert_eq!(
        summary.bytes,
        found
            .values()
            .flatten()
            .map(|(_, value)| value.len() as u64)
            .sum::<u64>()
    );
}

#[tokio::test]
async fn limit_and_rate_are_kept() {
    let folder = Folder::new();
    let broker = Broker::with_topic("t", 1);
    let file = folder.write("a.csv", sample(1_000, 1));
    let mut config = produce(&broker, "t", &file);
    config.limit = Some(41);
    config.pace = Pace::Rate(100.0);
    let summary = produce::run(config, CancellationToken::new())
        .await
        .unwrap();
    assert_eq!(summary.records, 41);
    assert!((0.4..5.0).contains(&summary.seconds), "{}", summary.seconds);

    let mut config = produce(&broker, "t", &file);
    config.limit = Some(4);
    config.pace = Pace::Delay(Duration::from_millis(100)..=Duration::from_millis(150));
    let summary = produce::run(config, CancellationToken::new())
        .await
        .unwrap();
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
    let probe: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", broker.address())
        .set("group.id", "probe")
        .create()
        .unwrap();
    until("records arrive", async || {
        probe
            .fetch_watermarks("t", 0, Duration::from_secs(5))
            .is_ok_and(|(_, high)| high >= 10)
    })
    .await;
    stop.cancel();
    let summary = running.await.unwrap().unwrap();
    assert!(
        summary.records >= 20 && summary.records < 10_000,
        "{}",
        summary.records
    );
    let there: i64 = (0..2)
        .map(|p| {
            probe
                .fetch_watermarks("t", p, Duration::from_secs(5))
                .unwrap()
                .1
        })
        .sum();
    assert_eq!(there as u64, summary.records);
}

/// More than the client's queue holds: it waits instead of losing records.
#[tokio::test]
async fn a_full_queue_is_waited_for() {
    let folder = Folder::new();
    let broker = Broker::with_topic("t", 2);
    let file = folder.write("a.csv", sample(3_000, 1));
    let mut config = produce(&broker, "t", &file);
    config.client = vec![("queue.buffering.max.messages".to_owned(), "100".to_owned())];
    let summary = produce::run(config, CancellationToken::new())
        .await
        .unwrap();
    assert_eq!(summary.records, 3_000);
    assert_eq!(
        read(&broker, "t", 2, 3_000)
            .values()
            .map(Vec::len)
            .collect::<Vec<_>>(),
        [1_500, 1_500]
    );
}

#[tokio::test]
async fn what_cannot_be_sent_is_told() {
    let folder = Folder::new();
    let broker = Broker::with_topic("t", 1);
    let run = |config| produce::run(config, CancellationToken::new());

    let error = run(produce(&broker, "t", &folder.path("none.csv")))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Usage);
    let lines = folder.write("a.jsonl", "{}\n");
    assert_eq!(
        run(produce(&broker, "t", &lines)).await.unwrap_err().kind(),
        Kind::Usage
    );
    let twice = folder.write("twice.csv", "a,a\n1,2\n");
    assert_eq!(
        run(produce(&broker, "t", &twice)).await.unwrap_err().kind(),
        Kind::Usage
    );

    let long = folder.write("long.csv", "a,b\n1,2\n3,4,5\n");
    let error = run(produce(&broker, "t", &long)).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Failed);
    assert!(
        error.to_string().contains("long.csv") && error.to_string().contains("line 3"),
        "{error}"
    );

    let huge = folder.write("huge.csv", format!("a\n1\n{}\n", "x".repeat(3_000_000)));
    let error = run(produce(&broker, "t", &huge)).await.unwrap_err();
    assert!(
        matches!(
            error,
            Error::Delivery {
                failed: 1,
                sent: 2,
                ..
            }
        ),
        "{error:?}"
    );

    let file = folder.write("a.csv", "a\n1\n");
    let mut config = produce(&broker, "t", &file);
    config.client = vec![("no.such.thing".to_owned(), "1".to_owned())];
    let error = run(config).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Usage);
    assert!(error.to_string().contains("no.such.thing"), "{error}");
    let mut config = produce(&broker, "t", &file);
    config.pace = Pace::Rate(0.0);
    assert_eq!(run(config).await.unwrap_err().kind(), Kind::Usage);
}
