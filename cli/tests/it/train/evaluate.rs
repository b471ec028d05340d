//! `gugus models evaluate`: Spark's figures, on any cluster, for the rows that a model was trained on.

use crate::kit::machines::{executors, scheduler};
use crate::kit::same::{holds, same};

use serde::Deserialize;
use serde_json::{Value, json};

use crate::kit::process::{Output, Signal, run};
use crate::kit::work::{Work, shipped};

/// What Spark 3.5.5 says of its own fits of the first generated records, by `dev/python/golden_evaluation.py`.
const GOLDEN: &str = include_str!("../../fixtures/generated_300_evaluation.json");

#[derive(Deserialize)]
struct Golden {
    batch: u64,
    k: u64,
    iterations: u64,
    sizes: Vec<u64>,
    cost: f64,
    silhouette: f64,
}

fn golden() -> Vec<Golden> {
    let golden: Vec<Golden> = serde_json::from_str(GOLDEN).unwrap();
    assert_eq!(golden.len(), 7);
    golden
}

/// Spark takes sums from the origin, which costs it six of sixteen digits where points are as far out as Los Angeles.
fn close(ours: &Value, sparks: f64) -> bool {
    ours.as_f64()
        .is_some_and(|ours| (ours - sparks).abs() <= 1e-9 * sparks.abs())
}

fn evaluate(work: &Work, model: &str, more: &[&str]) -> Output {
    let (models, batches) = (work.path("models"), work.path("batch"));
    let all = [
        "models",
        "evaluate",
        model,
        "--models",
        &models,
        "--batches",
        &batches,
        "--output",
        "json",
    ];
    run([&all, more].concat())
}

/// Without what differs between two evaluations of the same.
fn comparable(evaluation: &Output) -> Value {
    let mut document = evaluation.json();
    document["seconds"] = json!(0);
    document
}

/// 300 generated records, three batches, and the models of the shipped job.
fn trained() -> Work {
    let work = Work::new();
    let (csv, job) = (work.path("generated.csv"), shipped("crime.toml"));
    let generate = [
        "generate",
        "--records",
        "300",
        "--seed",
        "1",
        "--output",
        &csv,
    ];
    run(generate).expect(0);
    work.import(&job, &csv, &[]).expect(0);
    work.train(&job, &["--model", "location"]).expect(0);
    work
}

#[test]
fn figures_are_sparks_and_the_same_on_any_cluster() {
    let work = trained();
    let (first, others): (Vec<_>, Vec<_>) = golden().into_iter().partition(|g| g.batch == 1);
    let embedded = evaluate(&work, "location", &["--batch", "1", "--k", "2..6"]).expect(0);
    let document = embedded.json();
    for (point, golden) in document["elbow"].as_array().unwrap().iter().zip(&first) {
        holds(
            point,
            json!({"k": golden.k, "iterations": golden.iterations, "clusters": golden.sizes.len()}),
        );
        assert!(
            close(&point["cost"], golden.cost),
            "{point}: {}",
            golden.cost
        );
        let sparks = golden.silhouette;
        assert!(close(&point["silhouette"], sparks), "{point}: {sparks}");
    }
    let own = first.iter().find(|golden| golden.k == 5).unwrap();
    for (document, golden) in others
        .iter()
        .map(|golden| {
            let batch = golden.batch.to_string();
            (
                evaluate(&work, "location", &["--batch", &batch])
                    .expect(0)
                    .json(),
                golden,
            )
        })
        .chain([(document.clone(), own)])
    {
        assert_eq!(document["batch"], golden.batch);
        assert_eq!(document["on"], json!([golden.batch]));
        assert_eq!(document["sizes"], json!(golden.sizes), "{document}");
        assert!(close(&document["cost"], golden.cost), "{document}");
        let sparks = golden.silhouette;
        assert!(
            close(&document["silhouette"], sparks),
            "{document}: {sparks}"
        );
        let of = |name: &str| -> Vec<Value> {
            let clusters = document["clusters"].as_array().unwrap().iter();
            clusters.map(|cluster| cluster[name].clone()).collect()
        };
        assert_eq!(json!(of("rows")), document["sizes"]);
        let costs: f64 = of("cost").iter().filter_map(Value::as_f64).sum();
        assert!(close(&document["cost"], costs), "{document}");
    }

    let scheduler = scheduler();
    let url = scheduler.url("grpc").to_owned();
    let executors = executors(&url, "2");
    let more = ["--batch", "1", "--k", "2..6", "--scheduler", &url];
    let remote = evaluate(&work, "location", &more).expect(0);
    same(&comparable(&remote), &comparable(&embedded));
    for process in executors.into_iter().chain([scheduler]) {
        process.stop(Signal::Term).expect(0);
    }
}

