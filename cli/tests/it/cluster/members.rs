//! The members of a cluster: certificates, token, version, between processes on addresses of their own.

use crate::kit::same::{contains, same, short};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

use crate::kit::certificates::Authority;
use crate::kit::http;
use crate::kit::machines::scheduler;
use crate::kit::process::{Gugus, Output, Signal, run, up};
use crate::kit::wire::Wire;
use crate::kit::work::{Work, comparable};

const PATIENCE: Duration = Duration::from_secs(60);

/// Twenty batches of generated records, and the report of the embedded cluster over them.
fn prepared() -> (Work, String, Value) {
    let work = Work::new();
    let job = work.generated(2_000, 3);
    let embedded = train(&work, &job, "models", "").expect(0).json();
    (work, job, comparable(&embedded))
}

/// `gugus train` or another command that trains, with these flags.
fn call(command: &str, work: &Work, job: &str, models: &str, flags: &str) -> Output {
    let (batches, models) = (work.path("batch"), work.path(models));
    let places = format!("--batches {batches} --models {models}");
    run(format!(
        "{command} --job {job} --model location {places} --output json {flags}"
    ))
}

fn train(work: &Work, job: &str, models: &str, flags: &str) -> Output {
    call("train", work, job, models, flags)
}

fn submit(work: &Work, job: &str, models: &str, flags: &str) -> Output {
    call("submit --wait", work, job, models, flags)
}

/// The three flags of a member, signed for `address`.
fn files(work: &Work, authority: &Authority, whose: &str, address: &str) -> String {
    let signed = authority.member(address).unwrap();
    let ca = work.write(&format!("{whose}-ca.pem"), &authority.certificate);
    let certificate = work.write(&format!("{whose}.pem"), &signed.certificate);
    let key = work.write(&format!("{whose}.key"), &signed.key);
    format!("--tls-ca {ca} --tls-cert {certificate} --tls-key {key}")
}

/// `HOST:PORT` of a ready line's URL.
fn authority_of(url: &str) -> &str {
    url.rsplit('/').next().unwrap()
}

#[test]
fn between_machines_everything_is_encrypted_and_strangers_are_refused() {
    let (work, job, embedded) = prepared();
    let [ours, theirs] = ["ours", "theirs"].map(|name| Authority::new(name).unwrap());
    let root = work.path(".");
    let flags = files(&work, &ours, "scheduler", "127.0.0.1");
    let scheduler = up(format!(
        "scheduler --listen 127.0.0.1:0 --data-root {root} {flags}"
    ));
    let http = scheduler.url("http");
    assert!(http.starts_with("https://127.0.0.1:"), "{http}");
    // Everybody who calls the scheduler calls it through the wire.
    let wire = Wire::before(authority_of(scheduler.url("grpc")));
    let url = format!("df://{}", wire.address);
    let executors = ["127.0.0.2", "127.0.0.3"].map(|address| {
        let flags = files(&work, &ours, address, address);
        let listen = format!("--listen {address}:0 --task-slots 2");
        up(format!("executor --scheduler {url} {listen} {flags}"))
    });

    let client = files(&work, &ours, "client", "127.0.0.4");
    let flags = format!("--scheduler {url} {client}");
    let report = train(&work, &job, "secure", &flags).expect(0).json();
    same(&comparable(&report), &embedded);
    let [secure, plain] = ["secure", "models"].map(|of| work.centers(of, "location", 7));
    assert_eq!(secure, plain);
    let submitted = submit(&work, &job, "submitted", &flags).expect(0).json();
    same(&comparable(&submitted["report"]), &embedded);
    for plain in [
        "PRI * HTTP/2.0",
        "ballista",
        "batch_0000",
        "location",
        "gugus",
    ] {
        assert!(!wire.heard(plain), "{plain:?} went over the wire");
    }

    let foreign = files(&work, &theirs, "foreign", "127.0.0.4");
    let flags = format!("--scheduler {url} {foreign}");
    submit(&work, &job, "foreign", &flags).expect(1);
    let refused = train(&work, &job, "foreign", &flags).expect(1);
    refused.says(&["do not trust each other's certificates"]);
    let executor = run(format!("executor {flags}")).expect(1);
    executor.says(&["do not trust each other's certificates"]);
    let refused = train(&work, &job, "plain", &format!("--scheduler {url}")).expect(1);
    refused.says(&["--tls-ca"]);

    for executor in executors {
        // A stranger gets no word of HTTP out of an executor's port.
        let mut stranger = TcpStream::connect(executor.url("flight")).unwrap();
        stranger.set_read_timeout(Some(PATIENCE)).unwrap();
        let request = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
        stranger.write_all(request).unwrap();
        let mut answer = Vec::new();
        let _ = stranger.read_to_end(&mut answer);
        assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
        executor.stop(Signal::Term).expect(0);
    }
    scheduler.stop(Signal::Term).expect(0);
}

/// What the test above would see if nothing were encrypted, so that it can fail.
#[test]
fn without_certificates_the_wire_shows_what_goes_over_it() {
    let (work, job, embedded) = prepared();
    let scheduler = scheduler();
    let wire = Wire::before(authority_of(scheduler.url("grpc")));
    let url = format!("df://{}", wire.address);
    let _executor = up(format!("executor --scheduler {url}"));
    let report = train(&work, &job, "plain", &format!("--scheduler {url}"));
    same(&comparable(&report.expect(0).json()), &embedded);
    for plain in ["PRI * HTTP/2.0", "batch_0000"] {
        let bytes = wire.bytes();
        assert!(wire.heard(plain), "{plain:?} is not among {bytes} bytes");
    }
}

