//! Batches and models in a bucket: imported, proved, trained and served, by processes that share nothing but the bucket.

use crate::kit::same::holds;

use gugus_files::conformance::s3_server::{BUCKET, S3Server};
use serde_json::{Value, json};

use crate::kit::process::{Gugus, Output, Signal, Up};
use crate::kit::work::{Work, importing, shipped, training};

struct Bucket {
    server: S3Server,
}

impl Bucket {
    fn new() -> Option<Self> {
        let server = S3Server::start("training from a bucket to a bucket")?;
        Some(Self { server })
    }

    fn gugus(&self, arguments: &[&str]) -> Gugus {
        let gugus = Gugus::new(arguments);
        self.server
            .variables()
            .into_iter()
            .fold(gugus, |gugus, (name, value)| gugus.env(name, value))
    }

    #[track_caller]
    fn run(&self, arguments: &[&str]) -> Output {
        self.quiet(self.gugus(arguments).run())
    }

    #[track_caller]
    fn up(&self, arguments: &[&str]) -> Up {
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
    let (csv, job) = (work.path("generated.csv"), shipped("crime.toml"));
    bucket
        .run(&[
            "generate",
            "--records",
            "300",
            "--seed",
            "1",
            "--output",
            &csv,
        ])
        .expect(0);
    work.import(&job, &csv, &[]).expect(0);
    work.train(&job, &["--model", "location"]).expect(0);

    let [batches, models] =
        ["batches", "models"].map(|folder| format!("s3://{BUCKET}/la/{folder}"));
    let (batches, models) = (batches.as_str(), models.as_str());
    let import = importing(&job, &csv, batches);
    bucket.run(&import).expect(0);
    let again = bucket.run(&import).expect(2);
    again.says(&["--again"]);
    let json = ["--output", "json"];
    let verified = bucket
        .run(&[&["batches", "verify", "--batches", batches], &json[..]].concat())
        .expect(0)
        .json();
    holds(
        &verified,
        json!({"batches": 3, "records": 300, "problems": []}),
    );
    let listed = bucket
        .run(&[&["batches", "list", "--batches", batches], &json[..]].concat())
        .expect(0)
        .json();
    assert_eq!(listed["batches"].as_array().map(Vec::len), Some(3));

    let train = |more: &[&str]| {
        let all = training(&job, batches, models);
        bucket
            .run(&[&all[..], &["--model", "location"], more].concat())
            .expect(0)
            .json()
    };
    assert_eq!(train(&[])["trained"], 3);
    assert_eq!(train(&[])["skipped"], 3);
    assert_eq!(train(&["--retrain"])["trained"], 3);

    for batch in ["1", "2", "3"] {
        let show = [
            "models", "show", "location", "--batch", batch, "--models", models,
        ];
        let shown = bucket.run(&[&show, &json[..]].concat()).expect(0).json();
        let here = work.centers("models", "location", batch.parse().unwrap());
        assert_eq!(shown["centers"], json!(here), "batch {batch}");
    }
    // A scheduler that drives the run itself reaches the bucket as everybody does, and says no key to anybody.
    let scheduler = bucket.up(&["scheduler", "--listen", "127.0.0.1:0"]);
    let url = scheduler.url("grpc").to_owned();
    let executor = bucket.up(&["executor", "--scheduler", &url]);
    let elsewhere = format!("s3://{BUCKET}/la/submitted");
    let submit = ["submit", "--job", &job, "--batches", batches];
    let more = ["--models", &elsewhere, "--model", "location", "--wait"];
    let asked = ["--scheduler", &url];
    let submitted = bucket.run(&[&submit[..], &more, &asked, &json].concat());
    let submitted = submitted.expect(0).json();
    assert_eq!(submitted["trained"], 3, "{submitted}");
    let id = submitted["id"].as_str().unwrap();
    bucket
        .run(&[&["runs", "logs", id], &asked[..]].concat())
        .expect(0);
    let show = ["models", "show", "location", "--models", &elsewhere];
    let shown = bucket.run(&[&show[..], &json].concat()).expect(0).json();
    assert_eq!(
        shown["centers"],
        json!(work.centers("models", "location", 3))
    );
    for up in [executor, scheduler] {
        bucket.quiet(up.stop(Signal::Term).expect(0));
    }

    let listed = bucket.run(&[&["models", "list", "--models", models], &json[..]].concat());
    assert!(listed.expect(0).stdout.contains("location"));

    let point = json!([{"LAT": 34.05, "LON": -118.25}, {"LAT": 33.8, "LON": -118.3}]);
    let ask = |serve: &Up| -> Value {
        let url = format!("{}/models/location/batches/2/predict", serve.url("rest"));
        let mut answer = ureq::post(url).send_json(&point).unwrap();
        answer.body_mut().read_json().unwrap()
    };
    let listen = ["--listen", "127.0.0.1:0"];
    let there = bucket.up(&[&["serve", "--models", models], &listen[..]].concat());
    let folder = work.path("models");
    let here = bucket.up(&[&["serve", "--models", &folder], &listen[..]].concat());
    assert_eq!(ask(&there), ask(&here));
    for serve in [there, here] {
        bucket.quiet(serve.stop(Signal::Term).expect(0));
    }
}

/// A model of each kind and each extent, with how the one that is compared is asked for.
const KINDS: [(&str, &[&str]); 5] = [
    (
        "name = \"whole\"\nk = 3\nseed = 3\nscope = \"all\"\n",
        &["whole"],
    ),
    (
        "name = \"sides\"\nk = 3\nseed = 3\nscope = \"window\"\n\
         window = { sql = \"case when x < 8.0 then 'left side' else 'right' end\" }\n",
        &["sides", "--window", "left side"],
    ),
    (
        "name = \"carried\"\nalgorithm = \"minibatch\"\nk = 3\nseed = 3\n",
        &["carried", "--batch", "3"],
    ),
    (
        "name = \"spots\"\nalgorithm = \"dbscan\"\neps = 1.0\nmin_points = 5\n",
        &["spots", "--batch", "2"],
    ),
    (
        "name = \"mixed\"\nalgorithm = \"gmm\"\nk = 2\nseed = 3\n",
        &["mixed", "--batch", "2"],
    ),
];

#[test]
fn every_kind_of_model_is_trained_judged_and_drawn_in_a_bucket() {
    let Some(bucket) = Bucket::new() else {
        return;
    };
    let work = Work::new();
    let models: Vec<String> = KINDS
        .iter()
        .map(|(text, _)| format!("[[models]]\nfeatures = [\"x\", \"y\"]\n{text}"))
        .collect();
    let job = work.job(200, &models.concat());
    let csv = work.scattered("in.csv", 600);
    let there = ["batch", "models"].map(|folder| format!("s3://{BUCKET}/kinds/{folder}"));
    let here = ["batch", "models"].map(|folder| work.path(folder));
    let json = ["--output", "json"];
    for [batches, models] in [&there, &here] {
        bucket.run(&importing(&job, &csv, batches)).expect(0);
        let train = training(&job, batches, models);
        let trained = bucket.run(&train).expect(0).json();
        // One over all batches, two windows, three batches of three kinds.
        assert_eq!(trained["trained"], 12, "{trained}");
        let again = bucket.run(&train).expect(0).json();
        assert_eq!(again["skipped"], 12, "{again}");
    }
    for (_, model) in KINDS {
        let [there, here] = [&there, &here].map(|[_, models]| {
            let show = [&["models", "show"], model, &["--models", models], &json].concat();
            bucket.run(&show).expect(0).json()
        });
        for key in [
            "rows",
            "iterations",
            "training_cost",
            "sizes",
            "noise",
            "counts",
            "centers",
        ] {
            assert_eq!(there[key], here[key], "{key} of {model:?}");
        }
    }
    for model in ["whole", "sides"] {
        let (_, asked) = KINDS.iter().find(|(_, asked)| asked[0] == model).unwrap();
        let [there, here] = [&there, &here].map(|[batches, models]| {
            let places = ["--batches", batches, "--models", models];
            let evaluate = [&["models", "evaluate"], *asked, &places, &json].concat();
            let judged = bucket.run(&evaluate).expect(0).json();
            let file = work.path(&format!("{model}-{}.svg", batches.starts_with("s3")));
            let plot = [
                &["models", "plot"],
                *asked,
                &places,
                &["--output-file", &file],
            ]
            .concat();
            bucket.run(&plot).expect(0);
            (judged["silhouette"].clone(), std::fs::read(file).unwrap())
        });
        assert!(there.0.is_f64(), "{model}: {there:?}");
        assert_eq!(there, here, "{model}");
    }
}

#[test]
fn a_bucket_that_is_not_there_ends_a_command_before_it_begins() {
    let Some(bucket) = Bucket::new() else {
        return;
    };
    let refused = bucket
        .run(&["batches", "list", "--batches", "s3://nobody-made-this/x"])
        .expect(2);
    refused.says(&["no bucket nobody-made-this"]);
    // What is set to nothing counts as not set: so no key of the developer's own.
    let profile = Gugus::new(["batches", "list", "--batches", "s3://gugus/x"])
        .env("AWS_ACCESS_KEY_ID", "")
        .env("AWS_SECRET_ACCESS_KEY", "")
        .env("AWS_PROFILE", "work");
    let refused = profile.run().expect(2);
    refused.says(&["AWS_PROFILE"]);
}
