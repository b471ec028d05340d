//! A topic of a real Kafka that no longer holds the next record.

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::KafkaResult;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{Offset, TopicPartitionList};
use serde_json::json;

use crate::kit::same::holds;
use crate::kit::topic::Topic;
use crate::kit::wait::{PATIENCE, until};
use crate::kit::work::job;
use crate::kit::{batch_files, kafka};

type Admin = AdminClient<DefaultClientContext>;

/// A topic with one partition.
struct Reset(Topic);

impl Reset {
    fn new(name: &str) -> Option<Self> {
        Topic::new(name, 1, |topic| job(topic, 10, "")).map(Self)
    }

    fn send(&self, xs: std::ops::Range<i64>) {
        let producer: BaseProducer = kafka::client(self.0.kafka.brokers()).create().unwrap();
        for x in xs {
            let value = format!("{{\"x\":{x}}}");
            let record = BaseRecord::<(), str>::to(&self.0.name).payload(&value);
            producer.send(record).map_err(|(e, _)| e).unwrap();
        }
        producer.flush(PATIENCE).unwrap();
    }

    /// What an admin client answers.
    fn ask<T>(&self, question: impl AsyncFnOnce(Admin, AdminOptions) -> KafkaResult<T>) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let admin = kafka::client(self.0.kafka.brokers()).create().unwrap();
        let answer = question(admin, AdminOptions::new());
        runtime.unwrap().block_on(answer).unwrap()
    }

    /// Deletes records before an offset.
    fn forget(&self, before: i64) {
        let mut list = TopicPartitionList::new();
        let added = list.add_partition_offset(&self.0.name, 0, Offset::Offset(before));
        added.unwrap();
        self.ask(async |admin, options| admin.delete_records(&list, &options).await);
    }

    fn delete(&self) {
        let name = [self.0.name.as_str()];
        let deleted = self.ask(async |admin, options| admin.delete_topics(&name, &options).await);
        assert!(deleted.iter().all(Result::is_ok), "{deleted:?}");
    }

    /// Creates it again, and gives the reason if that is not possible yet.
    fn create(&self) -> Result<(), String> {
        let new = [NewTopic::new(&self.0.name, 1, TopicReplication::Fixed(1))];
        let made = self.ask(async |admin, options| admin.create_topics(&new, &options).await);
        match made.into_iter().next() {
            Some(Err((_, code))) => Err(code.to_string()),
            _ => Ok(()),
        }
    }
}

#[test]
fn records_that_were_deleted_before_they_were_taken_stop_it_until_it_is_told_to_go_on() {
    let Some(topic) = Reset::new("forgets") else {
        return;
    };
    topic.send(0..10);
    topic.0.take(&[]).expect(0);
    topic.send(10..40);
    topic.forget(25);
    let stopped = topic.0.take(&[]).expect(1);
    stopped.says(&["offset 10", "25 to 40", "--on-reset earliest"]);
    let summary = topic.0.take(&["--on-reset", "earliest"]).expect(0).json();
    assert_eq!(summary["records"], 15);
    let jump = json!([{"batch": 2, "partition": 0, "from": 10, "to": 25, "reason": "deleted"}]);
    holds(
        &topic.0.work.verify(),
        json!({"records": 25, "jumps": jump}),
    );
    let text = topic.0.work.on(&["batches", "verify"]).expect(0);
    let jump = "batch 2 went on in partition 0 at offset 25 instead of 10";
    assert!(text.stdout.contains(jump), "{}", text.stdout);
}

#[test]
fn a_topic_that_is_deleted_and_filled_again_while_it_is_read_is_not_read_on() {
    let Some(topic) = Reset::new("anew") else {
        return;
    };
    topic.send(0..20);
    let ingest = topic.0.ingest(&[]).up();
    until("both batches are there", || {
        let there = batch_files::numbers(&topic.0.batches());
        let so = || format!("{there:?}: {}", ingest.stderr());
        (there == [1, 2]).then_some(()).ok_or_else(so)
    });
    topic.delete();
    // Kafka deletes in the background. The name is free when it can be taken.
    until("the topic can be created again", || topic.create());
    topic.send(1_000..1_050);
    // `ingest` notices while it runs. It stops, says why, and has taken no record.
    let said = ingest.wait().expect(1).stderr;
    assert!(
        said.contains("recreated") && said.contains("--on-reset"),
        "{said}"
    );
    assert_eq!(topic.0.work.verify()["records"], 20);
    let summary = topic.0.take(&["--on-reset", "earliest"]).expect(0).json();
    assert_eq!(summary["records"], 50);
    let jump = json!([{"batch": 3, "partition": 0, "from": 20, "to": 0, "reason": "recreated"}]);
    holds(&topic.0.work.verify(), json!({"jumps": jump}));
}
