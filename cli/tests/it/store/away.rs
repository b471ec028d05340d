//! A bucket that is away while models are trained: the processes reach it through a proxy that stops passing bytes.

use std::time::Duration;

use gugus_files::conformance::s3_server::{BUCKET, S3Server};
use serde_json::Value;

use crate::kit::machines::{figure, scheduler};
use crate::kit::process::{Gugus, Up};
use crate::kit::proxy::Proxy;
use crate::kit::same::same;
use crate::kit::wait::until_so;
use crate::kit::work::{Work, comparable, importing, model, training};

/// How long the bucket is away, once it comes back.
const AWAY: Duration = Duration::from_secs(20);

/// Batches in a bucket, a cluster that reads them through a proxy, and the models of the same batches in a folder.
struct Bucket {
    server: S3Server,
    proxy: Proxy,
    /// Holds the job file and the models to compare with until the test ends.
    _work: Work,
    job: String,
    embedded: Value,
    scheduler: Up,
    executors: Vec<Up>,
}

impl Bucket {
    /// With two executors, which have further variables.
    fn new(more: &[(&str, &str)]) -> Option<Self> {
        let server = S3Server::start("a bucket that is away")?;
        let work = Work::new();
        let job = work.job(40, &model("each", "k = 3\nseed = 3\n"));
        let csv = work.scattered("in.csv", 12_000);
        work.imported(&job, &csv);
        let embedded = comparable(&work.train(&job, &[]).expect(0).json());
        let proxy = Proxy::start();
        let mut bucket = Self {
            server,
            proxy,
            _work: work,
            job,
            embedded,
            scheduler: scheduler(),
            executors: Vec::new(),
        };
        let port = bucket.variable("AWS_ENDPOINT_URL");
        let port = port.rsplit_once(':').unwrap().1.parse().unwrap();
        let import = Gugus::new(importing(&bucket.job, &csv, &bucket.batches()));
        bucket.reaching(import, port, &[]).run().expect(0);
        bucket.proxy.lead(port);
        for _ in 0..2 {
            let url = bucket.scheduler.url("grpc");
            let executor = format!("executor --scheduler {url} --task-slots 1");
            let executor = Gugus::new(executor).with(["--monitor", "127.0.0.1:0"]);
            let executor = bucket.reaching(executor, bucket.proxy.port, more).up();
            bucket.executors.push(executor);
        }
        Some(bucket)
    }

    fn variable(&self, name: &str) -> &str {
        let variables = self.server.variables().into_iter();
        variables
            .filter(|v| v.0 == name)
            .map(|v| v.1)
            .next_back()
            .unwrap()
    }

    fn batches(&self) -> String {
        format!("s3://{BUCKET}/away/batch")
    }

    /// A command that reaches the bucket by a port.
    fn reaching(&self, gugus: Gugus, port: u16, more: &[(&str, &str)]) -> Gugus {
        let endpoint = format!("http://127.0.0.1:{port}");
        let variables = self.server.variables().into_iter();
        let variables = variables.chain(more.iter().copied());
        let gugus = variables.fold(gugus, |gugus, (name, value)| gugus.env(name, value));
        gugus.env("AWS_ENDPOINT_URL", endpoint)
    }

    /// A training, when the executors have begun to read.
    fn training(&self, more: &[(&str, &str)]) -> Up {
        let models = format!("s3://{BUCKET}/away/models");
        let train = Gugus::new(training(&self.job, &self.batches(), &models));
        let train = train.with(["--scheduler", self.scheduler.url("grpc")]);
        let train = self.reaching(train, self.proxy.port, more).spawn();
        let running = || {
            let running = self.executors.iter();
            running
                .map(|executor| figure(executor, "gugus_executor_tasks_running"))
                .sum::<u64>()
        };
        until_so("executors read", running, |running| *running > 0);
        train
    }
}

#[test]
fn a_bucket_that_is_away_for_twenty_seconds_fails_no_model() {
    let Some(bucket) = Bucket::new(&[]) else {
        return;
    };
    let training = bucket.training(&[]);
    bucket.proxy.cut();
    std::thread::sleep(AWAY);
    bucket.proxy.mend();
    let report = training.wait().expect(0).json();
    same(&comparable(&report), &bucket.embedded);
    assert_eq!(report["trained"], 300);
    let batches = bucket.batches();
    let verify = [
        "batches",
        "verify",
        "--batches",
        &batches,
        "--output",
        "json",
    ];
    let verify = bucket
        .reaching(Gugus::new(verify), bucket.proxy.port, &[])
        .run();
    assert_eq!(verify.expect(0).json()["batches"], 300);
}

#[test]
fn a_bucket_that_stays_away_is_named_and_fails_no_model() {
    let impatient = [("AWS_TIMEOUT", "1s"), ("AWS_CONNECT_TIMEOUT", "1s")];
    let Some(bucket) = Bucket::new(&impatient) else {
        return;
    };
    let training = bucket.training(&impatient);
    bucket.proxy.cut();
    let ended = training.wait().expect(1);
    let file = "away/batch/batch_0000";
    ended.says(&[
        "executor 127.0.0.1:",
        "cannot use files",
        file,
        "no answer in time",
    ]);
    assert_eq!(ended.stdout, "");
}
