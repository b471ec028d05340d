//! Scheduler and executors as processes of their own, and what Ctrl-C does to a run.

use crate::kit::http;
use crate::kit::machines::{Cluster, executor, scheduler};
use crate::kit::same::{contains, same};

use serde_json::Value;

use crate::kit::process::{Signal, run};
use crate::kit::wait::until_so;
use crate::kit::work::{Work, comparable, importing, lines, model, training};

#[test]
fn a_cluster_of_processes_trains_the_same_models_as_the_embedded_one() {
    let work = Work::new();
    let job = work.generated(2_000, 3);
    let embedded = work.train(&job, &[]).expect(0).json();

    let cluster = Cluster::<2>::new("2");
    let remote = cluster.trained(&work, &job, "remote");
    same(&comparable(&remote), &comparable(&embedded));
    assert_eq!(lines(&remote, "location").len(), 20);
    for batch in [1, 7, 20] {
        let [remote, ours] = ["remote", "models"].map(|of| work.centers(of, "time", batch));
        assert_eq!(remote, ours);
    }

    let jobs = http::get(format!("{}/api/jobs", cluster.scheduler.url("http")));
    contains(&jobs.to_string(), &["crime run "]);
    cluster.stop();
}

#[test]
fn folders_of_any_name_are_trained_from() {
    let work = Work::new();
    let batches = work.path("50% <of> [all] ~ä#?/batch");
    let models = work.path("models {of} 100%");
    let both = model("each", "k = 2\n") + &model("all", "k = 2\nscope = \"all\"\n");
    let job = work.job(2, &both);
    let csv = work.csv("in.csv", &[["1", "1"], ["2", "2"], ["3", "3"]]);
    run(importing(&job, &csv, &batches)).expect(0);
    let train = training(&job, &batches, &models);
    for outcome in ["trained", "skipped"] {
        assert_eq!(run(&train[..]).expect(0).json()[outcome], 3);
    }
}

#[test]
fn a_run_that_waits_for_an_executor_ends_on_ctrl_c_and_cancels_its_ballista_job() {
    let work = Work::new();
    let job = work.generated(200, 3);
    let scheduler = scheduler();
    let url = scheduler.url("grpc").to_owned();
    // Nobody runs the tasks, so the signal surely comes before the end.
    let train = work
        .training(&job, "models", &["--scheduler", &url])
        .spawn();
    train.await_stderr("no executor has registered");
    let jobs = format!("{}/api/jobs", scheduler.url("http"));
    let await_jobs = |so: &dyn Fn(&Value) -> bool| {
        until_so("the Ballista jobs are as expected", || http::get(&jobs), so);
    };
    await_jobs(&|jobs| !jobs.as_array().unwrap().is_empty());
    let ended = train.stop(Signal::Int).expect(130);
    ended.says(&["run the same command again"]);
    let open = |job: &Value| matches!(job["job_status"].as_str(), Some("Queued" | "Running"));
    await_jobs(&|jobs| !jobs.as_array().unwrap().iter().any(open));

    // The same command goes on where it stopped.
    let executor = executor(&url, "2");
    let report = work.train(&job, &["--scheduler", &url]).expect(0).json();
    assert_eq!(report["trained"], 6);
    executor.stop(Signal::Int).expect(0);
}
