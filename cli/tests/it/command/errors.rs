//! Tried wrong on purpose: each error names the thing and what to do, and the exit code says whether anything began.

use crate::kit::same::holds;
use serde_json::json;
use std::fs;
use std::net::TcpListener;

use crate::kit::process::{Output, run};
use crate::kit::work::{Work, shipped};

const MODEL: &str = "[[models]]\nname = \"m\"\nfeatures = [\"x\", \"y\"]\nk = 2\n";

/// The exit code, and every word somewhere in the error.
#[track_caller]
fn refused(output: Output, code: i32, words: &[&str]) {
    let output = output.expect(code);
    // A library's warnings may come before it.
    assert!(
        output
            .stderr
            .lines()
            .any(|line| line.starts_with("error: ")),
        "{}",
        output.stderr
    );
    for word in words {
        assert!(
            output.stderr.contains(word),
            "no \"{word}\" in: {}",
            output.stderr
        );
    }
    assert!(!output.stderr.contains("panicked"), "{}", output.stderr);
}

fn imported(work: &Work) -> String {
    let job = work.job(2, MODEL);
    let csv = work.csv("in.csv", &[["1", "2"], ["3", "4"]]);
    work.import(&job, &csv, &[]).expect(0);
    job
}

#[test]
fn files_that_are_not_there_or_not_what_they_should_be() {
    let work = Work::new();
    let job = work.job(2, MODEL);
    refused(run(["job", "check", "nowhere.toml"]), 2, &["nowhere.toml"]);
    refused(
        work.import("nowhere.toml", "in.csv", &[]),
        2,
        &["nowhere.toml"],
    );
    refused(work.import(&job, "nowhere.csv", &[]), 2, &["nowhere.csv"]);
    let text = work.write("text.parquet", "this is no parquet file");
    refused(work.import(&job, &text, &[]), 2, &["text.parquet"]);
    let odd = work.write("in.xlsx", "x,y\n1,2\n");
    refused(work.import(&job, &odd, &[]), 2, &["in.xlsx", ".csv"]);
    let folder = work.path("folder.csv");
    fs::create_dir(&folder).unwrap();
    refused(work.import(&job, &folder, &[]), 2, &["folder.csv"]);
    assert!(!fs::exists(work.path("batch/batch_00000001.parquet")).unwrap());
}

#[test]
fn job_files_with_a_mistake_in_them() {
    let work = Work::new();
    let check = |models: &str| run(["job", "check", &work.job(2, models)]);
    refused(
        check("[[models]]\nname = \"m\"\nfeature = [\"x\"]\n"),
        2,
        &["test.toml", "feature", "features"],
    );
    refused(
        check("[[models]]\nname = \"m\"\nfeatures = [\"x\"]\nk = 1\n"),
        2,
        &["k", "2"],
    );
    refused(
        check("[[models]]\nname = \"m\"\nfeatures = [\"z\"]\nk = 2\n"),
        2,
        &["\"m\"", "z", "[source.columns]"],
    );
    let sql = |sql: &str| {
        format!("[[models]]\nname = \"m\"\nfeatures = [{{ name = \"f\", sql = '{sql}' }}]\nk = 2\n")
    };
    refused(
        check(&sql("x div 2")),
        2,
        &["feature \"f\"", "floor(a / b)"],
    );
    refused(check(&sql("random()")), 2, &["feature \"f\"", "random"]);
    refused(check(&sql("x +")), 2, &["feature \"f\"", "x +"]);
    run(["job", "check", &shipped("crime.toml")]).expect(0);
    run(["job", "check", &shipped("chicago.toml")]).expect(0);
}

#[test]
fn a_column_that_is_missing_or_has_another_type() {
    let work = Work::new();
    let job = work.write(
        "strict.toml",
        "name = \"strict\"\n[source]\ntopic = \"t\"\n[source.columns]\n\"x\" = { type = \"float64\", required = true }\n",
    );
    let csv = work.write("other.csv", "a,b\n1,2\n");
    refused(work.import(&job, &csv, &[]), 2, &["other.csv", "x"]);
    // A value of the wrong type rejects its record, and the record is kept.
    let csv = work.write("mixed.csv", "x\n1\nnorth\n");
    let imported = work
        .import(&job, &csv, &["--output", "json"])
        .expect(0)
        .json();
    holds(&imported, json!({"records": 1, "rejected": 1}));
}

