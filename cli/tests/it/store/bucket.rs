//! Batches and models in a bucket: imported, proved, trained and served, by processes that share nothing but the bucket.

use crate::kit::http;
use crate::kit::same::{contains, holds};

use gugus_files::conformance::s3_server::{BUCKET, S3Server};
use serde_json::{Value, json};

use crate::kit::process::{Gugus, Output, Signal, Up, Words};
use crate::kit::work::{Work, importing, model, shipped, training};

struct Bucket {
    server: S3Server,
}

impl Bucket {
    fn new() -> Option<Self> {
        let server = S3Server::start("training from a bucket to a bucket")?;
        Some(Self { server })
    }

    fn gugus(&self, arguments: impl Words) -> Gugus {
        let variables = self.server.variables().into_iter();
        let gugus = Gugus::new(arguments);
        variables.fold(gugus, |gugus, (name, value)| gugus.env(name, value))
    }

    #[track_caller]
    fn run(&self, arguments: impl Words) -> Output {
        self.quiet(self.gugus(arguments).run())
    }

    /// What a command answers as JSON.
    #[track_caller]
    fn told(&self, arguments: impl Words) -> Value {
        let gugus = self.gugus(arguments).with(["--output", "json"]);
        self.quiet(gugus.run()).expect(0).json()
    }

    #[track_caller]
    fn up(&self, arguments: impl Words) -> Up {
        self.gugus(arguments).up()
    }

    /// Nothing that a command prints holds a credential.
    #[track_caller]
    fn quiet(&self, output: Output) -> Output {
        for (name, value) in self.server.variables() {
            if name.contains("KEY") {
                let said = output.stdout.contains(value) || output.stderr.contains(value);
                assert!(!said, "{name}: {output:?}");
            }
        }
        output
    }
}

#[test]
fn models_trained_in_a_bucket_are_those_of_a_folder() {
    let Some(bucket) = Bucket::new() else {
        return;
    };
    let work = Work::new();
    let (csv, job) = (work.generate(300, 1), shipped("crime.toml"));
    work.imported(&job, &csv);
    work.train(&job, &["--model", "location"]).expect(0);

    let [batches, models, elsewhere] =
        ["batches", "models", "submitted"].map(|folder| format!("s3://{BUCKET}/la/{folder}"));
    let import = importing(&job, &csv, &batches);
    bucket.run(&import[..]).expect(0);
    let again = bucket.run(import).expect(2);
    again.says(&["--again"]);
    let verified = bucket.told(format!("batches verify --batches {batches}"));
    let expected = json!({"batches": 3, "records": 300, "problems": []});
    holds(&verified, expected);
    let listed = bucket.told(format!("batches list --batches {batches}"));
    assert_eq!(listed["batches"].as_array().map(Vec::len), Some(3));

    let places = format!("--job {job} --batches {batches}");
    for (more, outcome) in [("", "trained"), ("", "skipped"), ("--retrain", "trained")] {
        let train = format!("train {places} --models {models} --model location {more}");
        assert_eq!(bucket.told(train)[outcome], 3);
    }

    let centers = |models: &str, batch: u64| {
        let show = format!("models show location --batch {batch} --models {models}");
        bucket.told(show)["centers"].clone()
    };
    let here = |batch: u64| json!(work.centers("models", "location", batch));
    for batch in [1, 2, 3] {
        assert_eq!(centers(&models, batch), here(batch), "batch {batch}");
    }
    // A scheduler that drives the run itself reaches the bucket as every process does, and says no key to anybody.
    let scheduler = bucket.up("scheduler --listen 127.0.0.1:0");
    let asked = format!("--scheduler {}", scheduler.url("grpc"));
    let executor = bucket.up(format!("executor {asked}"));
    let submit = format!("submit {places} --models {elsewhere} --model location --wait {asked}");
    let submitted = bucket.told(submit);
    assert_eq!(submitted["trained"], 3, "{submitted}");
    let id = submitted["id"].as_str().unwrap();
    bucket.run(format!("runs logs {id} {asked}")).expect(0);
    assert_eq!(centers(&elsewhere, 3), here(3));
    for up in [executor, scheduler] {
        bucket.quiet(up.stop(Signal::Term).expect(0));
    }

    let listed = bucket.told(format!("models list --models {models}"));
    contains(&listed.to_string(), &["location"]);

    let point = json!([{"LAT": 34.05, "LON": -118.25}, {"LAT": 33.8, "LON": -118.3}]);
    let ask = |serve: &Up| -> Value {
        let url = format!("{}/models/location/batches/2/predict", serve.url("rest"));
        http::post(url, point.clone())
    };
    let serves = [models, work.path("models")]
        .map(|models| bucket.up(format!("serve --models {models} --listen 127.0.0.1:0")));
    assert_eq!(ask(&serves[0]), ask(&serves[1]));
    for serve in serves {
        bucket.quiet(serve.stop(Signal::Term).expect(0));
    }
}

