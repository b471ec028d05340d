//! `gugus train --follow`.

use std::path::Path;

use gugus_damage::Draw;
use serde_json::{Value, json};

use crate::kit::process::{Gugus, Signal, run};
use crate::kit::wait::until;
use crate::kit::work::{Work, model, models};

fn following(work: &Work, job: &str) -> Gugus {
    let (batches, models) = (work.path("batch"), work.path("models"));
    let places = ["--batches", &batches, "--models", &models];
    Gugus::new([&["train", "--follow", "--job", job], &places[..]].concat())
}

/// Imports so many places that no other file has.
fn import(work: &Work, job: &str, file: i64, rows: i64) {
    let first = 1_000 * file;
    let csv = work.numbers(&format!("{file}.csv"), first..first + rows);
    work.imported(job, &csv);
}

/// Waits until each of these models is there of so many batches.
fn await_models(work: &Work, names: &[&str], batches: u64) {
    until("every batch has its models", || {
        let missing = names.iter().flat_map(|name| {
            let folder = move |batch| format!("models/{name}/batch_{batch:08}/_SUCCESS");
            (1..=batches).map(folder)
        });
        let mut missing = missing.filter(|path| !Path::new(&work.path(path)).exists());
        missing.next().map_or(Ok(()), Err)
    });
}

#[test]
fn it_is_killed_anywhere_and_goes_on_with_the_bits_of_train() {
    let work = Work::new();
    let entries = [
        model("each", "k = 3\nseed = 1\n"),
        model("chain", "algorithm = \"minibatch\"\nk = 3\nseed = 1\n"),
    ];
    let job = work.job(20, &entries.concat());
    // What is killed, and when, is not the same in each run; what is imported is.
    let mut draw = Draw::new(15, 0);
    let mut batches = 0;
    for round in 0..6 {
        let mut up = following(&work, &job).spawn();
        for part in 0..2 {
            let full = 1 + draw.below(4) as u64;
            import(&work, &job, 10 * round + part + 1, 20 * full as i64);
            batches += full;
            std::thread::sleep(draw.time(0, 400));
        }
        if round % 2 == 1 {
            await_models(&work, &["each"], batches);
        }
        up.signal(Signal::Kill);
        drop(up);
    }
    let up = following(&work, &job).up();
    await_models(&work, &["each", "chain"], batches);
    import(&work, &job, 99, 20);
    await_models(&work, &["each", "chain"], batches + 1);
    let ended = up.stop(Signal::Term).expect(0);
    assert!(ended.stdout.contains("ready"), "{}", ended.stdout);

    work.trained(&job, "at_once", &[]);
    let (followed, at_once) = (models(&work.path("models")), models(&work.path("at_once")));
    assert_eq!(
        followed.as_object().unwrap().len() as u64,
        2 * (batches + 1)
    );
    assert_eq!(followed, at_once);
}

#[test]
fn it_waits_for_the_first_batch_and_prints_a_line_for_each_model() {
    let work = Work::new();
    let job = work.job(5, &model("m", "k = 2\nseed = 1\n"));
    let up = following(&work, &job).with(["--output", "json"]).spawn();
    up.await_stderr("ready");
    assert!(
        up.stderr().contains("there are no batches yet"),
        "{}",
        up.stderr()
    );
    import(&work, &job, 1, 10);
    await_models(&work, &["m"], 2);
    work.imported(
        &job,
        &work.csv("null.csv", &[["1", ""], ["2", "2"], ["3", "3"]]),
    );
    import(&work, &job, 2, 5);
    await_models(&work, &["m"], 2);
    until("the last model", || {
        match work.path("models/m/batch_00000004/_SUCCESS") {
            path if Path::new(&path).exists() => Ok(()),
            path => Err(path),
        }
    });
    let ended = up.stop(Signal::Int).expect(0);
    let lines = ended
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    let mut lines: Vec<Value> = lines.collect();
    lines.sort_by_key(|line| line["batch"].as_u64());
    let statuses = lines.iter().map(|line| (&line["batch"], &line["status"]));
    let expected = ["trained", "trained", "failed", "trained"];
    let expected: Vec<Value> = expected.iter().map(|status| json!(status)).collect();
    let expected: Vec<_> = (1..=4).map(|batch| json!(batch)).zip(&expected).collect();
    let expected = expected.iter().map(|(batch, status)| (batch, *status));
    assert!(statuses.eq(expected), "{lines:?}");
    let report = work.trained(&job, "models", &["--dry-run"]);
    for (line, other) in lines.iter().zip(report["models"].as_array().unwrap()) {
        let keys = |line: &Value| {
            line.as_object()
                .unwrap()
                .keys()
                .cloned()
                .collect::<Vec<_>>()
        };
        assert_eq!(keys(line), keys(other));
    }
}

#[test]
fn flags_that_make_no_sense_with_it_are_refused() {
    let work = Work::new();
    let job = work.job(5, &model("m", "k = 2\n"));
    for flag in ["--retrain", "--dry-run", "--ui=127.0.0.1:0"] {
        let refused = following(&work, &job).with([flag]).run().expect(2);
        let name = flag.split('=').next().unwrap_or_default();
        refused.says(&["--follow", name]);
    }
    let config = work.write("gugus.toml", "[train]\nfollow = true\nretrain = true\n");
    let (batches, models) = (work.path("batch"), work.path("models"));
    let refused = run(format!(
        "train --config {config} --job {job} --batches {batches} --models {models}"
    ));
    refused.expect(2).says(&["--follow", "--retrain"]);
    following(&work, &job)
        .with(["--poll", "0s"])
        .run()
        .expect(2)
        .says(&["--poll"]);
}
