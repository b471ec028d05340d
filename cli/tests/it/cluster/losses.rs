//! What dies and what leaves: executors and schedulers, while others work.

use crate::kit::same::{same, short};
use std::time::{Duration, Instant};

use crate::kit::http;
use crate::kit::machines::{
    Cluster, await_executors, executor, executor_with, figure, prepared, scheduler,
};
use crate::kit::process::{Signal, Up, run, up};
use crate::kit::wait::until_so;
use crate::kit::work::comparable;

/// What a lost executor may cost beside its share of the work.
const RECOVERY: Duration = Duration::from_secs(15);

fn await_running(executor: &Up) {
    let running = || figure(executor, "gugus_executor_tasks_running");
    until_so("the executor runs a task", running, |running| *running > 0);
}

fn await_ready(executor: &Up, status: u16) {
    let url = format!("{}/readyz", executor.url("http"));
    let what = format!("the executor's readiness is {status}");
    until_so(&what, || http::status(&url), |found| *found == status);
}

#[test]
fn an_executor_that_is_killed_in_a_wave_costs_seconds_and_changes_nothing() {
    let (work, job, embedded) = prepared(1_000, 200, 8);
    let mut cluster = Cluster::<2>::new("2");
    let began = Instant::now();
    let undisturbed = cluster.trained(&work, &job, "undisturbed");
    let usual = began.elapsed();
    same(&comparable(&undisturbed), &embedded);

    let began = Instant::now();
    let training = cluster.training(&work, &job, "killed").spawn();
    await_running(&cluster.executors[0]);
    cluster.executors[0].signal(Signal::Kill);
    let report = training.wait().expect(0).json();
    let took = began.elapsed();
    same(&comparable(&report), &embedded);
    // Twice the usual time, because one executor does the work of two. If another program has begun to keep the machine
    // busy meanwhile, the usual time is another one now.
    if took >= 2 * usual + RECOVERY {
        cluster.executors[0] = executor(&cluster.url, "2");
        let began = Instant::now();
        cluster.trained(&work, &job, "undisturbed_again");
        let usual = usual.max(began.elapsed());
        let enough = 2 * usual + RECOVERY;
        assert!(took < enough, "{took:?} with a loss, {usual:?} without");
    }
    for batch in [1, 777, 1_000] {
        let [killed, ours] = ["killed", "models"].map(|of| work.centers(of, "each", batch));
        assert_eq!(killed, ours);
    }
}

/// An executor stands still, as a machine does that swaps or loses its network. It comes back with an old task in hand.
#[test]
fn an_executor_that_was_given_up_comes_back_and_counts_nothing_twice() {
    let (work, job, embedded) = prepared(400, 400, 8);
    let mut cluster = Cluster::<2>::new("1");
    let training = cluster.training(&work, &job, "frozen").spawn();
    await_running(&cluster.executors[0]);
    cluster.executors[0].signal(Signal::Stop);
    let report = training.wait().expect(0).json();
    same(&comparable(&report), &embedded);

    cluster.executors[0].signal(Signal::Cont);
    await_executors(&cluster.scheduler, 2);
    let report = cluster.trained(&work, &job, "thawed");
    same(&comparable(&report), &embedded);
}

#[test]
fn an_executor_registers_again_when_its_scheduler_is_back() {
    let (work, job, embedded) = prepared(4, 100, 3);
    let first = scheduler();
    let url = first.url("grpc").to_owned();
    let listen = url.strip_prefix("df://").unwrap();
    let executor = executor(&url, "2");
    await_ready(&executor, 200);
    // Killed, not stopped: nobody hears a goodbye.
    drop(first);
    executor.await_stderr("the scheduler does not answer");
    await_ready(&executor, 503);
    let _second = up(format!("scheduler --listen {listen}"));
    executor.await_stderr("the scheduler is back");
    await_ready(&executor, 200);
    let report = work.trained(&job, "again", &["--scheduler", &url]);
    same(&comparable(&report), &embedded);
    let said = executor.stop(Signal::Term).expect(0).stderr;
    let silences = said.matches("does not answer").count();
    assert_eq!(silences, 1, "{}", short(&said));
}

#[test]
fn an_executor_that_is_told_to_stop_ends_its_task_and_hands_over_the_result() {
    // One batch that takes seconds, and nobody else to take it: were the task or its result lost, the run would fail.
    let (work, job, embedded) = prepared(1, 120_000, 60);
    let cluster = Cluster::<1>::new("1");
    let training = cluster.training(&work, &job, "drained").spawn();
    let [executor] = cluster.executors;
    await_running(&executor);
    let ended = executor.stop(Signal::Term).expect(0);
    ended.says(&["waiting for running tasks"]);
    let said = ended.stderr;
    assert!(!said.contains("did not end in time"), "{}", short(&said));
    let report = training.wait().expect(0).json();
    same(&comparable(&report), &embedded);
}

#[test]
fn a_task_that_outlasts_the_drain_runs_again_elsewhere() {
    let (work, job, embedded) = prepared(1, 120_000, 60);
    let cluster = Cluster::<0>::new("1");
    let leaving = executor_with(&cluster.url, "1", "--drain 1ms");
    let training = cluster.training(&work, &job, "moved").spawn();
    await_running(&leaving);
    let other = executor(&cluster.url, "1");
    let ended = leaving.stop(Signal::Term).expect(0);
    ended.says(&["did not end in time"]);
    let report = training.wait().expect(0).json();
    same(&comparable(&report), &embedded);
    assert_eq!(figure(&other, "gugus_executor_task_slots"), 1);
}

#[test]
fn an_idle_executor_leaves_at_once() {
    let cluster = Cluster::<0>::new("1");
    // Where other programs run beside this test, any of them may take seconds. One that waited would take an hour.
    let leaving = [(); 3].map(|()| {
        let executor = executor_with(&cluster.url, "1", "--drain 1h");
        let began = Instant::now();
        executor.stop(Signal::Int).expect(0);
        began.elapsed()
    });
    let quickest = leaving.iter().min();
    assert!(quickest < Some(&Duration::from_secs(5)), "{leaving:?}");
    await_executors(&cluster.scheduler, 0);
    let wrong = run("executor --scheduler df://127.0.0.1:1 --memory-limit 1MiB");
    wrong.expect(2).says(&["at least 16MiB"]);
}
