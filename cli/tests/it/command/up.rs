//! `gugus up` when a part of it cannot work, and what it shows of its parts.

use std::collections::BTreeSet;
use std::net::{TcpListener, TcpStream};

use serde_json::json;

use crate::kit::http;
use crate::kit::kafka::Kafka;
use crate::kit::machines::{executor, scheduler};
use crate::kit::process::{Gugus, Signal, Up};
use crate::kit::topic::Topic;
use crate::kit::wait::until;
use crate::kit::work::{Work, job, model};

/// A call on a folder of batches and the models of `work`; `more` are further arguments.
fn up(work: &Work, job: &str, brokers: &str, batches: &str, more: &[&str]) -> Gugus {
    let pages = ["--scheduler-listen", "127.0.0.1:0"];
    calling(work, job, brokers, batches, &[&pages[..], more].concat())
}

/// The same without a port for pages.
fn calling(work: &Work, job: &str, brokers: &str, batches: &str, more: &[&str]) -> Gugus {
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
    Gugus::new([&places[..], more].concat())
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
    for flag in ["--listen", "--scheduler-listen", "--grpc-listen"] {
        let ports = ["--listen", "--scheduler-listen"].into_iter();
        let others = ports.filter(|other| *other != flag);
        let others = others.flat_map(|other| [other, "127.0.0.1:0"]);
        let ports: Vec<&str> = [flag, taken.as_str()].into_iter().chain(others).collect();
        calling(&work, &job, NOBODY, "batch", &ports)
            .run()
            .expect(1)
            .says(&[&taken, flag]);
    }
    up(&work, "nowhere.toml", NOBODY, "batch", &FREE)
        .run()
        .expect(2)
        .says(&["nowhere.toml"]);

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
    .with(["--grpc-listen", "127.0.0.1:0"])
    .up();
    up.await_stderr("ingest waits for kafka");
    let url = format!("{}/models/place/batches/latest/predict", up.url("rest"));
    let answer = http::post(url, json!({"x": 0.5, "y": 0.5}));
    assert!(answer["cluster"].is_u64(), "{answer}");
    let executors = http::get(format!("{}/api/executors", up.url("http")));
    assert_eq!(executors.as_array().map(Vec::len), Some(2), "{executors}");
    let inference = up.url("inference").strip_prefix("grpc://").unwrap();
    TcpStream::connect(inference).unwrap();
    every_part_is_in_one_list_of_metrics(&up);
    up.stop(Signal::Term).expect(0);
}

fn every_part_is_in_one_list_of_metrics(up: &Up) {
    let text = http::text(http::ask(&format!("{}/metrics", up.url("rest")), &[]));
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let series: Vec<&str> = lines
        .filter_map(|line| Some(line.rsplit_once(' ')?.0))
        .collect();
    let different: BTreeSet<&str> = series.iter().copied().collect();
    assert_eq!(
        different.len(),
        series.len(),
        "a series is there twice: {text}"
    );
    for shown in [
        "gugus_ingest_records_total",
        "gugus_ingest_brokers_connected",
        "gugus_follow_lag_batches{job_name=\"test\"}",
        "gugus_serve_models_loaded",
    ] {
        assert!(different.contains(shown), "{shown} in {text}");
    }
}

#[test]
fn ctrl_c_ends_it_while_it_waits_for_kafka_and_for_a_cluster() {
    let work = Work::new();
    let job = work.job(100, &model("place", "k = 2"));
    let more = [&FREE[..], &["--scheduler", "df://127.0.0.1:1"]].concat();
    for signal in [Signal::Int, Signal::Term] {
        let up = calling(&work, &job, NOBODY, "batch", &more).spawn();
        up.await_stderr("the scheduler does not answer");
        up.stop(signal).expect(0);
    }
}

#[test]
fn a_cluster_elsewhere_that_comes_late_and_goes_for_a_while_is_waited_for() {
    let models = model("place", "k = 2");
    let Some(topic) = Topic::new("elsewhere", 1, |topic| job(topic, 20, &models)) else {
        return;
    };
    let work = &topic.work;
    // Its address is known before it is there.
    let cluster = scheduler().url("grpc").to_owned();
    let listen = cluster.strip_prefix("df://").unwrap();
    let start = || Gugus::new(["scheduler", "--listen", listen]).up();
    let more = [
        &FREE[..],
        &["--scheduler", cluster.as_str(), "--poll", "200ms"],
    ]
    .concat();
    let up = calling(work, &topic.job, topic.kafka.brokers(), "batch", &more).up();
    let answers = |batch: u64| {
        let url = format!("{}/models/place/batches/{batch}/predict", up.url("rest"));
        let json = [("content-type", "application/json")];
        let answer = http::send(&url, &json, "{\"x\": 1, \"y\": 1}");
        match answer.status().as_u16() {
            200 => Ok(()),
            status => Err(format!("{status}: {}", up.stderr())),
        }
    };
    up.await_stderr("the scheduler does not answer");
    topic.produce(&work.numbers("first.csv", 0..20), &[]);

    let first = start();
    let _executor = executor(&cluster, "2");
    until("the first batch has its model", || answers(1));
    drop(first);
    topic.produce(&work.numbers("second.csv", 20..40), &[]);
    up.await_stderr("the run waits for it");
    assert_eq!(answers(1), Ok(()));

    let _second = start();
    until("the second batch has its model", || answers(2));
    up.stop(Signal::Term).expect(0);
    work.verify();
}
