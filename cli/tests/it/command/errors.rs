//! Tried wrong on purpose: each error names the thing and what to do, and the exit code says whether anything began.

use std::fs;
use std::net::TcpListener;

use serde_json::json;

use crate::kit::process::{Gugus, Output, Signal, run};
use crate::kit::same::{holds, short};
use crate::kit::work::{self, Work, model, shipped};

fn m() -> String {
    model("m", "k = 2\n")
}

/// The exit code, and every word somewhere in the error.
#[track_caller]
fn refused(output: Output, code: i32, words: &[&str]) {
    let output = output.expect(code);
    // A library's warnings may come before it.
    let mut lines = output.stderr.lines();
    let named = lines.any(|line| line.starts_with("error: "));
    let panicked = output.stderr.contains("panicked");
    assert!(named && !panicked, "{}", short(&output.stderr));
    output.says(words);
}

/// Wrong usage, with every word somewhere in the error.
#[track_caller]
fn wrong(output: Output, words: &[&str]) {
    refused(output, 2, words);
}

fn imported(work: &Work) -> String {
    let job = work.job(2, &m());
    let csv = work.csv("in.csv", &[["1", "2"], ["3", "4"]]);
    work.imported(&job, &csv);
    job
}

#[test]
fn files_that_are_not_there_or_not_what_they_should_be() {
    let work = Work::new();
    let job = work.job(2, &m());
    wrong(run("job check nowhere.toml"), &["nowhere.toml"]);
    let import = |file: &str| work.import(&job, file, &[]);
    let no_job = work.import("nowhere.toml", "in.csv", &[]);
    wrong(no_job, &["nowhere.toml"]);
    wrong(import("nowhere.csv"), &["nowhere.csv"]);
    let text = work.write("text.parquet", "this is no parquet file");
    wrong(import(&text), &["text.parquet"]);
    let odd = work.write("in.xlsx", "x,y\n1,2\n");
    wrong(import(&odd), &["in.xlsx", ".csv"]);
    let folder = work.path("folder.csv");
    fs::create_dir(&folder).unwrap();
    wrong(import(&folder), &["folder.csv"]);
    assert!(!fs::exists(work.path("batch/batch_00000001.parquet")).unwrap());
}

#[test]
fn job_files_with_a_mistake_in_them() {
    let work = Work::new();
    let check = |models: &str| run(["job", "check", &work.job(2, models)]);
    let sql = |sql: &str| {
        let feature = format!("[{{ name = \"f\", sql = '{sql}' }}]");
        m().replace("[\"x\", \"y\"]", &feature)
    };
    let one = m().replace("[\"x\", \"y\"]", "[\"x\"]");
    for (models, words) in [
        (
            "[[models]]\nname = \"m\"\nfeature = [\"x\"]\n".to_owned(),
            &["test.toml", "feature", "features"][..],
        ),
        (one.replace("k = 2", "k = 1"), &["k", "2"]),
        (
            one.replace("\"x\"", "\"z\""),
            &["\"m\"", "z", "[source.columns]"],
        ),
        (sql("x div 2"), &["feature \"f\"", "floor(a / b)"]),
        (sql("random()"), &["feature \"f\"", "random"]),
        (sql("x +"), &["feature \"f\"", "x +"]),
    ] {
        wrong(check(&models), words);
    }
    for job in ["crime.toml", "chicago.toml"] {
        run(["job", "check", &shipped(job)]).expect(0);
    }
}

#[test]
fn a_column_that_is_missing_or_has_another_type() {
    let work = Work::new();
    let columns = "\"x\" = { type = \"float64\", required = true }\n";
    let job = work.write(
        "strict.toml",
        format!("name = \"strict\"\n[source]\ntopic = \"t\"\n[source.columns]\n{columns}"),
    );
    let csv = work.write("other.csv", "a,b\n1,2\n");
    wrong(work.import(&job, &csv, &[]), &["other.csv", "x"]);
    // A value of the wrong type rejects its record, and the record is kept.
    let csv = work.write("mixed.csv", "x\n1\nnorth\n");
    let imported = work.import(&job, &csv, &["--output", "json"]).expect(0);
    holds(&imported.json(), json!({"records": 1, "rejected": 1}));
}

