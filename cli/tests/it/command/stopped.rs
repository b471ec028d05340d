//! SIGTERM ends a command whatever it waits for: at once, or with what its work costs, never after the minute that ends whoever
//! does not stop by itself.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::kit::machines::{Scheduler, executor, figure, prepared, scheduler};
use crate::kit::process::{Gugus, Output, Signal, Up};
use crate::kit::same::same;
use crate::kit::wait::{until, until_so};
use crate::kit::wire::Wire;
use crate::kit::work::{Work, importing, model, models};

/// What an end may take beside a compiler. A minute would be the end of a command that did not stop by itself.
const SOON: Duration = Duration::from_secs(30);

#[track_caller]
fn ends(command: Up) -> Output {
    let began = Instant::now();
    let ended = command.stop(Signal::Term);
    let took = began.elapsed();
    assert!(took < SOON, "{took:?}: {}", ended.stderr);
    ended
}

/// A port that takes connections and never says a word.
fn silent() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    (listener, address)
}

/// Waits until the command calls, and keeps its connection open.
fn called(listener: &TcpListener) -> TcpStream {
    listener.set_nonblocking(true).unwrap();
    until("the command calls", || {
        let accepted = listener.accept().map_err(|error| error.to_string());
        accepted.map(|(connection, _)| connection)
    })
}

#[test]
fn a_command_whose_scheduler_takes_the_call_and_says_nothing() {
    let (work, job, _) = prepared(1, 100, 3);
    let (batches, others) = (work.path("batch"), work.path("others"));
    for words in [
        &["runs", "list"][..],
        &["runs", "show", "000000000"],
        &["runs", "logs", "000000000", "--follow"],
        &["runs", "cancel", "000000000"],
        &[
            "submit",
            "--wait",
            "--job",
            &job,
            "--batches",
            &batches,
            "--models",
            &others,
        ],
        &[
            "train",
            "--job",
            &job,
            "--batches",
            &batches,
            "--models",
            &others,
        ],
        &["executor"],
    ] {
        let (listener, address) = silent();
        let url = format!("df://{address}");
        let command = Gugus::new([words, &["--scheduler", &url]].concat()).spawn();
        let _connection = called(&listener);
        let ended = ends(command);
        // An executor that leaves has done what it was for.
        let code = if words[0] == "executor" { 0 } else { 143 };
        assert_eq!(ended.code(), code, "{words:?}: {}", ended.stderr);
    }
}

/// A part of the head of a POST: "application/json", as HPACK writes it (RFC 7541, appendix B).
const POST: &[u8] = b"\x1d\x75\xd0\x62\x0d\x26\x3d\x4c\x74\x41\xea";

#[test]
fn a_command_whose_scheduler_freezes_before_it_answers() {
    let work = Work::new();
    let job = work.job(10, &model("m", "k = 2\n"));
    let scheduler = scheduler();
    let target = scheduler.url("grpc").strip_prefix("df://").unwrap();
    let (batches, models) = (work.path("batch"), work.path("models"));
    let submit = ["submit", "--job", &job, "--batches", &batches];
    let submit = [&submit[..], &["--models", &models]].concat();
    let again = "run the same command again";
    for (words, next) in [
        (&["runs", "cancel", "000000000"][..], again),
        (&["runs", "pause", "000000000"][..], again),
        (&["runs", "resume", "000000000"][..], again),
        (&submit[..], "see `gugus runs list`"),
    ] {
        let wire = Wire::holding(target, POST);
        let url = format!("df://{}", wire.address);
        let command = Gugus::new([words, &["--scheduler", &url]].concat()).spawn();
        until_so("it asks", || wire.holds(), |holds| *holds);
        ends(command).expect(143).says(&[next]);
    }
}

