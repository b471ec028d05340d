//! A topic of CSV rows, and the HTTP endpoints of `ingest`.

use serde_json::json;

use crate::kit::http;
use crate::kit::process::Signal;
use crate::kit::same::holds;
use crate::kit::topic::Topic;
use crate::kit::wait::until;
use crate::kit::work::job;

#[test]
fn rows_of_csv_go_through_a_topic() {
    let job = |topic: &str| {
        format!(
            "name = \"{topic}\"\n[source]\ntopic = \"{topic}\"\nformat = \"csv\"\n[source.csv]\ndelimiter = \";\"\n\
             header = [\"y\", \"name\", \"x\"]\n[source.columns]\nx = {{ type = \"float64\", required = true }}\n\
             y = {{ type = \"int32\" }}\n[batches]\nrows = 10\n"
        )
    };
    let Some(topic) = Topic::new("rows", 2, job) else {
        return;
    };
    let text = "x;name;y\n1.5;\"a; \"\"b\"\"\";2\n2.5;;\n;c;4\n";
    topic.produce(&topic.work.write("in.csv", text), &[]);
    topic.take(&[]).expect(0);
    holds(&topic.work.verify(), json!({ "records": 2, "rejected": 1 }));
    let shown = topic.work.told(&["rejected", "show"]);
    assert_eq!(shown["records"][0]["value"], "4;c;");
}

#[test]
fn who_watches_an_ingest_is_told() {
    let Some(topic) = Topic::new("watched", 1, |topic| job(topic, 10, "")) else {
        return;
    };
    topic.produce(&topic.work.numbers("in.csv", 0..25), &[]);
    let ingest = topic.ingest(&["--listen", "127.0.0.1:0"]).up();
    let get = |path: &str| http::text(http::ask(&format!("{}{path}", ingest.url("http")), &[]));
    assert_eq!(get("/readyz"), "ready\n");
    assert_eq!(get("/healthz"), "ok\n");
    let metrics = until("two batches are counted, and the lag is known", || {
        let text = get("/metrics");
        let has = |line: &str| text.lines().any(|l| l == line);
        let all = [
            "gugus_ingest_batches_total 2",
            "gugus_ingest_records_total 25",
            "gugus_ingest_consumer_lag{partition=\"0\"} 0",
            "gugus_ingest_write_lag{partition=\"0\"} 5",
        ];
        match all.into_iter().all(has) {
            true => Ok(text),
            false => Err(text),
        }
    });
    let commits = "gugus_ingest_commit_seconds_count 2";
    assert!(metrics.contains(commits), "{metrics}");
    // The error of a port in use names the port, and nothing is begun.
    let taken = ingest.url("http").trim_start_matches("http://").to_owned();
    let failed = topic.ingest(&["--listen", &taken]).run().expect(1);
    failed.says(&[&taken]);
    ingest.stop(Signal::Term).expect(0);
    assert_eq!(topic.work.verify()["records"], 25);
}
