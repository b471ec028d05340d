//! Pipes and devices where a file is expected. Opening a pipe waits for a writer, and `/dev/zero` has no end, so every command
//! refuses both at once and by name.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::kit::batch_files::file_name;
use crate::kit::http::{ask, post, send, text};
use crate::kit::machines::Scheduler;
use crate::kit::process::{Gugus, Output, Signal};
use crate::kit::work::{Work, model, training};

/// What a command may take. Whatever waits for a writer takes until the test gives up.
const AT_ONCE: Duration = Duration::from_secs(30);

/// Puts something in place of a file.
type Put = fn(&Path);

/// What lies in place of a file, and how messages call it.
const KINDS: [(Put, &str); 2] = [
    (pipe, "a pipe and not a file"),
    (device, "a device and not a file"),
];

fn pipe(path: &Path) {
    let made = Command::new("mkfifo").arg(path).status();
    assert!(made.unwrap().success());
}

fn device(path: &Path) {
    std::os::unix::fs::symlink("/dev/zero", path).unwrap();
}

/// Puts something else in the place of a file.
fn replace(path: &Path, with: Put) {
    fs::remove_file(path).unwrap();
    with(path);
}

/// Runs a command, which is soon over.
#[track_caller]
fn soon(command: Gugus) -> Output {
    let began = Instant::now();
    let output = command.run();
    let took = began.elapsed();
    assert!(took < AT_ONCE, "{took:?}: {}", output.stderr);
    output
}

/// Two batches of three records, and a model of each.
fn trained() -> (Work, String) {
    let work = Work::new();
    let job = work.job(3, &model("m", "k = 2\n"));
    work.imported(&job, &work.numbers("in.csv", 0..6));
    work.train(&job, &[]).expect(0);
    (work, job)
}

#[test]
fn files_that_commands_are_given() {
    let work = Work::new();
    let (models, batches) = (work.path("models"), work.path("batch"));
    fs::create_dir(&models).unwrap();
    let job = work.job(3, &model("m", "k = 2\n"));
    for (number, (make, what)) in KINDS.into_iter().enumerate() {
        let name = format!("special{number}");
        let special = work.path(&name);
        make(Path::new(&special));
        let serve = ["serve", "--models", &models, "--listen", "127.0.0.1:0"];
        let executor = ["executor", "--scheduler", "df://127.0.0.1:1"];
        let ingest = ["ingest", "--job", &job, "--brokers", "127.0.0.1:1"];
        let with = |words: &[&str], more: &[&str]| Gugus::new([words, more].concat());
        for command in [
            with(&["job", "check", &special], &[]),
            with(&training(&special, &batches, &models), &[]),
            with(&serve, &["--config", &special]),
            with(&serve, &["--token-file", &special]),
            with(&serve, &["--tls-cert", &special, "--tls-key", &special]),
            with(&["scheduler"], &["--token-file", &special]),
            with(&executor, &["--token-file", &special]),
            with(
                &ingest,
                &["--batches", &batches, "--client-config", &special],
            ),
        ] {
            soon(command).expect(2).says(&[&name, what]);
        }
    }
}

#[test]
fn a_batch() {
    let (work, job) = trained();
    let name = file_name(2);
    let batch = PathBuf::from(work.path("batch")).join(&name);
    let on = |words: &[&str]| {
        let batches = work.path("batch");
        Gugus::new([words, &["--batches", &batches]].concat())
    };
    for (make, what) in KINDS {
        replace(&batch, make);
        let words = [&*name, what];
        for verify in [
            &["batches", "verify"][..],
            &["batches", "verify", "--quick"],
        ] {
            let verified = soon(on(verify)).expect(1);
            verified.prints(&words);
        }
        soon(on(&["batches", "show", "2"])).expect(2).says(&words);
        soon(on(&["batches", "list"])).expect(2).says(&words);
        soon(work.training(&job, "others", &[]))
            .expect(1)
            .says(&words);
    }
}

