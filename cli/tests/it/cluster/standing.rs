//! Standing runs: they train what comes, over a killed scheduler, until somebody pauses or ends them.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::kit::http::{self, send_and_stay, text};
use crate::kit::machines::{Scheduler, executor};
use crate::kit::process::Signal;
use crate::kit::same::{contains, holds};
use crate::kit::wait::until_so;
use crate::kit::work::{Work, model};

/// Batches of ten records, and a job that makes a model of each.
fn work() -> (Work, String) {
    let work = Work::new();
    let job = work.job(10, &model("each", "k = 2\nseed = 3\n"));
    (work, job)
}

/// Imports the batches of these numbers, ten records each.
#[track_caller]
fn import(work: &Work, job: &str, batches: std::ops::Range<i64>) {
    let name = format!("from_{}.csv", batches.start);
    let numbers = batches.start * 10..batches.end * 10;
    work.imported(job, &work.numbers(&name, numbers));
}

/// How many batches have their model.
fn written(work: &Work) -> usize {
    let folder = Path::new(&work.path("followed")).join("each");
    let Ok(entries) = fs::read_dir(folder) else {
        return 0;
    };
    let whole = entries.filter(|entry| {
        let path = entry.as_ref().unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        name.starts_with("batch_") && path.join("_SUCCESS").exists()
    });
    whole.count()
}

#[track_caller]
fn await_models(work: &Work, count: usize) {
    let what = format!("{count} models are written");
    until_so(&what, || written(work), |there| *there == count);
}

/// A press on a button of a run's page.
#[track_caller]
fn press(scheduler: &Scheduler, id: &str, what: &str) {
    let url = format!("{}/runs/{id}/{what}", scheduler.http);
    let form = [("content-type", "application/x-www-form-urlencoded")];
    assert_eq!(send_and_stay(&url, &form, "").status().as_u16(), 303);
}

/// A figure of the scheduler's `/metrics`, of the job `test`.
fn figure(scheduler: &Scheduler, name: &str) -> Option<f64> {
    let metrics = text(http::ask(&format!("{}/metrics", scheduler.http), &[]));
    let named = format!("{name}{{job_name=\"test\"}} ");
    let value = metrics.lines().find_map(|line| line.strip_prefix(&named))?;
    Some(value.parse().unwrap())
}

