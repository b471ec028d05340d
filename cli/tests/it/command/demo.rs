//! The demo as a user starts it.

use serde_json::json;

use crate::kit::http;
use crate::kit::process::{Gugus, Signal, run, up};
use crate::kit::same::short;
use crate::kit::wait::until;
use crate::kit::work::Work;

const LISTEN: &str = "--listen 127.0.0.1:0 --scheduler-listen 127.0.0.1:0";

#[test]
fn it_ends_by_itself_and_counts_every_record() {
    let demo = run(format!("demo --exit {LISTEN}")).expect(0);
    for words in ["in the file (in)", "accounted for (out)"] {
        let mut lines = demo.stdout.lines();
        let counted = |line: &str| line.contains(words) && line.contains("1,000");
        assert!(lines.any(counted), "{words}: {}", short(&demo.stdout));
    }
    let trained = "30 trained, 0 failed, 0 skipped";
    let asked = "curl -s http://127.0.0.1:";
    demo.prints(&[trained, asked, "\"cluster\"", "stand-in"]);
}

#[test]
fn it_takes_a_file_and_stays_up_until_it_is_stopped() {
    let work = Work::new();
    let csv = work.generate(250, 7);
    let demo = up(format!("demo --input {csv} {LISTEN}"));
    let models = http::get(format!("{}/models", demo.url("rest")));
    assert_eq!(models["models"][0]["batches"], json!([1, 2, 3]));
    let jobs = http::get(format!("{}/api/jobs", demo.url("http")));
    assert_eq!(jobs.as_array().unwrap().len(), 3);
    assert!(demo.url("grpc").starts_with("df://127.0.0.1:"));
    assert!(demo.url("broker").starts_with("127.0.0.1:"));
    demo.stop(Signal::Int).expect(0);
}

#[test]
fn records_keep_coming_and_the_pages_move() {
    let demo = up(format!("demo --rate 500 {LISTEN}"));
    // Ten batches are there when it is ready.
    until("an eleventh batch has its model", || {
        let models = http::get(format!("{}/models", demo.url("rest")));
        let batches = models["models"][0]["batches"].as_array().unwrap();
        let found = batches.iter().any(|batch| *batch == json!(11));
        found.then_some(()).ok_or_else(|| models.to_string())
    });
    let runs = http::get(format!("{}/gugus/v1/runs", demo.url("http")));
    assert_eq!(runs["runs"][0]["state"], json!("following"), "{runs}");
    demo.stop(Signal::Term).expect(0);
}

#[test]
fn a_demo_that_is_stopped_before_its_result_says_so() {
    for (signal, code) in [(Signal::Int, 130), (Signal::Term, 143)] {
        let demo = Gugus::new(format!("demo {LISTEN}")).spawn();
        demo.await_stderr("cutting them into batches");
        demo.stop(signal)
            .expect(code)
            .says(&["stopped before everything was shown"]);
    }
}
