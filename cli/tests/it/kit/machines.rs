//! Schedulers and executors as processes, and what to train on them.

use serde_json::Value;

use crate::kit::http;
use crate::kit::process::{Gugus, Output, Signal, Up, up};
use crate::kit::same::short;
use crate::kit::wait::until_so;
use crate::kit::work::{Work, comparable, model};

/// `batches` batches of `rows` rows of two columns, in no order; the report of the embedded cluster.
pub(crate) fn prepared(batches: u64, rows: u64, k: u64) -> (Work, String, Value) {
    let work = Work::new();
    let model = model(
        "each",
        &format!("k = {k}\nseed = 3\ntol = 0.0\nmax_iter = 60\n"),
    );
    let job = work.job(rows, &model);
    work.imported(&job, &work.scattered("in.csv", batches * rows));
    let embedded = work.train(&job, &[]).expect(0).json();
    (work, job, comparable(&embedded))
}

/// A scheduler with its runs and its root in the folder of a test.
pub(crate) struct Scheduler {
    pub(crate) up: Up,
    pub(crate) url: String,
    pub(crate) http: String,
}

impl Scheduler {
    pub(crate) fn start(work: &Work, listen: &str, more: &[&str]) -> Self {
        let (state, root) = (work.path("state"), work.path("."));
        let own = ["scheduler", "--listen", listen, "--data-root", &root];
        let up = up([&own[..], &["--state", &state], more].concat());
        Self {
            url: up.url("grpc").to_owned(),
            http: up.url("http").to_owned(),
            up,
        }
    }

    pub(crate) fn listen(&self) -> &str {
        self.url.strip_prefix("df://").unwrap()
    }

    /// `gugus submit` into the folder `models`, not begun yet.
    pub(crate) fn submitting(&self, work: &Work, job: &str, models: &str, more: &[&str]) -> Gugus {
        let (batches, models) = (work.path("batch"), work.path(models));
        let what = ["submit", "--job", job, "--output", "json"];
        let places = ["--batches", &batches, "--models", &models];
        Gugus::new([&what[..], &places, &["--scheduler", &self.url], more].concat())
    }

