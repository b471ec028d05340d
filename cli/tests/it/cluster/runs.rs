//! Runs that a scheduler drives: submitted, left alone, looked at, cancelled, interrupted, resumed.

use crate::kit::http;
use crate::kit::same::{contains, holds, same, short};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::SystemTime;

use serde_json::{Value, json};

use crate::kit::machines::{Scheduler, executor, prepared};
use crate::kit::process::{Signal, run};
use crate::kit::wait::until_so;
use crate::kit::work::{self, Work, comparable, model, models};

/// Three waves: enough that a run can be met half way.
const BATCHES: usize = 1_200;

/// The models that are whole, and when they were written.
fn written(work: &Work, models: &str) -> BTreeMap<String, SystemTime> {
    let path = work.path(models);
    let folder = Path::new(&path).join("each");
    let Ok(entries) = fs::read_dir(folder) else {
        return BTreeMap::new();
    };
    entries
        .filter_map(|entry| {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            // A model that is not in its place yet lies in a folder of another name, with all its files.
            name.strip_prefix("batch_")?.parse::<u64>().ok()?;
            let about = fs::metadata(entry.path().join("_SUCCESS")).ok()?;
            Some((name, about.modified().unwrap()))
        })
        .collect()
}

/// Waits until the first models of a run are there.
fn await_some(work: &Work, models: &str) {
    let count = || written(work, models).len();
    until_so("the first models are written", count, |count| *count > 0);
}

/// The models of a report, without what says which run trained them. A resumed run skips some models.
fn models_of(report: &Value) -> Value {
    let models = report["models"].as_array().unwrap().iter();
    let what = models.map(|model| {
        let mut model = model.clone();
        let done = model["status"] == "trained" || model["status"] == "skipped";
        model["status"] = json!(done);
        model["reason"] = json!(null);
        model
    });
    Value::Array(what.collect())
}

/// Fails the test unless a folder has all models, those that were there before are untouched, and all have the bits of
/// an undisturbed training.
#[track_caller]
fn nothing_is_trained_twice(work: &Work, folder: &str, before: &BTreeMap<String, SystemTime>) {
    let after = written(work, folder);
    assert_eq!(after.len(), BATCHES);
    for (model, time) in before {
        assert_eq!(after[model], *time, "{model} was trained twice");
    }
    same(&models(&work.path(folder)), &models(&work.path("models")));
}