#[test]
fn folders_that_cannot_be_used() {
    let work = Work::new();
    let job = imported(&work);
    let file = work.write("a_file", "");
    refused(
        run(["batches", "verify", "--batches", &file]),
        2,
        &["a_file"],
    );
    refused(
        run(["batches", "verify", "--batches", &work.path("nowhere")]),
        2,
        &["nowhere"],
    );
    refused(
        run(["train", "--job", &job, "--batches", &work.path("nowhere")]),
        2,
        &["nowhere"],
    );
    fs::create_dir(work.path("empty")).unwrap();
    refused(
        run(["train", "--job", &job, "--batches", &work.path("empty")]),
        2,
        &["no batches", "empty", "import"],
    );
    let nothing = work.write(
        "nothing.toml",
        "name = \"test\"\n[source]\ntopic = \"test\"\n[source.columns]\n",
    );
    refused(work.train(&nothing, &[]), 2, &["[[models]]"]);
    refused(work.train(&job, &["--model", "z"]), 2, &["\"z\"", "m"]);
    let other = fs::read_to_string(&job)
        .unwrap()
        .replace("name = \"test\"\n[source]", "name = \"other\"\n[source]");
    let other = work.write("other.toml", other);
    refused(
        work.train(&other, &[]),
        2,
        &["belong to job \"test\"", "other"],
    );
    refused(
        work.import(&other, &work.path("in.csv"), &[]),
        2,
        &["test", "other"],
    );
}

#[test]
fn a_truncated_and_a_foreign_batch_file() {
    let work = Work::new();
    let job = imported(&work);
    let first = work.path("batch/batch_00000001.parquet");
    let whole = fs::read(&first).unwrap();

    fs::write(&first, &whole[..whole.len() / 2]).unwrap();
    refused(work.train(&job, &[]), 2, &["batch_00000001.parquet"]);
    let verified = run([
        "batches",
        "verify",
        "--batches",
        &work.path("batch"),
        "--output",
        "json",
    ]);
    assert_ne!(verified.code(), 0, "{}", verified.stdout);

    fs::write(&first, &whole).unwrap();
    fs::write(work.path("batch/batch_00000002.parquet"), "not ours").unwrap();
    refused(work.train(&job, &[]), 2, &["batch_00000002.parquet"]);
    let csv = work.csv("more.csv", &[["5", "6"]]);
    refused(work.import(&job, &csv, &[]), 2, &["batch_00000002.parquet"]);
    assert_eq!(
        fs::read(work.path("batch/batch_00000002.parquet")).unwrap(),
        b"not ours"
    );
}

#[test]
fn nobody_listens_or_somebody_else_does() {
    let work = Work::new();
    let job = imported(&work);
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    fs::create_dir(work.path("models")).unwrap();
    refused(
        run([
            "serve",
            "--models",
            &work.path("models"),
            "--listen",
            &address,
        ]),
        1,
        &[&address, "--listen"],
    );
    refused(
        run(["scheduler", "--listen", &address]),
        1,
        &[&address, "--listen"],
    );
    refused(
        run([
            "demo",
            "--listen",
            &address,
            "--scheduler-listen",
            "127.0.0.1:0",
        ]),
        1,
        &[&address, "--listen"],
    );

    let free = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    refused(
        work.train(&job, &["--scheduler", &format!("df://{free}")]),
        1,
        &[&free.to_string(), "gugus scheduler"],
    );
    refused(
        run(["executor", "--scheduler", &format!("df://{free}")]),
        1,
        &[&free.to_string()],
    );
    let brokers = free.to_string();
    let ingest = run([
        "ingest",
        "--job",
        &job,
        "--brokers",
        &brokers,
        "--batches",
        &work.path("b2"),
        "--until-end",
    ]);
    refused(ingest, 1, &[&brokers]);
    let produce = run([
        "produce",
        "--job",
        &job,
        "--brokers",
        &brokers,
        "--input",
        &work.path("in.csv"),
    ]);
    refused(produce, 1, &[&brokers]);
}