/// A model of each kind and each extent: its name, its keys, and how the one that is compared is asked for.
const KINDS: [(&str, &str, &[&str]); 5] = [
    ("all", "k = 3\nseed = 3\nscope = \"all\"\n", &[]),
    (
        "sides",
        "k = 3\nseed = 3\nscope = \"window\"\n\
         window = { sql = \"case when x < 8.0 then 'left side' else 'right' end\" }\n",
        &["--window", "left side"],
    ),
    (
        "carried",
        "algorithm = \"minibatch\"\nk = 3\nseed = 3\n",
        &["--batch", "3"],
    ),
    (
        "spots",
        "algorithm = \"dbscan\"\neps = 1.0\nmin_points = 5\n",
        &["--batch", "2"],
    ),
    (
        "mixed",
        "algorithm = \"gmm\"\nk = 2\nseed = 3\n",
        &["--batch", "2"],
    ),
];

#[test]
fn every_kind_of_model_is_trained_judged_and_drawn_in_a_bucket() {
    let Some(bucket) = Bucket::new() else {
        return;
    };
    let work = Work::new();
    let models = KINDS.iter().map(|(name, keys, _)| model(name, keys));
    let job = work.job(200, &models.collect::<String>());
    let csv = work.scattered("in.csv", 600);
    let there = ["batch", "models"].map(|folder| format!("s3://{BUCKET}/kinds/{folder}"));
    let here = ["batch", "models"].map(|folder| work.path(folder));
    for [batches, models] in [&there, &here] {
        bucket.run(importing(&job, &csv, batches)).expect(0);
        // One over all batches, two windows, three batches of three kinds.
        for outcome in ["trained", "skipped"] {
            let report = bucket.run(training(&job, batches, models)).expect(0);
            holds(&report.json(), json!({outcome: 12}));
        }
    }
    for (name, _, which) in KINDS {
        let which = [&[name], which].concat();
        let [theirs, ours] = [&there, &here].map(|[_, models]| {
            let show = [&["models", "show"], &which[..], &["--models", models]];
            bucket.told(show.concat())
        });
        let same = "rows iterations training_cost sizes noise counts centers";
        for key in same.split(' ') {
            assert_eq!(theirs[key], ours[key], "{key} of {name}");
        }
        if !["all", "sides"].contains(&name) {
            continue;
        }
        let [theirs, ours] = [&there, &here].map(|[batches, models]| {
            let places = ["--batches", batches, "--models", models];
            let call = |command| [&["models", command], &which[..], &places].concat();
            let judged = bucket.told(call("evaluate"));
            let file = work.path(&format!("{name}-{}.svg", batches.starts_with("s3")));
            let plot = bucket.gugus(call("plot")).with(["--output-file", &file]);
            bucket.quiet(plot.run()).expect(0);
            (judged["silhouette"].clone(), std::fs::read(file).unwrap())
        });
        assert!(theirs.0.is_f64(), "{name}: {}", theirs.0);
        assert!(
            theirs == ours,
            "{name}: silhouettes {} and {}, or the maps differ",
            theirs.0,
            ours.0
        );
    }
}

#[test]
fn a_bucket_that_is_not_there_ends_a_command_before_it_begins() {
    let Some(bucket) = Bucket::new() else {
        return;
    };
    let refused = bucket.run("batches list --batches s3://nobody-made-this/x");
    refused.expect(2).says(&["no bucket nobody-made-this"]);
    // An empty variable counts as not set, so no key of the developer's own is used.
    let profile = Gugus::new("batches list --batches s3://gugus/x")
        .env("AWS_ACCESS_KEY_ID", "")
        .env("AWS_SECRET_ACCESS_KEY", "")
        .env("AWS_PROFILE", "work");
    let refused = profile.run().expect(2);
    refused.says(&["AWS_PROFILE"]);
}
