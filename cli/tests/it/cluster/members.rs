//! Who is a member of a cluster: certificates, token, version, between processes on addresses of their own.

use crate::kit::same::same;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

use crate::kit::certificates::Authority;
use crate::kit::http;
use crate::kit::process::{Gugus, Output, Signal, Up, run};
use crate::kit::wire::Wire;
use crate::kit::work::{Work, comparable};

const PATIENCE: Duration = Duration::from_secs(60);

/// Twenty batches of generated records, and the report of the embedded cluster over them.
fn prepared() -> (Work, String, Value) {
    let work = Work::new();
    let job = work.generated(2_000, 3);
    let embedded = train(&work, &job, "models", &[]).expect(0).json();
    (work, job, comparable(&embedded))
}

fn train(work: &Work, job: &str, models: &str, more: &[&str]) -> Output {
    let more = [&["--model", "location"], more].concat();
    work.training(job, models, &more).run()
}

fn submit(work: &Work, job: &str, models: &str, more: &[&str]) -> Output {
    let (batches, models) = (work.path("batch"), work.path(models));
    let places = ["submit", "--batches", &batches, "--models", &models];
    let what = ["--job", job, "--model", "location"];
    let how = ["--wait", "--output", "json"];
    run([&places[..], &what, &how, more].concat())
}

/// The three flags of a member, signed for `address`.
fn files(work: &Work, authority: &Authority, whose: &str, address: &str) -> Vec<String> {
    let signed = authority.member(address).unwrap();
    let ca = work.write(&format!("{whose}-ca.pem"), &authority.certificate);
    let certificate = work.write(&format!("{whose}.pem"), &signed.certificate);
    let key = work.write(&format!("{whose}.key"), &signed.key);
    [
        "--tls-ca",
        &ca,
        "--tls-cert",
        &certificate,
        "--tls-key",
        &key,
    ]
    .map(str::to_owned)
    .to_vec()
}

fn up(arguments: &[&str], more: &[String]) -> Up {
    let arguments: Vec<&str> = arguments
        .iter()
        .copied()
        .chain(more.iter().map(String::as_str))
        .collect();
    Gugus::new(arguments).up()
}

fn as_str(flags: &[String]) -> Vec<&str> {
    flags.iter().map(String::as_str).collect()
}

/// `HOST:PORT` of a ready line's URL.
fn authority_of(url: &str) -> &str {
    url.rsplit('/').next().unwrap()
}

#[test]
fn between_machines_everything_is_encrypted_and_strangers_are_refused() {
    let (work, job, embedded) = prepared();
    let (ours, theirs) = (
        Authority::new("ours").unwrap(),
        Authority::new("theirs").unwrap(),
    );
    let root = work.path(".");
    let scheduler = up(
        &["scheduler", "--listen", "127.0.0.1:0", "--data-root", &root],
        &files(&work, &ours, "scheduler", "127.0.0.1"),
    );
    assert!(
        scheduler.url("http").starts_with("https://127.0.0.1:"),
        "{}",
        scheduler.url("http")
    );
    // Everybody who calls the scheduler calls it through the wire.
    let wire = Wire::before(authority_of(scheduler.url("grpc")));
    let url = format!("df://{}", wire.address);
    let executors = ["127.0.0.2", "127.0.0.3"].map(|address| {
        let listen = format!("{address}:0");
        let flags = files(&work, &ours, address, address);
        up(
            &[
                "executor",
                "--scheduler",
                &url,
                "--listen",
                &listen,
                "--task-slots",
                "2",
            ],
            &flags,
        )
    });

    let client = files(&work, &ours, "client", "127.0.0.4");
    let mut flags = vec!["--scheduler", &url];
    flags.extend(as_str(&client));
    let report = train(&work, &job, "secure", &flags).expect(0).json();
    same(&comparable(&report), &embedded);
    assert_eq!(
        work.centers("secure", "location", 7),
        work.centers("models", "location", 7)
    );
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
    let mut flags = vec!["--scheduler", &url];
    flags.extend(as_str(&foreign));
    submit(&work, &job, "foreign", &flags).expect(1);
    let refused = train(&work, &job, "foreign", &flags).expect(1);
    refused.says(&["do not trust each other's certificates"]);
    let executor = run([&["executor"], &flags[..]].concat()).expect(1);
    executor.says(&["do not trust each other's certificates"]);
    let refused = train(&work, &job, "plain", &["--scheduler", &url]).expect(1);
    refused.says(&["--tls-ca"]);

    for executor in executors {
        // A stranger gets no word of HTTP out of an executor's port.
        let mut stranger = TcpStream::connect(executor.url("flight")).unwrap();
        stranger.set_read_timeout(Some(PATIENCE)).unwrap();
        stranger
            .write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            .unwrap();
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
    let scheduler = up(&["scheduler", "--listen", "127.0.0.1:0"], &[]);
    let wire = Wire::before(authority_of(scheduler.url("grpc")));
    let url = format!("df://{}", wire.address);
    let _executor = up(&["executor", "--scheduler", &url], &[]);
    let report = train(&work, &job, "plain", &["--scheduler", &url])
        .expect(0)
        .json();
    same(&comparable(&report), &embedded);
    for plain in ["PRI * HTTP/2.0", "batch_0000"] {
        assert!(
            wire.heard(plain),
            "{plain:?} is not among {} bytes",
            wire.bytes()
        );
    }
}

#[test]
fn a_cluster_with_a_token_works_with_those_who_know_it_and_says_it_to_nobody() {
    let (work, job, embedded) = prepared();
    let secret = "t0ken-of-this-test";
    let file = work.write("token", format!("{secret}\n"));
    let scheduler = up(
        &[
            "scheduler",
            "--listen",
            "127.0.0.1:0",
            "--token-file",
            &file,
            "--log",
            "debug",
        ],
        &[],
    );
    let url = scheduler.url("grpc").to_owned();
    let executor = Gugus::new(["executor", "--scheduler", &url, "--log", "debug"])
        .env("GUGUS_TOKEN", secret)
        .up();

    let trained = train(
        &work,
        &job,
        "known",
        &["--scheduler", &url, "--token-file", &file],
    )
    .expect(0);
    same(&comparable(&trained.json()), &embedded);
    let wrong = work.write("wrong", "another-token");
    for more in [vec![], vec!["--token-file", &wrong]] {
        let flags = [&["--scheduler", url.as_str()][..], &more].concat();
        let refused = train(&work, &job, "refused", &flags).expect(1);
        refused.says(&["wants its token"]);
        let refused = run([&["executor"], &flags[..]].concat()).expect(1);
        refused.says(&["wants its token"]);
    }

    let at = scheduler.url("http");
    let status = |path: &str, token: Option<&str>| {
        let bearer = token.map(|token| format!("Bearer {token}"));
        let headers: Vec<_> = bearer
            .iter()
            .map(|b| ("authorization", b.as_str()))
            .collect();
        http::ask(&format!("{at}{path}"), &headers)
            .status()
            .as_u16()
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
            assert!(!text.contains(secret), "{text}");
        }
    }
}

