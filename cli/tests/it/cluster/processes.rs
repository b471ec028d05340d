//! Scheduler and executors as processes of their own, and what Ctrl-C does to a run.

use crate::kit::http;
use crate::kit::machines::{executors, scheduler};
use crate::kit::same::same;

use serde_json::Value;

use crate::kit::process::{Gugus, Signal, run, up};
use crate::kit::wait::until;
use crate::kit::work::{Work, comparable, importing, lines, training};

#[test]
fn a_cluster_of_processes_trains_the_same_models_as_the_embedded_one() {
    let work = Work::new();
    let job = work.generated(2_000, 3);
    let embedded = work.train(&job, &[]).expect(0).json();

    let scheduler = scheduler();
    let url = scheduler.url("grpc").to_owned();
    let executors = executors(&url, "2");
    let remote = work.trained(&job, "remote", &["--scheduler", &url]);
    same(&comparable(&remote), &comparable(&embedded));
    assert_eq!(lines(&remote, "location").len(), 20);
    for batch in [1, 7, 20] {
        assert_eq!(
            work.centers("remote", "time", batch),
            work.centers("models", "time", batch)
        );
    }

    let jobs: Value = http::get(format!("{}/api/jobs", scheduler.url("http")));
    assert!(jobs.to_string().contains("crime run "), "{jobs}");
    for executor in executors {
        executor.stop(Signal::Term).expect(0);
    }
    scheduler.stop(Signal::Term).expect(0);
}

#[test]
fn folders_of_any_name_are_trained_from() {
    let work = Work::new();
    let (batches, models) = (
        work.path("50% <of> [all] ~ä#?/batch"),
        work.path("models {of} 100%"),
    );
    let job = work.job(
        2,
        "[[models]]\nname = \"each\"\nfeatures = [\"x\"]\nk = 2\n\
         [[models]]\nname = \"whole\"\nfeatures = [\"x\"]\nk = 2\nscope = \"all\"\n",
    );
    let csv = work.csv("in.csv", &[["1", "1"], ["2", "2"], ["3", "3"]]);
    run(importing(&job, &csv, &batches)).expect(0);
    let train = training(&job, &batches, &models);
    assert_eq!(run(train).expect(0).json()["trained"], 3);
    assert_eq!(run(train).expect(0).json()["skipped"], 3);
}

#[test]
fn a_run_that_waits_for_an_executor_ends_on_ctrl_c_and_cancels_its_ballista_job() {
    let work = Work::new();
    let job = work.generated(200, 3);
    let scheduler = scheduler();
    let (batches, models) = (work.path("batch"), work.path("models"));
    let url = scheduler.url("grpc").to_owned();
    // Nobody runs the tasks, so the signal surely comes before the end.
    let train = Gugus::new([
        "train",
        "--job",
        &job,
        "--batches",
        &batches,
        "--models",
        &models,
        "--scheduler",
        &url,
    ])
    .spawn();
    train.await_stderr("no executor has registered");
    let jobs = format!("{}/api/jobs", scheduler.url("http"));
    let await_jobs = |so: &dyn Fn(&Value) -> bool| {
        until("the Ballista jobs are as expected", || {
            let listed = http::get(&jobs);
            match so(&listed) {
                true => Ok(()),
                false => Err(listed.to_string()),
            }
        });
    };
    await_jobs(&|jobs| !jobs.as_array().unwrap().is_empty());
    let ended = train.stop(Signal::Int).expect(130);
    ended.says(&["run the same command again"]);
    await_jobs(&|jobs| {
        jobs.as_array()
            .unwrap()
            .iter()
            .all(|job| !matches!(job["job_status"].as_str(), Some("Queued" | "Running")))
    });

    // The same command goes on where it stopped.
    let executor = up(["executor", "--scheduler", &url, "--listen", "127.0.0.1:0"]);
    let report = work.train(&job, &["--scheduler", &url]).expect(0).json();
    assert_eq!(report["trained"], 6);
    executor.stop(Signal::Int).expect(0);
}
