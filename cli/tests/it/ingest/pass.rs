//! From `produce` to `serve`, through a real Apache Kafka.

use serde_json::json;

use crate::kit::process::{Gugus, Signal, run};
use crate::kit::same::holds;
use crate::kit::topic::Topic;
use crate::kit::wait::until;
use crate::kit::work::{job, shipped, training};
use crate::kit::{batch_files, http};

#[test]
fn produce_ingest_train_serve_with_three_partitions() {
    let crime = std::fs::read_to_string(shipped("crime.toml")).unwrap();
    let job = |topic: &str| {
        let lines = crime.lines().map(|line| match line.starts_with("topic") {
            true => format!("topic = \"{topic}\""),
            false => line.to_owned(),
        });
        lines.collect::<Vec<_>>().join("\n")
    };
    let Some(topic) = Topic::new("pass", 3, job) else {
        return;
    };
    let (work, job) = (&topic.work, &topic.job);
    let csv = work.generate(1_000, 5);
    let sent = topic.produce(&csv, &["--output", "json"]);
    assert_eq!(sent.json()["records"], 1_000);
    let ends = topic.kafka.ends(&topic.name, 3);
    assert_eq!(ends.iter().sum::<i64>(), 1_000);
    topic.take(&[]).expect(0);
    let verified = work.verify();
    holds(&verified, json!({ "records": 1_000, "rejected": 0 }));
    let partitions = verified["partitions"].as_array().unwrap().iter();
    let next = partitions.map(|partition| partition["next"].as_i64().unwrap());
    assert_eq!(next.collect::<Vec<_>>(), ends);

    // The topic has no more records, so the second ingest commits nothing.
    topic.take(&[]).expect(0);
    assert_eq!(work.verify(), verified);

    let report = work.train(job, &[]).expect(0).json();
    assert_eq!(report["failed"], 0);

    // An import of the batch files gives the same centers.
    let batches = work.path("batch");
    let files: Vec<String> = (1..=verified["batches"].as_u64().unwrap())
        .map(|number| format!("{batches}/batch_{number:08}.parquet"))
        .collect();
    let imported = work.path("imported");
    Gugus::new(["batches", "import", "--one-batch-per-file", "--job", job])
        .with(["--batches", &imported])
        .with(&files)
        .run()
        .expect(0);
    run(training(job, &imported, &work.path("models2"))).expect(0);
    for model in ["location", "time", "case"] {
        for batch in [1, files.len() as u64] {
            assert_eq!(
                work.centers("models", model, batch),
                work.centers("models2", model, batch),
                "{model} {batch}"
            );
        }
    }

    let serve = work.serve();
    let record = json!({ "lat": 34.05, "lon": -118.25, "model": 1 });
    let answer = http::post(format!("{}/predict_cluster/", serve.url("rest")), record);
    assert!(answer["cluster"].as_u64().unwrap() < 5);
    serve.stop(Signal::Term).expect(0);
}

#[test]
fn an_ingest_that_runs_on_is_stopped_cleanly_and_goes_on_later() {
    let Some(topic) = Topic::new("stop", 2, |topic| job(topic, 10, "")) else {
        return;
    };
    let ingest = topic.ingest(&[]).up();
    topic.produce(&topic.work.numbers("in.csv", 0..45), &[]);
    until("the fourth batch is there", || {
        let there = batch_files::numbers(&topic.batches());
        let so = || format!("{there:?}: {}", ingest.stderr());
        there.contains(&4).then_some(()).ok_or_else(so)
    });
    ingest.stop(Signal::Term).expect(0);
    topic.take(&[]).expect(0);
    assert_eq!(topic.work.verify()["records"], 45);
}
