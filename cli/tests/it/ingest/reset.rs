//! A topic of a real Kafka that no longer holds what comes next.

use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{Offset, TopicPartitionList};
use serde_json::json;

use crate::kit::process::Signal;
use crate::kit::topic::Topic;
use crate::kit::wait::{PATIENCE, until};
use crate::kit::work::job;
use crate::kit::{batch_files, kafka};

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

    fn admin(&self) -> (AdminClient<DefaultClientContext>, tokio::runtime::Runtime) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        (
            kafka::client(self.0.kafka.brokers()).create().unwrap(),
            runtime,
        )
    }

    /// Deletes records before an offset.
    fn forget(&self, before: i64) {
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(&self.0.name, 0, Offset::Offset(before))
            .unwrap();
        let (admin, runtime) = self.admin();
        runtime
            .block_on(admin.delete_records(&list, &AdminOptions::new()))
            .unwrap();
    }

    fn delete(&self) {
        let (admin, runtime) = self.admin();
        let deleted = runtime
            .block_on(admin.delete_topics(&[&self.0.name], &AdminOptions::new()))
            .unwrap();
        deleted.into_iter().for_each(|result| {
            result.unwrap();
        });
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
    let verified = topic.0.work.verify();
    assert_eq!(verified["records"], 25);
    assert_eq!(
        verified["jumps"],
        json!([{"batch": 2, "partition": 0, "from": 10, "to": 25, "reason": "deleted"}])
    );
    let text = topic.0.work.on(&["batches", "verify"]).expect(0);
    assert!(
        text.stdout
            .contains("batch 2 went on in partition 0 at offset 25 instead of 10"),
        "{}",
        text.stdout
    );
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
        if there == [1, 2] {
            Ok(())
        } else {
            Err(format!("{there:?}: {}", ingest.stderr()))
        }
    });
    topic.delete();
    // Kafka deletes in the background; a name is free when it can be taken.
    until("the topic can be made anew", || {
        let (admin, runtime) = topic.admin();
        let new = rdkafka::admin::NewTopic::new(
            &topic.0.name,
            1,
            rdkafka::admin::TopicReplication::Fixed(1),
        );
        let made = runtime
            .block_on(admin.create_topics([&new], &AdminOptions::new()))
            .unwrap();
        match made.into_iter().next() {
            Some(Err((_, code))) => Err(code.to_string()),
            _ => Ok(()),
        }
    });
    topic.send(1_000..1_050);
    // Whether it noticed while it ran or when it is started again: it stops, says why, and has taken nothing.
    let ended = ingest.stop(Signal::Term);
    let said = match ended.code() {
        1 => ended.stderr,
        _ => topic.0.take(&[]).expect(1).stderr,
    };
    assert!(
        said.contains("recreated") && said.contains("--on-reset"),
        "{said}"
    );
    assert_eq!(topic.0.work.verify()["records"], 20);
    let summary = topic.0.take(&["--on-reset", "earliest"]).expect(0).json();
    assert_eq!(summary["records"], 50);
    let verified = topic.0.work.verify();
    assert_eq!(
        verified["jumps"],
        json!([{"batch": 3, "partition": 0, "from": 20, "to": 0, "reason": "recreated"}])
    );
}
