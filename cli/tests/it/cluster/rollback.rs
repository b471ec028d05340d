//! Jobs of two stages: when the second one loses an executor, both go back a step.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::kit::http;
use crate::kit::machines::Cluster;
use crate::kit::network::{Link, Namespace};
use crate::kit::process::{Gugus, Signal, Up, up};
use crate::kit::same::{same, short};
use crate::kit::wait::until;
use crate::kit::work::{Work, comparable, models};

/// What a lost executor may cost beside its share of the work.
const RECOVERY: Duration = Duration::from_secs(15);

/// Eight windows, whose fits take seconds.
const WINDOWS: &str = "[[models]]\nname = \"each\"\nfeatures = [\"x\", \"y\"]\nk = 40\nseed = 3\ntol = 0.0\nmax_iter = 60\nscope = \"window\"\n\
                       window = { sql = \"CAST(floor(x) AS BIGINT) % 8\" }\n";

/// Waits until the windows are fitted: the second stage of their job runs.
fn await_fit(scheduler: &Up) {
    let api = format!("{}/api", scheduler.url("http"));
    until("windows are fitted", || {
        let jobs = http::get(format!("{api}/jobs"));
        let mut running = jobs.as_array().unwrap().iter();
        let fit = running.find(|job| {
            let name = job["job_name"].as_str().unwrap_or_default();
            name.ends_with(" 8 windows") && job["job_status"] == "Running"
        });
        let Some(id) = fit.and_then(|job| job["job_id"].as_str()) else {
            return Err(short(&jobs.to_string()));
        };
        // The scheduler lists a job a moment before it knows the stages.
        let answer = http::ask(&format!("{api}/job/{id}/stages"), &[]);
        if answer.status() == 404 {
            return Err(format!("job {id} has no stages"));
        }
        let stages: Value = serde_json::from_str(&http::text(answer)).unwrap();
        let all = stages["stages"].as_array().unwrap();
        let runs = |of: &Value| of["stage_id"] == "2" && of["stage_status"] == "Running";
        match all.iter().any(runs) {
            true => Ok(()),
            false => Err(short(&stages.to_string())),
        }
    });
}

/// Killed, it closes its connections. Frozen, it keeps them and passes no byte.
#[test]
fn windows_are_fitted_seconds_after_an_executor_is_lost_in_the_second_stage() {
    let windows = Windows::new();
    for (models_folder, signal) in [("killed", Signal::Kill), ("frozen", Signal::Stop)] {
        let mut cluster = Cluster::<2>::new("1");
        windows.outlast(models_folder, &cluster.scheduler, || {
            cluster.executors[0].signal(signal);
        });
    }
}

/// The machine of an executor loses its link. No connection is closed, no packet comes back.
#[test]
fn windows_are_fitted_seconds_after_the_link_of_an_executor_goes_down() {
    let Some(machine) = Namespace::new("an executor whose link goes down") else {
        return;
    };
    let link = machine.link();
    let windows = Windows::new();
    let scheduler = up(format!("scheduler {}", Link::listen(&link.here)));
    let executor = |address: &str| {
        let url = scheduler.url("grpc");
        let listen = Link::listen(address);
        Gugus::new(format!(
            "executor --scheduler {url} --task-slots 1 {listen}"
        ))
    };
    let _stays = executor(&link.here).up();
    let _goes = executor(&link.there).under(machine.words()).up();
    windows.outlast("linkless", &scheduler, || link.cut());
}

/// A job of windows, and its result on the embedded cluster.
struct Windows {
    work: Work,
    job: String,
    embedded: Value,
    usual: Duration,
}

impl Windows {
    fn new() -> Self {
        let work = Work::new();
        let job = work.job(500, WINDOWS);
        work.imported(&job, &work.scattered("in.csv", 200_000));
        let began = Instant::now();
        let embedded = comparable(&work.train(&job, &[]).expect(0).json());
        Self {
            job,
            embedded,
            usual: began.elapsed(),
            work,
        }
    }

    /// Trains on a cluster of two, which loses an executor while the windows are fitted.
    fn outlast(&self, folder: &str, scheduler: &Up, lose: impl FnOnce()) {
        let url = ["--scheduler", scheduler.url("grpc")];
        let training = self.work.training(&self.job, folder, &url).spawn();
        await_fit(scheduler);
        let lost = Instant::now();
        lose();
        let report = training.wait().expect(0).json();
        let took = lost.elapsed();
        same(&comparable(&report), &self.embedded);
        let (found, wanted) = (self.work.path(folder), self.work.path("models"));
        same(&models(&found), &models(&wanted));
        // Half the cluster does all of the work, perhaps beside a compiler.
        let usual = self.usual;
        assert!(
            took < 3 * usual + RECOVERY,
            "{folder}: {took:?} after the loss, {usual:?} without one"
        );
    }
}
