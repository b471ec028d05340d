//! Pages of Ballista jobs and executors: while jobs run, after they ended, after an executor was killed, and after the scheduler
//! was killed and started again.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::kit::http::status;
use crate::kit::machines::{Scheduler, executor, figure, prepared};
use crate::kit::process::Signal;
use crate::kit::same::{contains, short};
use crate::kit::wait::until_so;

#[test]
fn pages_of_jobs_tell_stages_and_tasks_while_they_run_and_outlive_a_killed_scheduler() {
    let (work, job, _) = prepared(300, 200, 8);
    let scheduler = Scheduler::start(&work, "127.0.0.1:0", &[]);
    contains(&scheduler.page("/jobs"), &["No Ballista job has run"]);
    let mut executors = [(); 2].map(|()| executor(&scheduler.url, "1"));
    let run = scheduler.submit(&work, &job, "watched", &[]);
    let jobs = || scheduler.data("/jobs?state=running");
    let running = until_so("a job runs", jobs, |jobs| jobs["total"] == 1);
    let id = running["jobs"][0]["id"].as_str().unwrap();
    assert_eq!(running["jobs"][0]["run"], run);
    let there = || scheduler.data(&format!("/jobs/{id}"));
    let has_tasks = |job: &Value| job["tasks"].as_u64() >= Some(2);
    until_so("its tasks are shown", there, has_tasks);
    contains(
        &scheduler.page(&format!("/jobs/{id}")),
        &["<svg", "Stage 1"],
    );

    scheduler.await_state(&run, "finished");
    let recorded = |job: &Value| {
        job["state"] == "successful" && job["stages"][0]["tasks"][0]["state"] == "done"
    };
    let record = until_so("the job is recorded", there, recorded);
    let tasks = record["stages"][0]["tasks"].as_array().unwrap();
    let read: u64 = tasks.iter().filter_map(|task| task["read"].as_u64()).sum();
    assert_eq!(read, 300 * 200, "{}", short(&record.to_string()));
    let shown = scheduler.page(&format!("/jobs/{id}"));
    let link = format!("href=\"/runs/{run}\"");
    contains(
        &shown,
        &[
            "<svg",
            "Stage 1",
            "successful",
            "median",
            &link,
            "AggregateExec",
            "ballista.job.name",
        ],
    );
    contains(&scheduler.page("/jobs?q=each"), &[id, "1 of 1"]);
    contains(
        &scheduler.page("/jobs?q=nothing"),
        &["No Ballista job is like that"],
    );

    // Whoever computed it tells so, and what the process holds.
    let computed = tasks[0]["executor"].as_str().unwrap();
    let known = scheduler.data(&format!("/executors/{computed}"));
    assert!(
        known["load"]["process"].as_u64() > Some(1_000_000),
        "{known}"
    );
    assert!(
        known["load"]["memory_limit"].as_u64() > Some(1_000_000),
        "{known}"
    );
    assert_eq!(known["tasks"][0]["job"], id);
    contains(
        &scheduler.page(&format!("/executors/{computed}")),
        &["<svg", id],
    );

    let listen = scheduler.listen().to_owned();
    let before = scheduler.data(&format!("/jobs/{id}"));
    drop(scheduler);
    // An executor that runs might come back before the new scheduler is asked.
    for executor in &mut executors {
        executor.signal(Signal::Stop);
    }
    let again = Scheduler::start(&work, &listen, &[]);
    assert_eq!(again.data(&format!("/jobs/{id}")), before);
    assert_eq!(
        again.page(&format!("/jobs/{id}")).matches("<svg").count(),
        2
    );
    let known = again.data(&format!("/executors/{computed}"));
    assert_eq!(known["state"], "before");
    for mut executor in executors {
        executor.signal(Signal::Cont);
        executor.stop(Signal::Term).expect(0);
    }
}

#[test]
fn a_killed_executor_is_lost_and_its_tasks_are_marked() {
    let (work, job, _) = prepared(400, 400, 8);
    let scheduler = Scheduler::start(&work, "127.0.0.1:0", &[]);
    let [mut first, _second] = [(); 2].map(|()| executor(&scheduler.url, "1"));
    let list = || scheduler.data("/executors");
    let ready = |list: &Value| {
        let executors = list["executors"].as_array().unwrap();
        executors
            .iter()
            .filter(|of| of["state"] == "ready" && of["load"]["version"] != "")
            .count()
            == 2
    };
    until_so("both tell how they are", list, ready);
    contains(
        &scheduler.page("/executors"),
        &["ready", "Last heartbeat", "0 of 1"],
    );
    let run = scheduler.submit(&work, &job, "lost", &[]);
    let busy = || figure(&first, "gugus_executor_tasks_running");
    until_so("the executor runs a task", busy, |running| *running > 0);
    first.signal(Signal::Kill);
    let is_lost = |list: &Value| {
        list["executors"]
            .as_array()
            .unwrap()
            .iter()
            .any(|of| of["state"] == "lost")
    };
    until_so("the executor is lost", list, is_lost);
    contains(&scheduler.page("/executors"), &["Gone within a day"]);

    scheduler.await_state(&run, "finished");
    let jobs = || scheduler.data("/jobs?state=successful");
    let told = |jobs: &Value| {
        jobs["jobs"]
            .as_array()
            .unwrap()
            .iter()
            .any(|job| job["tasks_lost"].as_u64() > Some(0))
    };
    let jobs = until_so("the record tells of the lost task", jobs, told);
    let with_loss = jobs["jobs"]
        .as_array()
        .unwrap()
        .iter()
        .find(|job| job["tasks_lost"].as_u64() > Some(0))
        .unwrap();
    let shown = scheduler.page(&format!("/jobs/{}", with_loss["id"].as_str().unwrap()));
    contains(&shown, &["lost", "tried again", "bar lost"]);
}

#[test]
fn old_records_of_jobs_are_removed() {
    let (work, job, _) = prepared(2, 20, 2);
    let scheduler = Scheduler::start(&work, "127.0.0.1:0", &["--keep-jobs", "2"]);
    let _executor = executor(&scheduler.url, "1");
    for models in ["one", "two", "three", "four"] {
        scheduler.submitted(&work, &job, models, &["--wait"]);
    }
    let folder = work.path("state/history/jobs");
    let files = || fs::read_dir(Path::new(&folder)).map_or(0, Iterator::count);
    until_so("two records are left", files, |files| *files == 2);
    assert_eq!(scheduler.data("/jobs")["total"], 2);
    assert_eq!(status(&format!("{}/jobs/nosuch", scheduler.http)), 404);
    assert_eq!(
        status(&format!("{}/jobs/..%2f..%2fruns", scheduler.http)),
        404
    );
    assert_eq!(status(&format!("{}/executors/nosuch", scheduler.http)), 404);
}