#[test]
fn a_cluster_with_a_token_works_with_those_who_know_it_and_says_it_to_nobody() {
    let (work, job, embedded) = prepared();
    let secret = "t0ken-of-this-test";
    let file = work.write("token", format!("{secret}\n"));
    let token = format!("--token-file {file}");
    let scheduler = up(format!(
        "scheduler --listen 127.0.0.1:0 {token} --log debug"
    ));
    let url = scheduler.url("grpc").to_owned();
    let executor = Gugus::new(format!("executor --scheduler {url} --log debug"))
        .env("GUGUS_TOKEN", secret)
        .up();

    let trained = train(&work, &job, "known", &format!("--scheduler {url} {token}")).expect(0);
    same(&comparable(&trained.json()), &embedded);
    let wrong = work.write("wrong", "another-token");
    for more in [String::new(), format!("--token-file {wrong}")] {
        let flags = format!("--scheduler {url} {more}");
        let train = train(&work, &job, "refused", &flags);
        for refused in [train, run(format!("executor {flags}"))] {
            refused.expect(1).says(&["wants its token"]);
        }
    }

    let at = scheduler.url("http");
    let status = |path: &str, token: Option<&str>| {
        let bearer = token.map(|token| format!("Bearer {token}"));
        let headers = bearer.as_deref().map(|bearer| ("authorization", bearer));
        let answer = http::ask(&format!("{at}{path}"), headers.as_slice());
        answer.status().as_u16()
    };
    assert_eq!(status("/api/executors", None), 401);
    assert_eq!(status("/api/executors", Some("another-token")), 401);
    assert_eq!(status("/api/executors", Some(secret)), 200);
    assert_eq!(status("/healthz", None), 200);
    // The executor's own port wants it, too.
    let flight = format!("http://{}/", executor.url("flight"));
    assert_eq!(http::status(&flight), 401);

    for said in [
        trained,
        executor.stop(Signal::Term).expect(0),
        scheduler.stop(Signal::Term).expect(0),
    ] {
        for text in [said.stdout, said.stderr] {
            assert!(!text.contains(secret), "{}", short(&text));
        }
    }
}

#[test]
fn a_scheduler_takes_no_executor_and_no_job_of_another_version() {
    let scheduler = scheduler();
    let http = scheduler.url("http");
    for call in ["RegisterExecutor", "ExecuteQueryPush"] {
        let other = "gugus 0.0.9 (Ballista 54.0.0, DataFusion 54.0.0, functions 00)";
        let callers = [
            (Some(other), "gugus 0.0.9"),
            (None, "does not say what it is"),
        ];
        for (about, says) in callers {
            let mut request = ureq::post(format!("{http}/ballista.protobuf.SchedulerGrpc/{call}"))
                .header("content-type", "application/grpc");
            if let Some(about) = about {
                request = request.header("gugus-about", about);
            }
            let answer = request.send(&[0_u8; 5][..]).unwrap();
            // FAILED_PRECONDITION.
            assert_eq!(answer.headers()["grpc-status"], "9");
            let message = answer.headers()["grpc-message"].to_str().unwrap();
            let ours = concat!("gugus ", env!("CARGO_PKG_VERSION"));
            contains(&message.replace("%20", " "), &[says, ours]);
        }
    }
}

#[test]
fn files_that_cannot_be_used_are_named_before_anything_begins() {
    let work = Work::new();
    let authority = Authority::new("ours").unwrap();
    let flags = files(&work, &authority, "member", "127.0.0.1");
    let empty = work.write("empty", "");
    let words: Vec<&str> = flags.split(' ').collect();
    let (certificate, key) = (words[3], words[5]);
    let no_token = format!("--token-file {empty}");
    let only_ca = format!("--tls-ca {}", words[1]);
    let no_ca = format!("--tls-ca {empty} --tls-cert {certificate} --tls-key {key}");
    for (flags, says) in [
        ("--token-file /nowhere/token", "/nowhere/token"),
        (no_token.as_str(), "the token is empty"),
        (only_ca.as_str(), "--tls-cert and --tls-key is missing"),
        (no_ca.as_str(), "holds no certificate"),
    ] {
        for command in [
            "scheduler --listen 127.0.0.1:0",
            "executor --scheduler df://127.0.0.1:1",
        ] {
            run(format!("{command} {flags}")).expect(2).says(&[says]);
        }
    }
}

#[test]
fn a_port_that_others_reach_wants_a_proof_or_says_what_it_lacks() {
    let work = Work::new();
    let token = format!("--token-file {}", work.write("token", "t0ken"));
    for (role, command) in [
        ("scheduler", "scheduler --listen 0.0.0.0:0"),
        (
            "executor",
            "executor --scheduler df://127.0.0.1:1 --listen 0.0.0.0:0",
        ),
    ] {
        let refused = run(command).expect(2);
        refused.says(&[role, "openssl rand -hex 32", "--token-file", "--insecure"]);
    }
    let open = up("scheduler --listen 0.0.0.0:0 --insecure");
    open.await_stderr("takes work from anybody who reaches it");
    let closed = up(format!("scheduler --listen 0.0.0.0:0 {token}"));
    closed.await_stderr("reached without encryption");
    run("demo --exit --listen 127.0.0.1:0 --scheduler-listen 0.0.0.0:0")
        .expect(2)
        .says(&["--scheduler-listen"]);
    let ended = scheduler().stop(Signal::Term).expect(0);
    assert!(!ended.stderr.contains("WARN"), "{}", ended.stderr);
}
