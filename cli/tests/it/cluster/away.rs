//! A scheduler that is away for a while, ports that somebody cannot call, and what a scheduler tells of its executors.

use std::time::Duration;

use serde_json::Value;

use crate::kit::machines::{
    Cluster, await_executors, executor, executor_with, figure, prepared, scheduler,
};
use crate::kit::network::{Link, Namespace};
use crate::kit::process::{Gugus, Signal, Up, run, up};
use crate::kit::same::same;
use crate::kit::wait::until_so;
use crate::kit::work::{Work, comparable};

/// Executors of earlier versions gave up after ten seconds without a scheduler.
const LONGER_THAN_BEFORE: Duration = Duration::from_secs(11);

fn await_running(executor: &Up) {
    let running = || figure(executor, "gugus_executor_tasks_running");
    until_so("the executor runs a task", running, |running| *running > 0);
}

/// `HOST:PORT` of a scheduler.
fn address(url: &str) -> &str {
    url.strip_prefix("df://").unwrap()
}

/// A training that is under way when its scheduler goes, and what it has to give.
struct UnderWay {
    work: Work,
    training: Up,
    embedded: Value,
}

impl UnderWay {
    /// With the scheduler and the executor that it is on.
    fn start() -> (Self, Up, Up) {
        let scheduler = scheduler();
        let url = scheduler.url("grpc");
        let executor = executor(url, "1");
        (Self::on(url, &executor, &[]), scheduler, executor)
    }

    /// After its scheduler was killed: with the address of the scheduler, and the executor.
    fn orphaned() -> (Self, String, Up) {
        let (under_way, scheduler, executor) = Self::start();
        let address = address(scheduler.url("grpc")).to_owned();
        drop(scheduler);
        under_way.notices();
        (under_way, address, executor)
    }

    fn on(url: &str, executor: &Up, under: &[&str]) -> Self {
        let (work, job, embedded) = prepared(400, 400, 8);
        let training = work.training(&job, "away", &["--scheduler", url]);
        let training = training.under(under).spawn();
        await_running(executor);
        Self {
            work,
            training,
            embedded,
        }
    }

    fn notices(&self) {
        self.training.await_stderr("the scheduler does not answer");
    }

    /// It goes on, to the same bits.
    fn ends(self) {
        let output = self.training.wait().expect(0);
        output.says(&["the scheduler answers again", "is submitted again"]);
        same(&comparable(&output.json()), &self.embedded);
        for batch in [1, 400] {
            let [away, ours] = ["away", "models"].map(|of| self.work.centers(of, "each", batch));
            assert_eq!(away, ours);
        }
    }
}

#[test]
fn a_training_outlives_its_scheduler_that_is_killed_and_started_again() {
    let (under_way, address, _executor) = UnderWay::orphaned();
    let _second = up(format!("scheduler --listen {address}"));
    under_way.ends();
}

#[test]
fn a_training_that_waits_for_its_scheduler_ends_on_ctrl_c() {
    let (under_way, _, _executor) = UnderWay::orphaned();
    let ended = under_way.training.stop(Signal::Int).expect(130);
    ended.says(&["run the same command again"]);
}

/// A frozen scheduler keeps its connections, so that only silence tells.
#[test]
fn a_training_outlives_a_scheduler_that_stands_still() {
    let (under_way, mut scheduler, _executor) = UnderWay::start();
    scheduler.signal(Signal::Stop);
    under_way.notices();
    scheduler.signal(Signal::Cont);
    under_way.ends();
}

/// Packets are lost, and no connection is closed.
#[test]
fn a_training_outlives_the_link_to_its_scheduler() {
    let Some(machine) = Namespace::new("a training whose link is cut") else {
        return;
    };
    let link = machine.link();
    let listen = Link::listen(&link.here);
    let scheduler = up(format!("scheduler {listen}"));
    let url = scheduler.url("grpc");
    let executor = executor_with(url, "1", &listen);
    let under_way = UnderWay::on(url, &executor, &machine.words());
    link.cut();
    under_way.notices();
    link.mend();
    under_way.ends();
}

#[test]
fn an_executor_waits_for_its_first_scheduler_as_long_as_it_takes() {
    let first = scheduler();
    let url = first.url("grpc").to_owned();
    drop(first);
    let executor = Gugus::new(format!("executor --scheduler {url}")).spawn();
    executor.await_stderr("no scheduler answers yet; waiting for it");
    // No event shows that it goes on waiting.
    std::thread::sleep(LONGER_THAN_BEFORE);
    let scheduler = up(format!("scheduler --listen {}", address(&url)));
    await_executors(&scheduler, 1);
    executor.stop(Signal::Term).expect(0);
}

#[test]
fn an_executor_that_cannot_be_called_is_told_its_address() {
    let scheduler = scheduler();
    let url = scheduler.url("grpc");
    // It listens on one address of this machine and names another, where nobody listens.
    let lost = run(format!(
        "executor --scheduler {url} --listen 127.0.0.1:0 --external-host 127.0.0.9"
    ));
    lost.expect(1)
        .says(&["cannot call 127.0.0.9:", "firewall", "--external-host"]);
    await_executors(&scheduler, 0);
}

/// The scheduler calls the executor by loopback, which on the client's machine is another one.
#[test]
fn a_client_that_cannot_call_an_executor_names_it() {
    let Some(machine) = Namespace::new("a client that cannot call an executor") else {
        return;
    };
    let link = machine.link();
    let scheduler = up(format!("scheduler {}", Link::listen(&link.here)));
    let url = scheduler.url("grpc");
    let _executor = executor(url, "1");
    let (work, job, _) = prepared(4, 100, 3);
    let training = work.training(&job, "unreachable", &["--scheduler", url]);
    let failed = training.under(machine.words()).run();
    failed
        .expect(1)
        .says(&["cannot call the executor at 127.0.0.1:", "firewall"]);
}

#[test]
fn the_log_and_the_metrics_of_a_scheduler_tell_what_happens() {
    let (work, job, _) = prepared(4, 100, 3);
    let mut cluster = Cluster::<2>::new("1");
    let scheduler = &cluster.scheduler;
    scheduler.await_stderr("an executor registered");
    cluster.trained(&work, &job, "told");
    scheduler.await_stderr("a Ballista job begins");
    scheduler.await_stderr("a Ballista job ended");
    assert_eq!(figure(scheduler, "gugus_direct_runs"), 1);
    assert_eq!(figure(scheduler, "gugus_ballista_running_tasks"), 0);

    cluster.executors[0].signal(Signal::Kill);
    scheduler.await_stderr("an executor is lost");
    assert_eq!(figure(scheduler, "gugus_executors_lost_total"), 1);
    let [lost, leaving] = cluster.executors;
    drop(lost);
    leaving.stop(Signal::Term).expect(0);
    scheduler.await_stderr("an executor drains");
    scheduler.await_stderr("an executor left");
    assert_eq!(figure(scheduler, "gugus_executors_lost_total"), 1);
    let descriptors = figure(scheduler, "process_open_fds");
    assert!(descriptors > 2, "{descriptors}");
}
