//! Clients that wait for the end of a run, or follow its log, while its scheduler is away.

use serde_json::json;

use crate::kit::machines::{Scheduler, executor, prepared};
use crate::kit::process::{Gugus, Signal};
use crate::kit::same::{holds, same};
use crate::kit::work::{comparable, models};

#[test]
fn following_a_log_goes_on_after_its_scheduler_stood_still() {
    let (work, job, _) = prepared(400, 400, 8);
    let mut scheduler = Scheduler::start(&work, "127.0.0.1:0", &[]);
    // Without an executor the run cannot end before the scheduler stands still.
    let id = scheduler.submit(&work, &job, "followed", &[]);
    let words = ["runs", "logs", &id, "--follow"];
    let following = Gugus::new([&words[..], &["--scheduler", &scheduler.url]].concat()).spawn();
    let begun = |log: &str| log.contains("the run begins").then_some(());
    assert_eq!(following.hear(begun), Some(()), "no log");
    scheduler.up.signal(Signal::Stop);
    following.await_stderr("the scheduler does not answer; the command waits for it");
    scheduler.up.signal(Signal::Cont);
    following.await_stderr("the scheduler answers again");
    let _executor = executor(&scheduler.url, "1");
    let followed = following.wait().expect(0);
    followed.prints(&["the run begins", "the run is finished"]);
    let log = scheduler.told(&["logs", &id]);
    assert_eq!(log["log"], followed.stdout);
}

#[test]
fn a_client_that_waits_says_that_its_scheduler_stands_still_and_goes_on() {
    let (work, job, embedded) = prepared(400, 400, 8);
    let mut scheduler = Scheduler::start(&work, "127.0.0.1:0", &[]);
    let _executor = executor(&scheduler.url, "1");
    let client = scheduler.submitting(&work, &job, "waited", &["--wait"]);
    let client = client.spawn();
    client.await_stderr("the scheduler has the run");
    scheduler.up.signal(Signal::Stop);
    client.await_stderr("the scheduler does not answer; the command waits for it");
    scheduler.up.signal(Signal::Cont);
    client.await_stderr("the scheduler answers again");
    let run = client.wait().expect(0).json();
    holds(
        &run,
        json!({"state": "finished", "trained": 400, "failed": 0}),
    );
    same(&comparable(&run["report"]), &embedded);
    let [waited, ours] = ["waited", "models"].map(|of| models(&work.path(of)));
    same(&waited, &ours);
}