#[test]
fn a_standing_run_trains_what_comes_and_goes_on_by_itself_after_its_scheduler_was_killed() {
    let (work, job) = work();
    // The first batch is committed while the run waits for it.
    let scheduler = Scheduler::start(&work, "127.0.0.1:0", &["--runs-at-once", "1"]);
    let _executor = executor(&scheduler.url, "2");
    let client = scheduler.submitting(&work, &job, "followed", &["--follow"]);
    let client = client.up();
    import(&work, &job, 0..3);
    await_models(&work, 3);
    let id = scheduler.told(&["list"])["runs"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(client.url("http"), format!("{}/runs/{id}", scheduler.http));

    // It takes no turn from runs that end.
    let other = scheduler.submitted(&work, &job, "other", &["--wait"]);
    holds(&other, json!({"state": "finished", "trained": 3}));
    import(&work, &job, 3..5);
    await_models(&work, 5);
    let show = || scheduler.show(&id);
    let told = |run: &Value| run["trained"] == 5 && run["follow"]["lag"]["batches"] == 0;
    let run = until_so("the run tells of five models", show, told);
    holds(
        &run,
        json!({"state": "following", "failed": 0, "ended": null}),
    );
    assert_eq!(figure(&scheduler, "gugus_follow_trained_total"), Some(5.0));
    assert_eq!(figure(&scheduler, "gugus_follow_failed_total"), Some(0.0));
    assert_eq!(figure(&scheduler, "gugus_follow_lag_batches"), Some(0.0));
    assert_eq!(figure(&scheduler, "gugus_follow_lag_seconds"), Some(0.0));
    let page = scheduler.page(&format!("/runs/{id}"));
    contains(
        &page,
        &[
            "waits for new batches",
            ">Pause<",
            ">End<",
            "title=\"batch 5: trained\"",
        ],
    );
    contains(
        &scheduler.page("/runs?state=following"),
        &[&id, "waits for new batches"],
    );
    contains(&scheduler.page("/"), &["1 run follows with nothing behind"]);
    scheduler
        .runs(&["list"])
        .expect(0)
        .prints(&[&id, "following", "waits for"]);

    let listen = scheduler.listen().to_owned();
    scheduler.up.stop(Signal::Kill);
    import(&work, &job, 5..7);
    client.await_stderr("the command waits for it");
    let scheduler = Scheduler::start(&work, &listen, &[]);
    await_models(&work, 7);
    client.await_stderr("the scheduler answers again");
    let left = client.stop(Signal::Term).expect(0);
    left.says(&[
        "goes on at the scheduler",
        "gugus runs pause",
        "gugus runs cancel",
    ]);
    import(&work, &job, 7..8);
    await_models(&work, 8);
    // What was trained before the restart is on its page, too.
    contains(
        &scheduler.page(&format!("/runs/{id}")),
        &["title=\"batch 1: trained\""],
    );

    let paused = scheduler.told(&["pause", &id]);
    assert_eq!(paused["state"], "paused");
    scheduler.up.stop(Signal::Term).expect(0);
    import(&work, &job, 8..9);
    let scheduler = Scheduler::start(&work, &listen, &[]);
    assert_eq!(scheduler.show(&id)["state"], "paused");
    let page = scheduler.page(&format!("/runs/{id}"));
    contains(
        &page,
        &["trains nothing until it is resumed", ">Resume<", ">End<"],
    );
    assert_eq!(written(&work), 8);
    press(&scheduler, &id, "resume");
    await_models(&work, 9);
    // A scheduler that is told to stop lets go of the run, and the next one takes it up.
    scheduler.up.stop(Signal::Term).expect(0);
    let scheduler = Scheduler::start(&work, &listen, &[]);
    import(&work, &job, 9..10);
    await_models(&work, 10);
    press(&scheduler, &id, "cancel");
    let ended = scheduler.await_state(&id, "finished");
    assert!(ended["ended"].is_string(), "{ended}");
    let refused = scheduler.runs(&["pause", &id]).expect(2);
    refused.says(&["is finished and cannot be paused"]);
    assert_eq!(figure(&scheduler, "gugus_follow_trained_total"), None);
    let log = scheduler.runs(&["logs", &id]).expect(0);
    log.prints(&[
        "the run is paused",
        "goes on at the next start",
        "the run is ended",
    ]);
}

#[test]
fn a_standing_run_is_refused_where_it_could_do_no_good() {
    let (work, job) = work();
    let scheduler = Scheduler::start(&work, "127.0.0.1:0", &[]);
    let submit = |more: &[&str]| scheduler.submitting(&work, &job, "followed", more).run();
    let id = submit(&["--follow", "--detach"]).expect(0).json();
    let id = id["id"].as_str().unwrap().to_owned();
    // Two would train the same models.
    let second = submit(&["--follow", "--detach", "--model", "each"]).expect(2);
    second.says(&[&format!("run {id} follows these batches")]);
    submit(&["--follow", "--retrain"])
        .expect(2)
        .says(&["--retrain"]);
    submit(&["--detach"]).expect(2).says(&["--follow"]);
    let url = format!("{}/gugus/v1/runs", scheduler.http);
    let both = json!({"job_file": fs::read_to_string(&job).unwrap(), "batches": work.path("batch"),
                      "models": work.path("new"), "retrain": true, "follow": true});
    let headers = [("content-type", "application/json")];
    let refused = text(http::send(&url, &headers, &both.to_string()));
    contains(&refused, &["retrain once, then follow"]);

    import(&work, &job, 0..1);
    let ordinary = scheduler.submit(&work, &job, "other", &[]);
    let refused = scheduler.runs(&["pause", &ordinary]).expect(2);
    refused.says(&["does not follow new batches"]);
    let ended = scheduler.told(&["cancel", &id]);
    assert_eq!(ended["state"], "finished");
    let submitted = submit(&["--follow", "--detach"]).expect(0).json();
    assert_eq!(submitted["follow"]["caught_up"], false);
}
