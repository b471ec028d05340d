//! What a folder of batches needs while it is used: a look at what was rejected, room, and numbers for who watches it.

use std::time::Duration;

use serde_json::{Value, json};

use crate::batch_files;
use crate::kafka::Kafka;
use crate::process::{Output, Signal, run, up};
use crate::work::Work;

fn verify(work: &Work) -> Value {
    let batches = work.path("batch");
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

fn on(work: &Work, words: &[&str]) -> Output {
    let batches = work.path("batch");
    run(words.iter().copied().chain(["--batches", &batches]))
}

#[test]
fn rejected_records_are_listed_shown_and_replayed() {
    let work = Work::new();
    let job = work.job(3, "");
    let file = work.csv(
        "in.csv",
        &[
            ["1", "2"],
            ["a", "1,5"],
            ["3", "4"],
            ["5", "north\u{1b}[31m"],
            ["7", "8"],
            ["9", "10"],
        ],
    );
    work.import(&job, &file, &[]).expect(0);
    // The row whose comma makes it three cells can never be read; the other two have a text where a number should be.
    assert_eq!(verify(&work)["rejected"], 2);
    let listed = on(&work, &["rejected", "list", "--output", "json"])
        .expect(0)
        .json();
    let total: u64 = listed["rejected"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| line["rejected"].as_u64().unwrap())
        .sum();
    assert_eq!(total, 2);
    let shown = on(&work, &["rejected", "show"]).expect(0).stdout;
    assert!(
        shown.contains("north") && shown.contains("\\u{1b}") && !shown.contains('\u{1b}'),
        "a value moves no terminal's cursor: {shown}"
    );
    let shown = on(&work, &["rejected", "show", "--output", "json"])
        .expect(0)
        .json();
    let record = &shown["records"][1];
    assert_eq!(record["offset"], 3);
    assert!(record["reason"].as_str().unwrap().contains("\"y\""));

    // The job file says now that y is text.
    let text = std::fs::read_to_string(&job).unwrap();
    let text = text.replace(
        "\"y\" = { type = \"float64\" }",
        "\"y\" = { type = \"utf8\" }",
    );
    std::fs::write(&job, text).unwrap();
    let replay = ["rejected", "replay", "--job", &job, "--output", "json"];
    let dry = on(&work, &[&replay[..], &["--dry-run"]].concat())
        .expect(0)
        .json();
    assert_eq!((&dry["replayed"], &dry["batches"]), (&json!(1), &json!(0)));
    let done = on(&work, &replay).expect(0).json();
    assert_eq!(
        (&done["replayed"], &done["rejected"]),
        (&json!(1), &json!(1))
    );
    let verified = verify(&work);
    assert_eq!(
        (
            &verified["records"],
            &verified["rejected"],
            &verified["replayed"]
        ),
        (&json!(5), &json!(1), &json!(1))
    );
}

#[test]
fn old_batches_go_and_numbers_go_on() {
    let work = Work::new();
    let job = work.job(2, "");
    let rows =
        |from: i32| -> Vec<String> { (from..from + 10).map(|x| format!("{x},{x}")).collect() };
    let first = work.write("a.csv", format!("x,y\n{}\n", rows(0).join("\n")));
    work.import(&job, &first, &[]).expect(0);
    on(&work, &["batches", "prune"]).expect(2);
    on(&work, &["batches", "prune", "--keep", "0"]).expect(2);
    let dry = on(&work, &["batches", "prune", "--keep", "2", "--dry-run"])
        .expect(0)
        .stdout;
    assert!(dry.contains("would remove 3 batches (1 to 3)"), "{dry}");
    let folder = work.path("batch");
    assert_eq!(batch_files::numbers(folder.as_ref()), [1, 2, 3, 4, 5]);
    let pruned = on(
        &work,
        &["batches", "prune", "--keep", "2", "--output", "json"],
    )
    .expect(0)
    .json();
    assert_eq!(
        (&pruned["batches"], &pruned["first"], &pruned["last"]),
        (&json!(3), &json!(1), &json!(3))
    );
    assert_eq!(batch_files::numbers(folder.as_ref()), [4, 5]);
    let verified = verify(&work);
    assert_eq!(verified["records"], 4);
    // All are younger than an hour, and the newest stays whatever its age is.
    on(&work, &["batches", "prune", "--older-than", "1h"]).expect(0);
    assert_eq!(batch_files::numbers(folder.as_ref()), [4, 5]);
    on(&work, &["batches", "prune", "--older-than", "0s"]).expect(0);
    assert_eq!(batch_files::numbers(folder.as_ref()), [5]);
    let second = work.write("b.csv", format!("x,y\n{}\n", rows(100).join("\n")));
    work.import(&job, &second, &[]).expect(0);
    assert_eq!(batch_files::numbers(folder.as_ref()), [5, 6, 7, 8, 9, 10]);
    verify(&work);
}

#[test]
fn a_first_job_file_imports_the_file_that_it_was_made_from() {
    let work = Work::new();
    let csv = work.path("crime.csv");
    run(["generate", "--records", "500", "--output", &csv]).expect(0);
    let text = run(["job", "infer", &csv, "--name", "first"])
        .expect(0)
        .stdout;
    let job = work.write("first.toml", &text);
    run(["job", "check", &job]).expect(0);
    work.import(&job, &csv, &[]).expect(0);
    let verified = verify(&work);
    assert_eq!(
        (&verified["records"], &verified["rejected"]),
        (&json!(500), &json!(0)),
        "{text}"
    );
    run(["job", "infer", &work.path("missing.csv")]).expect(2);
}

#[test]
fn rows_of_csv_go_through_a_topic() {
    let Some(kafka) = Kafka::shared() else { return };
    let topic = kafka.fresh_topic("rows", 2);
    let work = Work::new();
    let job = work.write(
        "rows.toml",
        format!(
            "name = \"{topic}\"\n[source]\ntopic = \"{topic}\"\nformat = \"csv\"\n[source.csv]\ndelimiter = \";\"\n\
             header = [\"y\", \"name\", \"x\"]\n[source.columns]\nx = {{ type = \"float64\", required = true }}\n\
             y = {{ type = \"int32\" }}\n[batches]\nrows = 10\n"
        ),
    );
    let csv = work.write("in.csv", "x,name,y\n1.5,\"a; \"\"b\"\"\",2\n2.5,,\n,c,4\n");
    let brokers = kafka.brokers();
    run([
        "produce",
        "--job",
        &job,
        "--brokers",
        brokers,
        "--input",
        &csv,
    ])
    .expect(0);
    let ingest = ["ingest", "--job", &job, "--brokers", brokers, "--until-end"];
    on(&work, &ingest).expect(0);
    let verified = verify(&work);
    assert_eq!(
        (&verified["records"], &verified["rejected"]),
        (&json!(2), &json!(1))
    );
    let shown = on(&work, &["rejected", "show", "--output", "json"])
        .expect(0)
        .json();
    assert_eq!(shown["records"][0]["value"], "4;c;");
}

#[test]
fn who_watches_an_ingest_is_told() {
    let Some(kafka) = Kafka::shared() else { return };
    let topic = kafka.fresh_topic("watched", 1);
    let work = Work::new();
    let job = work.write(
        "job.toml",
        format!(
            "name = \"{topic}\"\n[source]\ntopic = \"{topic}\"\n[source.columns]\nx = {{ type = \"float64\" }}\n\
             y = {{ type = \"float64\" }}\n[batches]\nrows = 10\n"
        ),
    );
    let rows: Vec<String> = (0..25).map(|x| format!("{x},{x}")).collect();
    let csv = work.write("in.csv", format!("x,y\n{}\n", rows.join("\n")));
    let brokers = kafka.brokers();
    run([
        "produce",
        "--job",
        &job,
        "--brokers",
        brokers,
        "--input",
        &csv,
    ])
    .expect(0);
    let batches = work.path("batch");
    let ingest = up([
        "ingest",
        "--job",
        &job,
        "--brokers",
        brokers,
        "--batches",
        &batches,
        "--listen",
        "127.0.0.1:0",
    ]);
    let get = |path: &str| {
        let url = format!("{}{path}", ingest.url("http"));
        let mut answer = ureq::get(url).call().unwrap();
        answer.body_mut().read_to_string().unwrap()
    };
    assert_eq!(get("/readyz"), "ready\n");
    assert_eq!(get("/healthz"), "ok\n");
    let metrics = crate::wait::until("two batches are counted, and the lag is known", || {
        let text = get("/metrics");
        let has = |line: &str| text.lines().any(|l| l == line);
        if has("gugus_ingest_batches_total 2")
            && has("gugus_ingest_records_total 25")
            && has("gugus_ingest_consumer_lag{partition=\"0\"} 0")
            && has("gugus_ingest_write_lag{partition=\"0\"} 5")
        {
            Ok(text)
        } else {
            Err(text)
        }
    });
    assert!(
        metrics.contains("gugus_ingest_commit_seconds_count 2"),
        "{metrics}"
    );
    // A port that is taken is an error that names it, before anything is begun.
    let taken = ingest.url("http").trim_start_matches("http://").to_owned();
    let failed = run([
        "ingest",
        "--job",
        &job,
        "--brokers",
        brokers,
        "--batches",
        &batches,
        "--listen",
        &taken,
    ])
    .expect(1);
    assert!(failed.stderr.contains(&taken), "{}", failed.stderr);
    ingest.stop(Signal::Term, Duration::from_secs(60)).expect(0);
    assert_eq!(verify(&work)["records"], 25);
}