#[test]
fn a_command_that_waits_for_the_end_of_a_run() {
    let (work, job, _) = prepared(1, 100, 3);
    // Without an executor, no run comes to its end.
    let mut scheduler = Scheduler::start(&work, "127.0.0.1:0", &[]);
    let spawn = |more: &[&str]| {
        let models = format!("others{}", more.len());
        scheduler.submitting(&work, &job, &models, more).spawn()
    };
    let waiting = spawn(&["--wait"]);
    waiting.await_stderr("the scheduler has the run");
    ends(waiting)
        .expect(143)
        .says(&["goes on at the scheduler"]);

    let id = scheduler.told(&["list"])["runs"][0]["id"].clone();
    let (batches, models) = (work.path("batch"), work.path("followed"));
    let places = ["--batches", &batches, "--models", &models];
    let follow = [&["submit", "--follow", "--job", &job], &places[..]].concat();
    let logs = ["runs", "logs", id.as_str().unwrap(), "--follow"];
    for (words, code) in [(&follow[..], 0), (&logs[..], 143)] {
        // Both ask again and again, and more than this goes over the wire only then.
        let wire = Wire::before(scheduler.listen());
        let url = format!("df://{}", wire.address);
        let command = Gugus::new([words, &["--scheduler", &url]].concat()).spawn();
        until_so("it asks", || wire.bytes(), |bytes| *bytes > 8_000);
        scheduler.up.signal(Signal::Stop);
        let ended = ends(command).expect(code);
        scheduler.up.signal(Signal::Cont);
        ended.says(&["goes on at the scheduler"]);
    }
}

#[test]
fn a_training_that_waits_for_its_frozen_scheduler() {
    let mut scheduler = scheduler();
    let url = scheduler.url("grpc").to_owned();
    let executor = executor(&url, "1");
    let (work, job, _) = prepared(200, 400, 8);
    let training = work.training(&job, "away", &["--scheduler", &url]).spawn();
    let running = || figure(&executor, "gugus_executor_tasks_running");
    until_so("the executor runs a task", running, |running| *running > 0);
    scheduler.signal(Signal::Stop);
    ends(training).expect(143);
    scheduler.signal(Signal::Cont);
}

#[test]
fn an_ingest_whose_broker_never_answers() {
    let work = Work::new();
    let job = work.job(10, &model("m", "k = 2\n"));
    let (listener, broker) = silent();
    let batches = work.path("batch");
    let ingest = ["ingest", "--job", &job, "--brokers", &broker];
    let ingest = Gugus::new([&ingest[..], &["--batches", &batches]].concat()).spawn();
    let _connection = called(&listener);
    let ended = ends(ingest);
    assert!([0, 143].contains(&ended.code()), "{}", ended.stderr);
}

#[test]
fn an_import_that_waits_for_a_pipe() {
    let work = Work::new();
    let job = work.job(10, &model("m", "k = 2\n"));
    let (pipe, batches) = (work.path("silent.csv"), work.path("batch"));
    let made = Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    let import = Gugus::new(importing(&job, &pipe, &batches)).spawn();
    // This waits until the import has opened the pipe, and then there are some bytes and no end.
    let mut writer = File::options().write(true).open(&pipe).unwrap();
    writer.write_all(b"x,y\n1,2\n").unwrap();
    ends(import).expect(143).says(&["stopped before the end"]);
}

#[test]
fn a_training_beside_another_on_one_folder() {
    let (work, job, _) = prepared(300, 200, 8);
    let first = work.training(&job, "shared", &[]).spawn();
    let second = work.training(&job, "shared", &[]).spawn();
    let there = || fs::read_dir(work.path("shared/each")).map_or(0, Iterator::count);
    until_so("models are written", there, |there| *there > 1);
    // The second one may have been done by then.
    let ended = ends(second);
    assert!([0, 143].contains(&ended.code()), "{}", ended.stderr);
    first.wait().expect(0);
    let [shared, alone] = ["shared", "models"].map(|of| models(&work.path(of)));
    same(&shared, &alone);
}

#[test]
fn a_service_with_idle_connections() {
    let work = Work::new();
    let serve = work.serve();
    let address = serve
        .url("rest")
        .strip_prefix("http://")
        .unwrap()
        .to_owned();
    let connect = || TcpStream::connect(&address).unwrap();
    // One says nothing, one begins a request, and one keeps its connection after an answer.
    let idle = connect();
    let mut begun = connect();
    begun
        .write_all(b"POST /predict_cluster/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Le")
        .unwrap();
    let mut kept = connect();
    kept.write_all(b"GET /health/live HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        .unwrap();
    let mut answer = [0; 12];
    kept.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");
    ends(serve).expect(0);
    drop((idle, begun, kept));
}