#[test]
fn folders_that_cannot_be_used() {
    let work = Work::new();
    let job = imported(&work);
    let file = work.write("a_file", "");
    let nowhere = work.path("nowhere");
    let empty = work.path("empty");
    fs::create_dir(&empty).unwrap();
    let verify = |folder: &str| run(format!("batches verify --batches {folder}"));
    let train = |folder: &str| run(format!("train --job {job} --batches {folder}"));
    wrong(verify(&file), &["a_file"]);
    wrong(verify(&nowhere), &["nowhere"]);
    wrong(train(&nowhere), &["nowhere"]);
    wrong(train(&empty), &["no batches", "empty", "import"]);
    let nothing = work.write("nothing.toml", work::job("test", 2, ""));
    wrong(work.train(&nothing, &[]), &["[[models]]"]);
    wrong(work.train(&job, &["--model", "z"]), &["\"z\"", "m"]);
    let other = work::job("test", 2, &m()).replacen("\"test\"", "\"other\"", 1);
    let other = work.write("other.toml", other);
    let words = ["belong to job \"test\"", "other"];
    wrong(work.train(&other, &[]), &words);
    let import = work.import(&other, &work.path("in.csv"), &[]);
    wrong(import, &["test", "other"]);
}

#[test]
fn a_truncated_and_a_foreign_batch_file() {
    let work = Work::new();
    let job = imported(&work);
    let [first, second] = [1, 2].map(|n| work.path(&format!("batch/batch_0000000{n}.parquet")));
    let whole = fs::read(&first).unwrap();

    fs::write(&first, &whole[..whole.len() / 2]).unwrap();
    wrong(work.train(&job, &[]), &["batch_00000001.parquet"]);
    let verified = work.on(&["batches", "verify", "--output", "json"]);
    assert_ne!(verified.code(), 0, "{}", verified.stdout);

    fs::write(&first, &whole).unwrap();
    fs::write(&second, "not ours").unwrap();
    let words = ["batch_00000002.parquet"];
    wrong(work.train(&job, &[]), &words);
    let csv = work.csv("more.csv", &[["5", "6"]]);
    wrong(work.import(&job, &csv, &[]), &words);
    assert_eq!(fs::read(&second).unwrap(), b"not ours");
}

#[test]
fn nobody_listens_or_somebody_else_does() {
    let work = Work::new();
    let job = imported(&work);
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let models = work.path("models");
    fs::create_dir(&models).unwrap();
    for server in [
        &format!("serve --models {models}"),
        "scheduler",
        "demo --scheduler-listen 127.0.0.1:0",
    ] {
        let server = run(format!("{server} --listen {address}"));
        refused(server, 1, &[&address, "--listen"]);
    }

    // The port is free again once the listener is gone.
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr();
    let free = free.unwrap().to_string();
    let away = ["--scheduler", &format!("df://{free}")];
    let train = work.train(&job, &away);
    refused(train, 1, &[&free, "gugus scheduler"]);
    let (batches, csv) = (work.path("b2"), work.path("in.csv"));
    for client in [
        format!("ingest --job {job} --brokers {free} --batches {batches} --until-end"),
        format!("produce --job {job} --brokers {free} --input {csv}"),
    ] {
        refused(run(client), 1, &[&free]);
    }

    // Machines start in any order, so an executor waits, says for whom, and leaves when it is told to.
    for signal in [Signal::Int, Signal::Term] {
        let executor = Gugus::new(format!("executor --scheduler df://{free}")).spawn();
        executor.await_stderr("no scheduler answers yet; waiting for it");
        executor.stop(signal).expect(0).says(&[&free]);
    }

    // What answers there is no scheduler, and will not become one.
    let served = Gugus::new(format!("serve --models {models} --listen 127.0.0.1:0")).up();
    let other = served.url("rest").replace("http://", "");
    let executor = run(format!("executor --scheduler df://{other}"));
    refused(executor, 1, &[&other, "is no scheduler of Gugus"]);
}
