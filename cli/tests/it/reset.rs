//! A topic of a real Kafka that no longer holds what comes next.

use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{Offset, TopicPartitionList};
use serde_json::{Value, json};

use crate::kafka::{self, Kafka};
use crate::process::{Output, Signal, run, up};
use crate::work::Work;

const PATIENCE: Duration = Duration::from_secs(60);

struct Topic {
    kafka: &'static Kafka,
    name: String,
    work: Work,
    job: String,
}

impl Topic {
    fn new(name: &str) -> Option<Self> {
        let kafka = Kafka::shared()?;
        let name = kafka.fresh_topic(name, 1);
        let work = Work::new();
        let job = work.write(
            "job.toml",
            format!(
                "name = \"{name}\"\n[source]\ntopic = \"{name}\"\n[source.columns]\nx = {{ type = \"float64\" }}\n\
                 [batches]\nrows = 10\n"
            ),
        );
        Some(Self {
            kafka,
            name,
            work,
            job,
        })
    }

    fn send(&self, xs: std::ops::Range<i64>) {
        let producer: BaseProducer = kafka::client(self.kafka.brokers()).create().unwrap();
        for x in xs {
            let value = format!("{{\"x\":{x}}}");
            let record = BaseRecord::<(), str>::to(&self.name).payload(&value);
            producer.send(record).map_err(|(e, _)| e).unwrap();
        }
        producer.flush(PATIENCE).unwrap();
    }

    fn admin(&self) -> (AdminClient<DefaultClientContext>, tokio::runtime::Runtime) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        (
            kafka::client(self.kafka.brokers()).create().unwrap(),
            runtime,
        )
    }

    /// Deletes records before an offset.
    fn forget(&self, before: i64) {
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(&self.name, 0, Offset::Offset(before))
            .unwrap();
        let (admin, runtime) = self.admin();
        runtime
            .block_on(admin.delete_records(&list, &AdminOptions::new()))
            .unwrap();
    }

    fn delete(&self) {
        let (admin, runtime) = self.admin();
        let deleted = runtime
            .block_on(admin.delete_topics(&[&self.name], &AdminOptions::new()))
            .unwrap();
        deleted.into_iter().for_each(|result| {
            result.unwrap();
        });
    }

    fn ingest(&self, more: &[&str]) -> Output {
        let batches = self.work.path("batch");
        let all = [
            "ingest",
            "--job",
            &self.job,
            "--brokers",
            self.kafka.brokers(),
            "--batches",
            &batches,
            "--until-end",
            "--output",
            "json",
        ];
        run(all.iter().chain(more))
    }

    fn verify(&self) -> Value {
        let batches = self.work.path("batch");
        run([
            "batches",
            "verify",
            "--batches",
            &batches,
            "--output",
            "json",
        ])
        .expect(0)
        .json()
    }
}

#[test]
fn records_that_were_deleted_before_they_were_taken_stop_it_until_it_is_told_to_go_on() {
    let Some(topic) = Topic::new("forgets") else {
        return;
    };
    topic.send(0..10);
    topic.ingest(&[]).expect(0);
    topic.send(10..40);
    topic.forget(25);
    let stopped = topic.ingest(&[]).expect(1);
    assert!(
        stopped.stderr.contains("offset 10")
            && stopped.stderr.contains("25 to 40")
            && stopped.stderr.contains("--on-reset earliest"),
        "{}",
        stopped.stderr
    );
    let summary = topic.ingest(&["--on-reset", "earliest"]).expect(0).json();
    assert_eq!(summary["records"], 15);
    let verified = topic.verify();
    assert_eq!(verified["records"], 25);
    assert_eq!(
        verified["jumps"],
        json!([{"batch": 2, "partition": 0, "from": 10, "to": 25, "reason": "deleted"}])
    );
    let text = run(["batches", "verify", "--batches", &topic.work.path("batch")]).expect(0);
    assert!(
        text.stdout
            .contains("batch 2 went on in partition 0 at offset 25 instead of 10"),
        "{}",
        text.stdout
    );
}

#[test]
fn a_topic_that_is_deleted_and_filled_again_while_it_is_read_is_not_read_on() {
    let Some(topic) = Topic::new("anew") else {
        return;
    };
    topic.send(0..20);
    let batches = topic.work.path("batch");
    let ingest = up([
        "ingest",
        "--job",
        &topic.job,
        "--brokers",
        topic.kafka.brokers(),
        "--batches",
        &batches,
    ]);
    crate::wait::until("both batches are there", || {
        let there = crate::batch_files::numbers(batches.as_ref());
        if there == [1, 2] {
            Ok(())
        } else {
            Err(format!("{there:?}: {}", ingest.stderr()))
        }
    });
    topic.delete();
    // Kafka deletes in the background; a name is free when it can be taken.
    crate::wait::until("the topic can be made anew", || {
        let (admin, runtime) = topic.admin();
        let new = rdkafka::admin::NewTopic::new(
            &topic.name,
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
    let ended = ingest.stop(Signal::Term, PATIENCE);
    let said = match ended.code() {
        1 => ended.stderr,
        _ => topic.ingest(&[]).expect(1).stderr,
    };
    assert!(
        said.contains("recreated") && said.contains("--on-reset"),
        "{said}"
    );
    assert_eq!(topic.verify()["records"], 20);
    let summary = topic.ingest(&["--on-reset", "earliest"]).expect(0).json();
    assert_eq!(summary["records"], 50);
    let verified = topic.verify();
    assert_eq!(
        verified["jumps"],
        json!([{"batch": 3, "partition": 0, "from": 20, "to": 0, "reason": "recreated"}])
    );
}
