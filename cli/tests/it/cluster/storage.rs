//! Executors that do not reach the folder of batches.

use std::fs;
use std::process::Command;

use crate::kit::http;
use crate::kit::machines::{executor, scheduler};
use crate::kit::process::{Gugus, Up, skipped};
use crate::kit::same::same;
use crate::kit::wait::until;
use crate::kit::work::{Work, comparable};

const MODEL: &str = "[[models]]\nname = \"each\"\nfeatures = [\"x\", \"y\"]\nk = 2\nseed = 3\n";

/// Waits until the driver has read the batches and handed in its first job.
fn await_job(scheduler: &Up) {
    let jobs = format!("{}/api/jobs", scheduler.url("http"));
    until("a job waits for executors", || {
        let listed = http::get(&jobs);
        match listed.as_array().is_some_and(|jobs| !jobs.is_empty()) {
            true => Ok(()),
            false => Err(listed.to_string()),
        }
    });
}

/// As when a folder is not mounted on the machine of an executor.
#[test]
fn a_folder_that_executors_do_not_reach_is_named_and_fails_no_batch() {
    let work = Work::new();
    let job = work.job(10, MODEL);
    let csv = work.scattered("in.csv", 100);
    work.import(&job, &csv, &[]).expect(0);
    let embedded = comparable(&work.train(&job, &[]).expect(0).json());
    let (batches, away) = (work.path("batch"), work.path("away"));

    for (models, is_back) in [("gone", false), ("back", true)] {
        let scheduler = scheduler();
        let url = scheduler.url("grpc").to_owned();
        let training = work.training(&job, models, &["--scheduler", &url]).spawn();
        await_job(&scheduler);
        fs::rename(&batches, &away).unwrap();
        let executor = executor(&url, "2");
        executor.await_stderr("files cannot be used");
        if is_back {
            fs::rename(&away, &batches).unwrap();
            let report = training.wait().expect(0).json();
            same(&comparable(&report), &embedded);
            continue;
        }
        let ended = training.wait().expect(1);
        ended.says(&[
            "executor 127.0.0.1:",
            "cannot use files",
            &batches,
            "No such file",
        ]);
        assert!(!ended.stderr.contains("Os {"), "{}", ended.stderr);
        assert_eq!(ended.stdout, "");
        fs::rename(&away, &batches).unwrap();
    }
}

/// An empty folder is mounted over that of the batches, which only the processes of one executor see.
#[test]
fn a_task_that_cannot_read_its_files_runs_on_another_executor() {
    let mount = "mount -t tmpfs none \"$0\" && exec \"$@\"";
    let can_mount = Command::new("unshare").args(["-m", "true"]).status();
    if !can_mount.is_ok_and(|status| status.success()) {
        return skipped("a folder that is not mounted", "this user cannot mount");
    }
    let work = Work::new();
    let job = work.job(10, MODEL);
    let csv = work.scattered("in.csv", 400);
    work.import(&job, &csv, &[]).expect(0);
    let embedded = comparable(&work.train(&job, &[]).expect(0).json());
    let scheduler = scheduler();
    let url = scheduler.url("grpc").to_owned();
    let batches = work.path("batch");
    let arguments = format!("executor --scheduler {url} --task-slots 2");
    let blind = Gugus::new(arguments.as_str());
    let blind = blind
        .under(["unshare", "-m", "sh", "-c", mount, &batches])
        .up();
    let training = work.training(&job, "elsewhere", &["--scheduler", &url]);
    let training = training.spawn();
    // The first tasks fail before there is another executor.
    blind.await_stderr("files cannot be used");
    let _seeing = executor(&url, "1");
    let report = training.wait().expect(0).json();
    same(&comparable(&report), &embedded);
}