#[test]
fn a_submitted_run_goes_on_when_its_client_has_left_and_outlives_the_scheduler() {
    let (work, job, embedded) = prepared(600, 50, 5);
    let scheduler = Scheduler::start(&work, "127.0.0.1:0", &[]);
    let _executor = executor(&scheduler.url, "2");

    let client = scheduler.submitting(&work, &job, "left", &["--wait"]);
    let client = client.spawn();
    client.await_stderr("the scheduler has the run");
    let left = client.stop(Signal::Int).expect(130);
    left.says(&["goes on at the scheduler", "gugus runs cancel"]);
    let listed = scheduler.told(&["list"]);
    let id = listed["runs"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(listed["runs"].as_array().unwrap().len(), 1);

    let followed = scheduler.runs(&["logs", &id, "--follow"]).expect(0);
    followed.prints(&["the run begins", "models=600", "the run is finished"]);
    let run = scheduler.show(&id);
    holds(&run, json!({"state": "finished"}));
    same(&comparable(&run["report"]), &embedded);
    same(&models(&work.path("left")), &models(&work.path("models")));
    let jobs = run["ballista_jobs"].as_array().unwrap();
    let named = format!("test run {id} each batches ");
    assert_eq!(
        jobs.len(),
        2,
        "{}",
        short(&run["ballista_jobs"].to_string())
    );
    let mut names = jobs.iter().map(|job| job["name"].as_str().unwrap());
    assert!(names.all(|name| name.starts_with(&named)), "no {named}…");

    // Nothing is left to do, and a table says so to people.
    let again = scheduler.submitted(&work, &job, "left", &["--wait"]);
    holds(&again, json!({"trained": 0, "skipped": 600}));
    let log = scheduler.told(&["logs", &id]);
    assert_eq!(log["log"], followed.stdout);
    let table = scheduler.runs(&["list"]).expect(0);
    table.prints(&[&id, "600 of 600"]);
    let text = scheduler.runs(&["show", &id]).expect(0);
    text.prints(&["600 trained, 0 failed"]);

    let listen = scheduler.listen().to_owned();
    scheduler.up.stop(Signal::Term).expect(0);
    let restarted = Scheduler::start(&work, &listen, &["--keep-runs", "1"]);
    // The older one is beyond those that are kept; its models are nobody's to remove.
    restarted.runs(&["show", &id]).expect(2);
    assert_eq!(written(&work, "left").len(), 600);
    let newest = again["id"].as_str().unwrap();
    same(&restarted.show(newest), &again);
}

#[test]
fn a_run_that_is_cancelled_is_gone_on_with_when_it_is_resumed() {
    let (work, job, embedded) = prepared(BATCHES as u64, 50, 5);
    let scheduler = Scheduler::start(&work, "127.0.0.1:0", &[]);
    let _executor = executor(&scheduler.url, "2");
    let id = scheduler.submit(&work, &job, "resumed", &[]);
    // A second one waits for its turn.
    let waiting = scheduler.submit(&work, &job, "never", &[]);
    assert_eq!(scheduler.show(&waiting)["state"], "queued");
    let cancelled = scheduler.told(&["cancel", &waiting]);
    assert_eq!(cancelled["state"], "cancelled");

    // Nothing between the first models and the cancellation: a run lasts seconds.
    await_some(&work, "resumed");
    let said = scheduler.runs(&["cancel", &id]).expect(0).stdout;
    assert_eq!(said.trim(), format!("run {id} is cancelled"));
    let before = written(&work, "resumed");
    assert!(!before.is_empty() && before.len() < BATCHES);
    let jobs: Value = http::get(format!("{}/api/jobs", scheduler.http));
    let jobs = jobs.to_string();
    assert!(!jobs.contains("\"Running\""), "{}", short(&jobs));
    let refused = scheduler.runs(&["cancel", &id]).expect(2);
    refused.says(&["is cancelled and cannot be cancelled"]);

    let resumed = scheduler.told(&["resume", &id, "--wait"]);
    holds(&resumed, json!({"state": "finished", "attempts": 2}));
    holds(&resumed, json!({"skipped": before.len()}));
    same(&models_of(&resumed["report"]), &models_of(&embedded));
    nothing_is_trained_twice(&work, "resumed", &before);
    assert!(!Path::new(&work.path("never")).exists());
    let refused = scheduler.runs(&["resume", &id]).expect(2);
    refused.says(&["is finished and cannot be resumed"]);
}

#[test]
fn a_scheduler_that_is_killed_in_a_run_marks_it_and_resumes_it_to_the_same_bits() {
    let (work, job, embedded) = prepared(BATCHES as u64, 50, 5);
    let scheduler = Scheduler::start(&work, "127.0.0.1:0", &[]);
    let _executor = executor(&scheduler.url, "2");
    let waiting = scheduler.submitting(&work, &job, "killed", &["--wait"]);
    let waiting = waiting.spawn();
    let listen = scheduler.listen().to_owned();
    // A command would take as long as a wave does where other programs run beside it.
    let runs = format!("{}/gugus/v1/runs", scheduler.http);
    let submitted = |listed: &Value| listed["runs"][0]["id"].is_string();
    let listed = until_so("the run is there", || http::get(&runs), submitted);
    let id = listed["runs"][0]["id"].as_str().unwrap().to_owned();
    // Nothing between the first models and the kill: a run lasts seconds.
    await_some(&work, "killed");
    scheduler.up.stop(Signal::Kill);
    // The waiting client says so, and waits for the next scheduler, which ends the run.
    waiting.await_stderr("the scheduler does not answer; the command waits for it");
    let before = written(&work, "killed");
    assert!(before.len() < BATCHES, "the scheduler was killed too late");

    let scheduler = Scheduler::start(&work, &listen, &[]);
    let told = waiting.wait().expect(1);
    told.says(&["is interrupted", &format!("gugus runs resume {id}")]);
    let marked = scheduler.show(&id);
    holds(&marked, json!({"state": "interrupted"}));
    contains(marked["failure"].as_str().unwrap(), &["scheduler"]);
    let resumed = scheduler.told(&["resume", &id, "--wait"]);
    holds(&resumed, json!({"skipped": before.len()}));
    assert_eq!(resumed["trained"], BATCHES - before.len());
    same(&models_of(&resumed["report"]), &models_of(&embedded));
    nothing_is_trained_twice(&work, "killed", &before);
    let log = scheduler.runs(&["logs", &id]).expect(0).stdout;
    let begun = log.matches("the run begins").count();
    assert_eq!(begun, 2, "{}", short(&log));
}

#[test]
fn a_scheduler_that_is_told_to_stop_marks_what_is_under_way() {
    let (work, job, _) = prepared(BATCHES as u64, 50, 5);
    let scheduler = Scheduler::start(&work, "127.0.0.1:0", &[]);
    let _executor = executor(&scheduler.url, "2");
    let id = scheduler.submit(&work, &job, "stopped", &[]);
    await_some(&work, "stopped");
    let listen = scheduler.listen().to_owned();
    let stopped = scheduler.up.stop(Signal::Term).expect(0);
    stopped.says(&["the run is interrupted"]);
    let scheduler = Scheduler::start(&work, &listen, &[]);
    let run = scheduler.show(&id);
    let trained = written(&work, "stopped").len();
    holds(&run, json!({"state": "interrupted", "trained": trained}));
}

#[test]
fn a_dry_run_begins_nothing() {
    let (work, job, _) = prepared(3, 10, 2);
    let scheduler = Scheduler::start(&work, "127.0.0.1:0", &[]);
    let planned = scheduler.submitted(&work, &job, "dry", &["--dry-run"]);
    let dry = work.trained(&job, "dry", &["--dry-run"]);
    same(&comparable(&planned), &comparable(&dry));
    assert_eq!(planned["planned"], 3);
    assert!(!Path::new(&work.path("dry")).exists());
    let listed = scheduler.told(&["list"]);
    assert_eq!(listed, json!({ "runs": [] }));
}

#[test]
fn what_cannot_be_run_is_told_before_anything_begins() {
    let (work, job, _) = prepared(2, 10, 2);
    let scheduler = Scheduler::start(&work, "127.0.0.1:0", &[]);
    let submit = |job: &str, more: &[&str]| scheduler.submitting(&work, job, "new", more).run();

    let wrong = work.write("wrong.toml", "name = \"test\"\n[source]\ntopik = \"x\"\n");
    submit(&wrong, &[]).expect(2).says(&["wrong.toml", "topik"]);
    let nowhere = work.path("nowhere.toml");
    submit(&nowhere, &[]).expect(2).says(&["nowhere.toml"]);
    let none = submit(&job, &["--model", "none"]).expect(2);
    none.says(&["no model \"none\"", "each"]);
    let each = model("each", "k = 2\nseed = 3\n");
    let broken = work.job(
        10,
        &each.replace("\"y\"", "{ name = \"b\", sql = \"z + 1\" }"),
    );
    submit(&broken, &[]).expect(2).says(&["each"]);
    let job = work.job(10, &each);
    let other = work.write("other.toml", work::job("other", 10, &each));
    let other = submit(&other, &[]).expect(2);
    other.says(&["belong to job \"test\"", "\"other\""]);

    let place = |batches: &str, models: &str| {
        let url = &scheduler.url;
        let places = format!("--batches {batches} --models {models}");
        run(format!("submit --job {job} --scheduler {url} {places}"))
    };
    let (batches, models) = (work.path("batch"), work.path("new"));
    place(&work.path("nothing"), &models)
        .expect(2)
        .says(&["no batch folder", "nothing"]);
    let outside = tempfile::tempdir().unwrap();
    let outside = outside.path().to_str().unwrap();
    for (batches, models) in [(outside, models.as_str()), (&batches, outside)] {
        let refused = place(batches, models).expect(2);
        refused.says(&[outside, "--data-root"]);
    }
    let up = format!("{batches}/../../other");
    place(&up, &models).expect(2).says(&[".."]);

    for what in ["show", "logs", "cancel", "resume"] {
        let none = scheduler.runs(&[what, "000000000"]).expect(2);
        none.says(&["no run 000000000", "gugus runs list"]);
        let no_id = scheduler.runs(&[what, "../../etc"]).expect(2);
        no_id.says(&["names no run"]);
    }
    let away = run("runs list --scheduler df://127.0.0.1:1").expect(1);
    away.says(&["no scheduler answers at df://127.0.0.1:1"]);
    let listed = scheduler.told(&["list"]);
    assert_eq!(listed, json!({ "runs": [] }));
    assert!(!Path::new(&models).exists());
}

#[test]
fn models_that_fail_and_models_that_differ_end_a_run_as_they_end_train() {
    let work = Work::new();
    let both = model("each", "k = 2\n");
    let job = work.job(2, &both);
    let csv = work.csv("in.csv", &[["1", "1"], ["2", "2"], ["3", ""], ["4", "4"]]);
    work.imported(&job, &csv);
    let scheduler = Scheduler::start(&work, "127.0.0.1:0", &[]);
    let _executor = executor(&scheduler.url, "2");
    let submit = |job: &str| scheduler.submitting(&work, job, "some", &["--wait"]).run();
    let some = submit(&job).expect(3).json();
    holds(
        &some,
        json!({"state": "finished", "trained": 1, "failed": 1}),
    );
    let log = scheduler.runs(&["logs", some["id"].as_str().unwrap()]);
    log.expect(0).prints(&["failed: each batch 2: "]);

    let job = work.job(2, &both.replace(", \"y\"", ""));
    let differs = submit(&job).expect(2);
    differs.says(&["differ from what would be trained", "--retrain"]);
    let failed = differs.json();
    holds(&failed, json!({"state": "failed", "failure_kind": "usage"}));
    // Asked for, they are replaced.
    let replaced = scheduler.submit(&work, &job, "some", &["--retrain"]);
    let run = scheduler.await_state(&replaced, "finished");
    holds(&run, json!({"trained": 2, "failed": 0}));
    let mut centers = work.centers("some", "each", 1);
    centers.sort_by(|a, b| a[0].total_cmp(&b[0]));
    assert_eq!(centers, [[1.0], [2.0]]);
}