#[test]
fn a_file_of_a_model_and_the_service_goes_on_with_others() {
    let (work, _) = trained();
    let models = PathBuf::from(work.path("models")).join("m");
    let broken = models.join("batch_00000001");
    let folder = work.path("models");
    let shown = || {
        soon(Gugus::new([
            "models", "show", "m", "--batch", "1", "--models", &folder,
        ]))
    };
    for (make, what) in KINDS {
        replace(&broken.join("model.json"), make);
        shown().expect(2).says(&["model.json", what]);
        let listed = ["models", "list", "--models", &folder];
        soon(Gugus::new(listed)).expect(0).prints(&["m"]);

        let serve = work.serve();
        let predict = |batch: u64| {
            let rest = serve.url("rest");
            format!("{rest}/models/m/batches/{batch}/predict")
        };
        let began = Instant::now();
        // A pipe holds whoever opens it. As many requests as a service has threads would hold the service.
        for _ in 0..8 {
            let refused = send(&predict(1), &[], r#"{"x": 1, "y": 1}"#);
            assert_eq!(refused.status(), 503, "{}", text(refused));
        }
        let answer = post(predict(2), json!({"x": 3, "y": 3}));
        assert!(answer["cluster"].is_number(), "{answer}");
        assert!(began.elapsed() < AT_ONCE, "{:?}", began.elapsed());
        serve.await_stderr(what);
        serve.stop(Signal::Term).expect(0);
    }

    let data = fs::read_dir(models.join("batch_00000002/data")).unwrap();
    let mut data = data.map(|entry| entry.unwrap().path());
    let centers = data.find(|path| path.extension().is_some_and(|ending| ending == "parquet"));
    let centers = centers.unwrap();
    for (make, what) in KINDS {
        replace(&centers, make);
        let show = ["models", "show", "m", "--batch", "2", "--models", &folder];
        soon(Gugus::new(show)).expect(2).says(&["part-00000", what]);
    }
}

#[test]
fn the_aliases_of_a_model() {
    let (work, job) = trained();
    let folder = work.path("models");
    let aliases = PathBuf::from(&folder).join("m/aliases.json");
    fs::write(&aliases, "{}").unwrap();
    for (make, what) in KINDS {
        replace(&aliases, make);
        let words = ["aliases.json", what];
        let list = ["models", "list", "--models", &folder];
        soon(Gugus::new(list)).expect(2).says(&words);
        soon(work.training(&job, "models", &[]))
            .expect(1)
            .says(&words);
    }
}

#[test]
fn the_files_of_a_scheduler() {
    let (work, job) = trained();
    let scheduler = Scheduler::start(&work, "127.0.0.1:0", &[]);
    let run = || {
        let run = scheduler.submitted(&work, &job, "models", &["--wait"]);
        run["id"].as_str().unwrap().to_owned()
    };
    let (whole, broken) = (run(), run());
    let listen = scheduler.listen().to_owned();
    scheduler.up.stop(Signal::Term).expect(0);
    let file = |name: &str| PathBuf::from(work.path(&format!("state/{name}")));
    for name in ["report.json", "log.txt", "course.jsonl"] {
        replace(&file(&format!("{whole}/{name}")), pipe);
    }
    replace(&file(&format!("{broken}/run.json")), pipe);

    // It starts without the run whose record is gone, and says why. The other run is shown without what is gone.
    let scheduler = Scheduler::start(&work, &listen, &[]);
    scheduler.up.await_stderr("a pipe and not a file");
    let asked = |words: &[&str]| {
        let of = ["--scheduler", &scheduler.url];
        soon(Gugus::new([&["runs"], words, &of].concat()))
    };
    asked(&["show", &broken]).expect(2);
    asked(&["show", &whole]).expect(0).prints(&["is finished"]);
    asked(&["logs", &whole]).expect(1);
    let began = Instant::now();
    ask(&format!("{}/runs/{whole}", scheduler.http), &[]);
    assert!(began.elapsed() < AT_ONCE, "{:?}", began.elapsed());
    scheduler.up.stop(Signal::Term).expect(0);

    replace(&file("lock"), pipe);
    let state = work.path("state");
    let refused = soon(Gugus::new([
        "scheduler",
        "--listen",
        &listen,
        "--state",
        &state,
    ]));
    assert_ne!(refused.code(), 0);
    refused.says(&["state", "a pipe and not a file"]);
}
