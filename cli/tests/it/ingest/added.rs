//! Partitions that a topic gets while `ingest` reads it.

use crate::kit::http;
use crate::kit::messages::{self, Message};
use crate::kit::process::Signal;
use crate::kit::sender::Sender;
use crate::kit::topic::Topic;
use crate::kit::wait::until;

#[test]
fn added_partitions_are_read_after_the_time_of_the_setting() {
    let job = |topic: &str| messages::job(topic, topic, "rows = 10");
    let Some(topic) = Topic::new("added", 1, job) else {
        return;
    };
    let often = ["-K", "topic.metadata.refresh.interval.ms=500"];
    let ingest = topic.ingest(&often).with(["--listen", "127.0.0.1:0"]).up();
    let awaits = |lines: &[&str]| {
        let url = format!("{}/metrics", ingest.url("http"));
        until(&format!("{lines:?} are shown"), || {
            let metrics = http::text(http::ask(&url, &[]));
            let has = |line: &&str| metrics.lines().any(|shown| shown == *line);
            lines.iter().all(has).then_some(()).ok_or(metrics)
        });
    };
    let send = |partitions, numbers: std::ops::Range<i64>| {
        let mut sender = Sender::new(topic.kafka.brokers(), &topic.name, partitions);
        sender.send(numbers.map(Message::row));
        sender.flush();
    };
    send(1, 0..10);
    awaits(&["gugus_ingest_batches_total 1"]);

    // They are read from their first record, though this was sent before anybody knew of them.
    topic.kafka.add_partitions(&topic.name, 3);
    send(3, 10..40);
    awaits(&[
        "gugus_ingest_batches_total 4",
        "gugus_ingest_consumer_lag{partition=\"1\"} 0",
        "gugus_ingest_consumer_lag{partition=\"2\"} 0",
    ]);
    ingest.stop(Signal::Term).expect(0);
    let verified = topic.work.verify();
    assert_eq!(verified["records"], 40);
    assert_eq!(verified["partitions"].as_array().unwrap().len(), 3);
}