const WHOLE: &str = "[[models]]\nname = \"whole\"\nfeatures = [\"x\", \"y\"]\nwhere = \"x < 100\"\nk = 3\nseed = 1\nscope = \"all\"\n\
                     [[models]]\nname = \"each\"\nfeatures = [\"x\", \"y\"]\nk = 2\nhandle_invalid = \"skip\"\n";

/// Ten points around each of three places, and one far out.
fn points(work: &Work, name: &str) -> String {
    let mut text = "x,y\n1000,1000\n".to_owned();
    for i in 0..30_u32 {
        let (x, y) = ([0.0, 10.0, 5.0], [0.0, 0.0, 9.0]);
        let (place, noise) = ((i % 3) as usize, f64::from(i) / 30.0);
        text.push_str(&format!("{},{}\n", x[place] + noise, y[place] - noise));
    }
    work.write(name, text)
}

#[test]
fn a_model_over_everything_is_evaluated_on_what_it_was_trained_on() {
    let work = Work::new();
    let job = work.job(8, WHOLE);
    work.import(&job, &points(&work, "first.csv"), &[])
        .expect(0);
    let report = work.train(&job, &["--model", "whole"]).expect(0).json();
    let first = evaluate(&work, "whole", &[]).expect(0);
    let document = first.json();
    assert_eq!(
        (&document["batch"], &document["on"], &document["rows"]),
        (&Value::Null, &json!([1, 2, 3, 4]), &json!(30)),
        "{document}"
    );
    assert_eq!(document["sizes"], report["models"][0]["sizes"]);
    assert!(document["silhouette"].as_f64().unwrap() > 0.9, "{document}");

    // What came later is not among them, unless it is asked for.
    work.import(&job, &points(&work, "second.csv"), &["--again"])
        .expect(0);
    same(
        &comparable(&evaluate(&work, "whole", &["--batch", "all"]).expect(0)),
        &comparable(&first),
    );
    let all = evaluate(&work, "whole", &["--on", "all", "--k", "2..4"])
        .expect(0)
        .json();
    assert_eq!(
        (&all["rows"], &all["on"][7]),
        (&json!(60), &json!(8)),
        "{all}"
    );
    let of_k = |k: usize, what: &str| all["elbow"][k - 2][what].as_f64().unwrap();
    assert!(of_k(3, "cost") < of_k(2, "cost") && of_k(4, "cost") < of_k(3, "cost"));
    assert!(of_k(3, "silhouette") > of_k(2, "silhouette").max(of_k(4, "silhouette")));
    let newest = evaluate(&work, "whole", &["--on", "newest"])
        .expect(0)
        .json();
    holds(&newest, json!({"on": [8], "rows": 7}));

    let text = run([
        "models",
        "evaluate",
        "whole",
        "--models",
        &work.path("models"),
        "--batches",
        &work.path("batch"),
        "--on",
        "2..3",
        "--k",
        "3",
    ])
    .expect(0);
    for words in [
        "model whole over all batches, on 16 rows of batches 2 to 3",
        "silhouette",
        "iterations",
    ] {
        assert!(text.stdout.contains(words), "{words}: {}", text.stdout);
    }

    // Pruning takes rows that the model was trained on.
    let prune = [
        "batches",
        "prune",
        "--keep",
        "5",
        "--batches",
        &work.path("batch"),
    ];
    run(prune).expect(0);
    let refused = evaluate(&work, "whole", &[]).expect(2);
    refused.says(&["--on all"]);
    evaluate(&work, "whole", &["--on", "all"]).expect(0);
}

