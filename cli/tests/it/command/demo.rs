//! The demo, whole.

use crate::kit::http;

use crate::kit::process::{Signal, run, up};
use crate::kit::work::Work;

#[test]
fn it_ends_by_itself_and_counts_every_record() {
    let demo = run([
        "demo",
        "--exit",
        "--listen",
        "127.0.0.1:0",
        "--scheduler-listen",
        "127.0.0.1:0",
    ])
    .expect(0);
    for line in ["in the file (in)", "accounted for (out)"] {
        let line = demo
            .stdout
            .lines()
            .find(|l| l.contains(line))
            .unwrap_or_else(|| panic!("{}", demo.stdout));
        assert!(line.contains("1,000"), "{line}");
    }
    assert!(
        demo.stdout.contains("30 trained, 0 failed, 0 skipped"),
        "{}",
        demo.stdout
    );
    assert!(
        demo.stdout.contains("curl -s http://127.0.0.1:") && demo.stdout.contains("\"cluster\""),
        "{}",
        demo.stdout
    );
    assert!(demo.stdout.contains("stand-in"), "{}", demo.stdout);
}

#[test]
fn it_takes_a_file_and_stays_up_until_it_is_stopped() {
    let work = Work::new();
    let csv = work.path("mine.csv");
    run([
        "generate",
        "--records",
        "250",
        "--seed",
        "7",
        "--output",
        &csv,
    ])
    .expect(0);
    let demo = up([
        "demo",
        "--input",
        &csv,
        "--listen",
        "127.0.0.1:0",
        "--scheduler-listen",
        "127.0.0.1:0",
    ]);
    let models: serde_json::Value = http::get(format!("{}/models", demo.url("rest")));
    assert_eq!(models["models"][0]["batches"], serde_json::json!([1, 2, 3]));
    let jobs: serde_json::Value = http::get(format!("{}/api/jobs", demo.url("http")));
    assert_eq!(jobs.as_array().unwrap().len(), 3);
    assert!(
        demo.url("grpc").starts_with("df://127.0.0.1:")
            && demo.url("broker").starts_with("127.0.0.1:")
    );
    demo.stop(Signal::Int).expect(0);
}