    /// Submits and gives the run's id.
    pub(crate) fn submit(&self, work: &Work, job: &str, models: &str, more: &[&str]) -> String {
        self.submitted(work, job, models, more)["id"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// What a run that is submitted and waited for, or only submitted, answers.
    #[track_caller]
    pub(crate) fn submitted(&self, work: &Work, job: &str, models: &str, more: &[&str]) -> Value {
        let run = self.submitting(work, job, models, more).run();
        run.expect(0).json()
    }

    /// What `gugus runs` answers as JSON.
    #[track_caller]
    pub(crate) fn told(&self, arguments: &[&str]) -> Value {
        let asked = [arguments, &["--output", "json"]].concat();
        self.runs(&asked).expect(0).json()
    }

    /// `gugus runs`.
    pub(crate) fn runs(&self, arguments: &[&str]) -> Output {
        let more = ["--scheduler", &self.url];
        Gugus::new([&["runs"], arguments, &more].concat()).run()
    }

    pub(crate) fn show(&self, id: &str) -> Value {
        self.told(&["show", id])
    }

    /// One of its pages.
    #[track_caller]
    pub(crate) fn page(&self, path: &str) -> String {
        let answer = http::ask(&format!("{}{path}", self.http), &[]);
        assert_eq!(answer.status(), 200, "{path}");
        http::text(answer)
    }

    /// The JSON of one of its pages.
    #[track_caller]
    pub(crate) fn data(&self, path: &str) -> Value {
        http::get(format!("{}/gugus/v1{path}", self.http))
    }

    pub(crate) fn await_state(&self, id: &str, state: &str) -> Value {
        let url = format!("{}/gugus/v1/runs/{id}", self.http);
        let what = format!("the run is {state}");
        until_so(&what, || http::get(&url), |run| run["state"] == state)
    }
}

/// A scheduler that keeps its runs to itself.
pub(crate) fn scheduler() -> Up {
    up("scheduler --listen 127.0.0.1:0")
}

/// An executor that can be asked how it is.
pub(crate) fn executor(url: &str, slots: &str) -> Up {
    executor_with(url, slots, "")
}

/// An executor with further arguments.
pub(crate) fn executor_with(url: &str, slots: &str, more: &str) -> Up {
    up(format!(
        "executor --scheduler {url} --task-slots {slots} --monitor 127.0.0.1:0 {more}"
    ))
}

/// `gugus up` whose broker is away: a cluster in one process.
pub(crate) fn embedded(work: &Work) -> Up {
    let job = work.job(100, &model("place", "k = 2"));
    let (batches, models) = (work.path("batch"), work.path("models"));
    let what = ["up", "--job", &job, "--brokers", "127.0.0.1:1"];
    let places = ["--batches", &batches, "--models", &models];
    let ports = [
        "--listen",
        "127.0.0.1:0",
        "--scheduler-listen",
        "127.0.0.1:0",
    ];
    Gugus::new([&what[..], &places, &ports].concat()).up()
}

/// `gugus train` with pages of its own, while it trains many models one after the other, and the address of its run's page.
pub(crate) fn shown_training(work: &Work) -> (Up, String) {
    let long = "scope = \"all\"\nk = 50\nseed = 3\ntol = 0.0\nmax_iter = 1000\n";
    let models = (0..100).map(|n| model(&format!("each{n}"), long));
    let job = work.job(1_000, &models.collect::<Vec<_>>().join("\n"));
    work.imported(&job, &work.scattered("in.csv", 20_000));
    let training = work.training(&job, "new", &["--ui", "127.0.0.1:0"]).spawn();
    training.await_stderr(" until the training ends");
    let said = training.stderr();
    let page = said.split("pages at ").nth(1).unwrap();
    let page = page.split(' ').next().unwrap().to_owned();
    (training, page)
}

/// `HOST:PORT` of the only executor of a scheduler.
#[track_caller]
pub(crate) fn only_executor(http: &str) -> String {
    let listed = http::get(format!("{http}/api/executors"));
    let executor = &listed[0];
    format!(
        "{}:{}",
        executor["host"].as_str().unwrap(),
        executor["port"]
    )
}

/// A scheduler with executors.
pub(crate) struct Cluster<const N: usize> {
    pub(crate) scheduler: Up,
    pub(crate) executors: [Up; N],
    pub(crate) url: String,
}

impl<const N: usize> Cluster<N> {
    pub(crate) fn new(slots: &str) -> Self {
        let scheduler = scheduler();
        let url = scheduler.url("grpc").to_owned();
        Self {
            executors: [(); N].map(|()| executor(&url, slots)),
            scheduler,
            url,
        }
    }

    /// `gugus train` on this cluster into the folder `models`, not begun yet.
    pub(crate) fn training(&self, work: &Work, job: &str, models: &str) -> Gugus {
        work.training(job, models, &["--scheduler", &self.url])
    }

    /// The report of a training on this cluster into the folder `models`.
    #[track_caller]
    pub(crate) fn trained(&self, work: &Work, job: &str, models: &str) -> Value {
        self.training(work, job, models).run().expect(0).json()
    }

    /// Stops all processes. Each must end with exit code 0.
    #[track_caller]
    pub(crate) fn stop(self) {
        for process in self.executors.into_iter().chain([self.scheduler]) {
            process.stop(Signal::Term).expect(0);
        }
    }
}

/// Waits until the scheduler has so many executors.
#[track_caller]
pub(crate) fn await_executors(scheduler: &Up, count: usize) {
    let url = format!("{}/api/executors", scheduler.url("http"));
    let so = |listed: &Value| listed.as_array().is_some_and(|all| all.len() == count);
    until_so(
        &format!("{count} executors are there"),
        || http::get(&url),
        so,
    );
}

/// A figure of an executor's `/metrics`.
pub(crate) fn figure(executor: &Up, name: &str) -> u64 {
    let url = format!("{}/metrics", executor.url("http"));
    let text = http::text(http::ask(&url, &[]));
    let mut figures = text.lines().filter_map(|line| line.split_once(' '));
    let Some((_, value)) = figures.find(|(named, _)| *named == name) else {
        panic!("no {name} in\n{}", short(&text));
    };
    value.parse().unwrap()
}

/// How many tasks an executor has done.
pub(crate) fn done(executor: &Up) -> u64 {
    figure(executor, "gugus_executor_tasks_total{result=\"done\"}")
}