#[test]
fn a_scheduler_takes_no_executor_and_no_job_of_another_version() {
    let scheduler = up(&["scheduler", "--listen", "127.0.0.1:0"], &[]);
    let http = scheduler.url("http");
    for call in ["RegisterExecutor", "ExecuteQueryPush"] {
        for (about, says) in [
            (
                Some("gugus 0.0.9 (Ballista 54.0.0, DataFusion 54.0.0, functions 00)"),
                "gugus 0.0.9",
            ),
            (None, "does not say what it is"),
        ] {
            let mut request = ureq::post(format!("{http}/ballista.protobuf.SchedulerGrpc/{call}"))
                .header("content-type", "application/grpc");
            if let Some(about) = about {
                request = request.header("gugus-about", about);
            }
            let answer = request.send(&[0_u8; 5][..]).unwrap();
            // FAILED_PRECONDITION.
            assert_eq!(answer.headers()["grpc-status"], "9");
            let message = answer.headers()["grpc-message"]
                .to_str()
                .unwrap()
                .replace("%20", " ");
            let ours = concat!("gugus ", env!("CARGO_PKG_VERSION"));
            assert!(
                message.contains(says) && message.contains(ours),
                "{message}"
            );
        }
    }
}

#[test]
fn files_that_cannot_be_used_are_named_before_anything_begins() {
    let work = Work::new();
    let authority = Authority::new("ours").unwrap();
    let flags = files(&work, &authority, "member", "127.0.0.1");
    let empty = work.write("empty", "");
    for (arguments, says) in [
        (vec!["--token-file", "/nowhere/token"], "/nowhere/token"),
        (vec!["--token-file", &empty], "the token is empty"),
        (
            vec!["--tls-ca", &flags[1]],
            "--tls-cert and --tls-key is missing",
        ),
        (
            vec![
                "--tls-ca",
                &empty,
                "--tls-cert",
                &flags[3],
                "--tls-key",
                &flags[5],
            ],
            "holds no certificate",
        ),
    ] {
        for command in [
            &["scheduler", "--listen", "127.0.0.1:0"][..],
            &["executor", "--scheduler", "df://127.0.0.1:1"],
        ] {
            let refused = run([command, &arguments].concat()).expect(2);
            refused.says(&[says]);
        }
    }
}

#[test]
fn a_port_that_others_reach_says_what_it_lacks() {
    let scheduler = up(&["scheduler", "--listen", "0.0.0.0:0"], &[]);
    scheduler.await_stderr("takes work from anybody who reaches it");
    let quiet = up(&["scheduler", "--listen", "127.0.0.1:0"], &[]);
    let ended = quiet.stop(Signal::Term).expect(0);
    assert!(!ended.stderr.contains("WARN"), "{}", ended.stderr);
}
