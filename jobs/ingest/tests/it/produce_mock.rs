//! CSV into librdkafka's mock cluster, a stand-in for Kafka.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use gugus_ingest::produce::{self, OnBadRow, Pace, Produced};
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
    let file = folder.write(
        "a.csv",
        "DR_NO,\"a \"\"b\"\"\"\n01,x\n02,\"1,2\"\n03,\n04,ä\n",
    );
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

    let huge = folder.write("huge.csv", huge_row());
    let error = error(&huge).await;
    let words = ["-K message.max.bytes=4194304", "--from-line 3"];
    says(&error, Kind::Failed, &words);
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

/// A row whose record the client does not send, between two others.
fn huge_row() -> String {
    format!("a\n1\n{}\n2\n", "x".repeat(3_000_000))
}

/// A stop says how to go on, and the next run sends the rest without sending a row twice.
#[tokio::test]
async fn a_run_that_stopped_at_a_bad_row_goes_on_behind_it() {
    let folder = Folder::new();
    let broker = Broker::with_topic("t", 1);
    let text = "a,b\n1,\"two\nlines\"\n3,4,5\n6,\"7\" 8\n9,10\n";
    let file = folder.write("a.csv", text);
    let error = run_produce(produce(&broker, "t", &file)).await.unwrap_err();
    let words = ["line 4", "3 cells", "--from-line 4", "--on-bad-row skip"];
    says(&error, Kind::Failed, &words);
    let mut config = produce(&broker, "t", &file);
    config.from_line = Some(5);
    let error = run_produce(config.clone()).await.unwrap_err();
    says(&error, Kind::Failed, &["line 5", "quote", "--from-line 5"]);
    config.from_line = Some(6);
    let rest = run_produce(config).await.unwrap();
    assert_eq!((rest.records, rest.next_line), (1, None));
    let found = read(&broker, "t", 1, 2);
    let values: Vec<_> = found[&0].iter().map(|(_, value)| value.as_str()).collect();
    let expected = [r#"{"a":"1","b":"two\nlines"}"#, r#"{"a":"9","b":"10"}"#];
    assert_eq!(values, expected);
}

#[tokio::test]
async fn skipped_rows_are_in_a_file_with_their_reasons() {
    let folder = Folder::new();
    let broker = Broker::with_topic("t", 2);
    let skipped = folder.path("skipped.jsonl");
    let text = "a,b\n1,2\n3,4,5\n6,\"7\" 8\n9,10\n";
    for (name, text, lines) in [
        ("a.csv", text.to_owned(), [3, 4]),
        ("b.csv", huge_row(), [3, 0]),
    ] {
        let mut config = produce(&broker, "t", &folder.write(name, text));
        config.on_bad_row = OnBadRow::Skip(skipped.clone());
        let summary = run_produce(config).await.unwrap();
        let bad = lines.iter().filter(|line| **line > 0).count() as u64;
        assert_eq!((summary.records, summary.skipped), (2, bad), "{name}");
    }
    let rows = std::fs::read_to_string(&skipped).unwrap();
    let rows: Vec<serde_json::Value> = rows
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(rows.len(), 3);
    assert_eq!(
        (&rows[0]["line"], &rows[0]["row"]),
        (&3.into(), &"3,4,5".into())
    );
    assert!(rows[0]["reason"].as_str().unwrap().contains("3 cells"));
    assert!(rows[1]["reason"].as_str().unwrap().contains("quote"));
    assert!(
        rows[2]["reason"]
            .as_str()
            .unwrap()
            .contains("message.max.bytes")
    );
}

/// The summary of a run with a limit says where the next run goes on.
#[tokio::test]
async fn runs_with_a_limit_take_a_file_in_turns() {
    let folder = Folder::new();
    let broker = Broker::with_topic("t", 1);
    let file = folder.write("a.csv", "a\n\n1\n2\n\n3\n");
    let mut config = produce(&broker, "t", &file);
    config.limit = Some(1);
    let mut lines = Vec::new();
    for _ in 0..3 {
        let summary = run_produce(config.clone()).await.unwrap();
        config.from_line = summary.next_line;
        lines.push((summary.records, summary.next_line));
    }
    assert_eq!(lines, [(1, Some(4)), (1, Some(5)), (1, Some(7))]);
    let found = read(&broker, "t", 1, 3);
    let values: Vec<_> = found[&0].iter().map(|(_, value)| value.as_str()).collect();
    assert_eq!(values, [r#"{"a":"1"}"#, r#"{"a":"2"}"#, r#"{"a":"3"}"#]);
}

/// The delimiter of the job counts for the file, too, and a file with another one is refused.
#[tokio::test]
async fn the_file_is_cut_at_the_delimiter_of_the_job() {
    let folder = Folder::new();
    let broker = Broker::with_topic("t", 1);
    let mut config = produce(&broker, "t", &folder.write("a.csv", "a;b\n1,5;2\n"));
    let columns = "a = { type = \"utf8\" }\nb = { type = \"utf8\" }";
    config.source.columns = job("t", "t", columns, "").source.columns;
    let error = run_produce(config.clone()).await.unwrap_err();
    says(&error, Kind::Usage, &["delimiter = ';' under [source.csv]"]);
    config.source.csv.delimiter = b';';
    assert_eq!(run_produce(config).await.unwrap().records, 1);
    let found = read(&broker, "t", 1, 1);
    assert_eq!(found[&0][0].1, r#"{"a":"1,5","b":"2"}"#);
}