#[test]
fn what_cannot_be_evaluated_is_refused_by_name() {
    let work = Work::new();
    let job = work.job(8, WHOLE);
    let rows = [["1", "1"], ["2", ""], ["9", "9"], ["8", "9"]];
    work.import(&job, &work.csv("odd.csv", &rows), &[])
        .expect(0);
    work.train(&job, &["--model", "each"]).expect(0);
    let refused = |more: &[&str], words: &str| {
        let (model, more) = more.split_first().unwrap();
        let said = evaluate(&work, model, more).expect(2).stderr;
        assert!(said.contains(words), "{words}: {said}");
    };
    let skipping = evaluate(&work, "each", &[]).expect(0).json();
    holds(&skipping, json!({"rows": 3, "dropped": 1}));
    refused(&["none"], "there is no model \"none\"");
    refused(
        &["each", "--batch", "7"],
        "there is no model \"each\" of batch 7",
    );
    refused(&["each", "--batch", "all"], "there is no model \"each\"");
    refused(
        &["each", "--on", "3..5"],
        "has none of the batches 3..5; it has 1 to 1",
    );
    refused(&["each", "--k", "1..3"], "numbers of clusters from 2");
    refused(&["each", "--on", "latest"], "is not a batch number");

    // One cluster has no silhouette, and all else.
    let one = work.csv("one.csv", &[["3", "3"], ["3", "3"]]);
    work.import(&job, &one, &[]).expect(0);
    work.train(&job, &["--model", "each"]).expect(0);
    let single = evaluate(&work, "each", &["--batch", "2"]).expect(0).json();
    assert_eq!(
        (&single["silhouette"], &single["sizes"], &single["cost"]),
        (&Value::Null, &json!([2]), &json!(0.0)),
        "{single}"
    );

    // A batch that is another one under the same number.
    let other = work.path("other");
    let elsewhere = [
        "batches",
        "import",
        &one,
        "--job",
        &job,
        "--batches",
        &other,
    ];
    run(elsewhere).expect(0);
    let models = work.path("models");
    let given = ["--models", &models, "--batches", &other];
    let said =
        run([&["models", "evaluate", "each", "--batch", "1"], &given[..]].concat()).expect(2);
    said.says(&["has commit_id"]);
    let said =
        run([&["models", "evaluate", "each", "--batch", "2"], &given[..]].concat()).expect(2);
    said.says(&["it was pruned, or --batches"]);

    // A folder without what only `gugus train` writes.
    let (ours, sparks) = (
        work.path("models/each/batch_00000001"),
        work.path("models/sparks"),
    );
    std::fs::rename(ours, &sparks).unwrap();
    for file in ["model.json", "_SUCCESS"] {
        std::fs::remove_file(format!("{sparks}/{file}")).unwrap();
    }
    for part in ["metadata", "data"] {
        std::fs::write(format!("{sparks}/{part}/_SUCCESS"), "").unwrap();
    }
    refused(&["sparks"], "model \"sparks\" in sparks has no model.json");
}

const WINDOWS: &str = "[[models]]\nname = \"side\"\nfeatures = [\"x\", \"y\"]\nwhere = \"x < 100\"\nk = 2\nseed = 1\nscope = \"window\"\n\
                       window = { sql = \"CASE WHEN x < 3 THEN 'it''s left' WHEN x < 20 THEN 'right' END\" }\n\
                       [[models]]\nname = \"last\"\nfeatures = [\"x\", \"y\"]\nwhere = \"x < 100\"\nk = 2\nscope = \"window\"\nwindow = { last = 2 }\n\
                       [[models]]\nname = \"dense\"\nfeatures = [\"x\", \"y\"]\nalgorithm = \"dbscan\"\neps = 2.0\nmin_points = 2\n\
                       [[models]]\nname = \"mini\"\nfeatures = [\"x\", \"y\"]\nalgorithm = \"minibatch\"\nk = 2\n";

#[test]
fn windows_are_evaluated_on_their_rows_and_other_algorithms_as_far_as_they_have_centers() {
    let work = Work::new();
    let job = work.job(8, WINDOWS);
    work.import(&job, &points(&work, "points.csv"), &[])
        .expect(0);
    let report = work.train(&job, &[]).expect(0).json();
    let evaluated = |model: &str, more: &[&str]| {
        let document = evaluate(&work, model, more).expect(0).json();
        let trained = report["models"].as_array().unwrap().iter().find(|line| {
            line["model"] == model
                && ["batch", "window"]
                    .iter()
                    .all(|of| line[*of] == document[*of])
        });
        assert_eq!(trained.unwrap()["rows"], document["rows"], "{document}");
        document
    };
    let left = evaluated("side", &["--window", "it's left"]);
    holds(&left, json!({"window": "it's left", "rows": 10}));
    let right = evaluated("side", &["--window", "right", "--k", "2..3"]);
    assert_eq!(right["rows"], 20, "{right}");
    let costs = (right["elbow"][0]["cost"].as_f64(), right["cost"].as_f64());
    assert!(close(&right["cost"], costs.0.unwrap()), "{costs:?}");
    let last = evaluated("last", &[]);
    holds(&last, json!({"window": "last-2", "on": [3, 4]}));
    let mini = evaluated("mini", &["--batch", "4"]);
    assert_eq!(mini["rows"], 7, "{mini}");

    let refused = |arguments: &[&str], words: &str| {
        let (model, more) = arguments.split_first().unwrap();
        let said = evaluate(&work, model, more).expect(2).stderr;
        assert!(said.contains(words), "{words}: {said}");
    };
    refused(
        &["side"],
        "model \"side\" has 2 windows; name one with --window",
    );
    refused(&["side", "--window", "up"], "there is no model \"side\"");
    refused(
        &["side", "--window", "right", "--batch", "1"],
        "cannot be used with",
    );
    refused(
        &["dense"],
        "is of algorithm \"dbscan\": only k-means can be evaluated",
    );
    refused(&["mini", "--k", "2..3"], "--k takes one of kmeans");
}
