//! What dies and what leaves: executors and schedulers, while others work.

use crate::kit::same::same;
use std::time::{Duration, Instant};

use crate::kit::http;
use crate::kit::machines::{await_executors, executor, figure, prepared, scheduler};
use crate::kit::process::{Signal, Up, run, up};
use crate::kit::wait::until;
use crate::kit::work::comparable;

/// What a lost executor may cost beside its share of the work.
const RECOVERY: Duration = Duration::from_secs(15);

fn await_running(executor: &Up) {
    until("the executor runs a task", || {
        match figure(executor, "gugus_executor_tasks_running") {
            0 => Err("none runs".to_owned()),
            _ => Ok(()),
        }
    });
}

fn await_ready(executor: &Up, status: u16) {
    let url = format!("{}/readyz", executor.url("http"));
    until(
        &format!("the executor's readiness is {status}"),
        || match http::status(&url) {
            found if found == status => Ok(()),
            other => Err(other.to_string()),
        },
    );
}

#[test]
fn an_executor_that_is_killed_in_a_wave_costs_seconds_and_changes_nothing() {
    let (work, job, embedded) = prepared(2_000, 200, 8);
    let scheduler = scheduler();
    let url = scheduler.url("grpc").to_owned();
    let mut executors = [(); 2].map(|()| executor(&url, "2"));
    let began = Instant::now();
    let undisturbed = work.trained(&job, "undisturbed", &["--scheduler", &url]);
    let usual = began.elapsed();
    same(&comparable(&undisturbed), &embedded);

    let began = Instant::now();
    let training = work
        .training(&job, "killed", &["--scheduler", &url])
        .spawn();
    await_running(&executors[0]);
    executors[0].signal(Signal::Kill);
    let report = training.wait().expect(0).json();
    let took = began.elapsed();
    same(&comparable(&report), &embedded);
    // Twice the usual time, for this machine compiles beside its tests and is not as fast the second time.
    assert!(
        took < 2 * usual + RECOVERY,
        "{took:?} with a loss, {usual:?} without"
    );
    for batch in [1, 777, 2_000] {
        assert_eq!(
            work.centers("killed", "each", batch),
            work.centers("models", "each", batch)
        );
    }
}

/// One that stands still, as a machine does that swaps or loses its network, and comes back with an old task in hand.
#[test]
fn an_executor_that_was_given_up_comes_back_and_counts_nothing_twice() {
    let (work, job, embedded) = prepared(400, 400, 8);
    let scheduler = scheduler();
    let url = scheduler.url("grpc").to_owned();
    let mut executors = [(); 2].map(|()| executor(&url, "1"));
    let training = work
        .training(&job, "frozen", &["--scheduler", &url])
        .spawn();
    await_running(&executors[0]);
    executors[0].signal(Signal::Stop);
    let report = training.wait().expect(0).json();
    same(&comparable(&report), &embedded);

    executors[0].signal(Signal::Cont);
    await_executors(&scheduler, 2);
    let report = work.trained(&job, "thawed", &["--scheduler", &url]);
    same(&comparable(&report), &embedded);
}

#[test]
fn an_executor_registers_again_when_its_scheduler_is_back() {
    let (work, job, embedded) = prepared(4, 100, 3);
    let first = scheduler();
    let url = first.url("grpc").to_owned();
    let listen = url.strip_prefix("df://").unwrap().to_owned();
    let executor = executor(&url, "2");
    await_ready(&executor, 200);
    // Killed, not stopped: nobody hears a goodbye.
    drop(first);
    executor.await_stderr("the scheduler does not answer");
    await_ready(&executor, 503);
    let _second = up(["scheduler", "--listen", &listen]);
    executor.await_stderr("the scheduler is back");
    await_ready(&executor, 200);
    let report = work.trained(&job, "again", &["--scheduler", &url]);
    same(&comparable(&report), &embedded);
    let ended = executor.stop(Signal::Term).expect(0);
    assert_eq!(
        ended.stderr.matches("does not answer").count(),
        1,
        "{}",
        ended.stderr
    );
}

#[test]
fn an_executor_that_is_told_to_stop_ends_its_task_and_hands_over_the_result() {
    // One batch that takes seconds, and nobody else to take it: were the task or its result lost, the run would fail.
    let (work, job, embedded) = prepared(1, 120_000, 60);
    let scheduler = scheduler();
    let url = scheduler.url("grpc").to_owned();
    let executor = executor(&url, "1");
    let training = work
        .training(&job, "drained", &["--scheduler", &url])
        .spawn();
    await_running(&executor);
    let ended = executor.stop(Signal::Term).expect(0);
    ended.says(&["waiting for running tasks"]);
    assert!(
        !ended.stderr.contains("did not end in time"),
        "{}",
        ended.stderr
    );
    let report = training.wait().expect(0).json();
    same(&comparable(&report), &embedded);
}

#[test]
fn a_task_that_outlasts_the_drain_runs_again_elsewhere() {
    let (work, job, embedded) = prepared(1, 120_000, 60);
    let scheduler = scheduler();
    let url = scheduler.url("grpc").to_owned();
    let leaving = up([
        "executor",
        "--scheduler",
        &url,
        "--task-slots",
        "1",
        "--monitor",
        "127.0.0.1:0",
        "--drain",
        "1ms",
    ]);
    let training = work.training(&job, "moved", &["--scheduler", &url]).spawn();
    await_running(&leaving);
    let other = executor(&url, "1");
    let ended = leaving.stop(Signal::Term).expect(0);
    ended.says(&["did not end in time"]);
    let report = training.wait().expect(0).json();
    same(&comparable(&report), &embedded);
    assert!(figure(&other, "gugus_executor_task_slots") == 1);
}

#[test]
fn an_idle_executor_leaves_at_once() {
    let scheduler = scheduler();
    let executor = executor(scheduler.url("grpc"), "1");
    let began = Instant::now();
    executor.stop(Signal::Int).expect(0);
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "{:?}",
        began.elapsed()
    );
    await_executors(&scheduler, 0);
    let wrong = run([
        "executor",
        "--scheduler",
        "df://127.0.0.1:1",
        "--memory-limit",
        "1MiB",
    ])
    .expect(2);
    wrong.says(&["at least 16MiB"]);
}
