//! `gugus up` when a part of it cannot work.

use std::net::TcpListener;

use serde_json::json;

use crate::kit::http;
use crate::kit::kafka::Kafka;
use crate::kit::process::{Gugus, Signal};
use crate::kit::work::{Work, model};

/// A call on a folder of batches and the models of `work`; `more` are further arguments.
fn up(work: &Work, job: &str, brokers: &str, batches: &str, more: &[&str]) -> Gugus {
    let (batches, models) = (work.path(batches), work.path("models"));
    let places = [
        "up",
        "--job",
        job,
        "--brokers",
        brokers,
        "--batches",
        &batches,
        "--models",
        &models,
    ];
    let pages = ["--scheduler-listen", "127.0.0.1:0"];
    Gugus::new([&places[..], &pages, more].concat())
}

const FREE: [&str; 2] = ["--listen", "127.0.0.1:0"];

/// Where no broker listens.
const NOBODY: &str = "127.0.0.1:1";

#[test]
fn mistakes_end_it_before_it_is_ready() {
    let work = Work::new();
    let job = work.job(100, &model("place", "k = 2"));
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    up(&work, &job, NOBODY, "batch", &["--listen", &taken])
        .run()
        .expect(1)
        .says(&[&taken]);

    let empty = work.write(
        "empty.toml",
        std::fs::read_to_string(work.job(100, "")).unwrap(),
    );
    up(&work, &empty, NOBODY, "batch", &FREE)
        .run()
        .expect(2)
        .says(&["has no [[models]]"]);
}

#[test]
fn a_folder_of_another_topic_ends_it() {
    let Some(kafka) = Kafka::shared() else { return };
    let work = Work::new();
    let job = work.job(100, &model("place", "k = 2"));
    work.imported(&job, &work.scattered("points.csv", 100));
    let topic = kafka.fresh_topic("up", 1);
    let text = std::fs::read_to_string(&job).unwrap();
    let other = text.replace("topic = \"test\"", &format!("topic = \"{topic}\""));
    let other = work.write("other.toml", other);
    up(&work, &other, kafka.brokers(), "batch", &FREE)
        .run()
        .expect(2)
        .says(&["ingest ended"]);
}

#[test]
fn predictions_go_on_while_kafka_is_away() {
    let work = Work::new();
    let job = work.job(100, &model("place", "k = 2"));
    work.imported(&job, &work.scattered("points.csv", 100));
    work.train(&job, &[]).expect(0);
    let up = up(
        &work,
        &job,
        NOBODY,
        "live",
        &["--listen", "127.0.0.1:0", "--executors", "2"],
    )
    .up();
    up.await_stderr("ingest waits for kafka");
    let url = format!("{}/models/place/batches/latest/predict", up.url("rest"));
    let answer = http::post(url, json!({"x": 0.5, "y": 0.5}));
    assert!(answer["cluster"].is_u64(), "{answer}");
    let executors = http::get(format!("{}/api/executors", up.url("http")));
    assert_eq!(executors.as_array().map(Vec::len), Some(2), "{executors}");
    up.stop(Signal::Term).expect(0);
}
