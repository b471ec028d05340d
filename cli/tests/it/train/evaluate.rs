//! `gugus models evaluate`: Spark's figures, on any cluster, for the rows that a model was trained on.

use crate::kit::machines::Cluster;
use crate::kit::same::{holds, same};

use serde::Deserialize;
use serde_json::{Value, json};

use crate::kit::process::{Gugus, Output, Words, run};
use crate::kit::work::{Work, model};

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

impl Golden {
    /// Fails the test unless cost and silhouette of a document are Spark's.
    #[track_caller]
    fn agrees(&self, document: &Value) {
        for (key, sparks) in [("cost", self.cost), ("silhouette", self.silhouette)] {
            assert!(
                close(&document[key], sparks),
                "{key} is not {sparks}: {document}"
            );
        }
    }
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

/// `gugus models evaluate` with these words after it.
fn evaluate(work: &Work, words: impl Words) -> Output {
    evaluate_on(work, "batch", words)
}

/// On batches of another folder.
fn evaluate_on(work: &Work, batches: &str, words: impl Words) -> Output {
    let (models, batches) = (work.path("models"), work.path(batches));
    let places = [
        "--models",
        &models,
        "--batches",
        &batches,
        "--output",
        "json",
    ];
    Gugus::new("models evaluate")
        .with(words.words())
        .with(places)
        .run()
}

/// A refusal that contains these words.
#[track_caller]
fn refused(work: &Work, asked: &str, words: &str) {
    evaluate(work, asked).expect(2).says(&[words]);
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
    let job = work.generated(300, 1);
    work.train(&job, &["--model", "location"]).expect(0);
    work
}

#[test]
fn figures_are_sparks_and_the_same_on_any_cluster() {
    let work = trained();
    let (first, others): (Vec<_>, Vec<_>) = golden().into_iter().partition(|g| g.batch == 1);
    let elbow = "location --batch 1 --k 2..6";
    let embedded = evaluate(&work, elbow).expect(0);
    let document = embedded.json();
    for (point, golden) in document["elbow"].as_array().unwrap().iter().zip(&first) {
        let expected =
            json!({"k": golden.k, "iterations": golden.iterations, "clusters": golden.sizes.len()});
        holds(point, expected);
        golden.agrees(point);
    }
    let own = first.iter().find(|golden| golden.k == 5).unwrap();
    let others = others.iter().map(|golden| {
        let asked = format!("location --batch {}", golden.batch);
        (evaluate(&work, asked).expect(0).json(), golden)
    });
    for (document, golden) in others.chain([(document, own)]) {
        assert_eq!(document["batch"], golden.batch);
        assert_eq!(document["on"], json!([golden.batch]));
        assert_eq!(document["sizes"], json!(golden.sizes), "{document}");
        golden.agrees(&document);
        let of = |name: &str| -> Vec<Value> {
            let clusters = document["clusters"].as_array().unwrap().iter();
            clusters.map(|cluster| cluster[name].clone()).collect()
        };
        assert_eq!(json!(of("rows")), document["sizes"]);
        let costs: f64 = of("cost").iter().filter_map(Value::as_f64).sum();
        assert!(close(&document["cost"], costs), "{document}");
    }

    let cluster = Cluster::<2>::new("2");
    let remote = evaluate(&work, format!("{elbow} --scheduler {}", cluster.url));
    same(&comparable(&remote.expect(0)), &comparable(&embedded));
    cluster.stop();
}

/// A model over all batches, and one of each batch.
fn models() -> String {
    let all = "where = \"x < 100\"\nk = 3\nseed = 1\nscope = \"all\"\n";
    model("all", all) + &model("each", "k = 2\nhandle_invalid = \"skip\"\n")
}

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
fn a_model_over_all_batches_is_evaluated_on_what_it_was_trained_on() {
    let work = Work::new();
    let job = work.job(8, &models());
    work.imported(&job, &points(&work, "first.csv"));
    let report = work.train(&job, &["--model", "all"]).expect(0).json();
    let first = evaluate(&work, "all").expect(0);
    let document = first.json();
    holds(
        &document,
        json!({"batch": null, "on": [1, 2, 3, 4], "rows": 30}),
    );
    assert_eq!(document["sizes"], report["models"][0]["sizes"]);
    assert!(document["silhouette"].as_f64().unwrap() > 0.9, "{document}");

    // Batches that came later are not among them, unless they are asked for.
    work.import(&job, &points(&work, "second.csv"), &["--again"])
        .expect(0);
    let again = evaluate(&work, "all --batch all").expect(0);
    same(&comparable(&again), &comparable(&first));
    let all = evaluate(&work, "all --on all --k 2..4").expect(0).json();
    holds(&all, json!({"rows": 60, "on": [1, 2, 3, 4, 5, 6, 7, 8]}));
    let of_k = |k: usize, what: &str| all["elbow"][k - 2][what].as_f64().unwrap();
    assert!(of_k(3, "cost") < of_k(2, "cost") && of_k(4, "cost") < of_k(3, "cost"));
    assert!(of_k(3, "silhouette") > of_k(2, "silhouette").max(of_k(4, "silhouette")));
    let newest = evaluate(&work, "all --on newest").expect(0).json();
    holds(&newest, json!({"on": [8], "rows": 7}));

    let (models, batches) = (work.path("models"), work.path("batch"));
    let places = format!("--models {models} --batches {batches}");
    let text = run(format!("models evaluate all {places} --on 2..3 --k 3"));
    let title = "model all over all batches, on 16 rows of batches 2 to 3";
    text.expect(0).prints(&[title, "silhouette", "iterations"]);

    // Pruning takes rows that the model was trained on.
    work.on(&["batches", "prune", "--keep", "5"]).expect(0);
    refused(&work, "all", "--on all");
    evaluate(&work, "all --on all").expect(0);
}

#[test]
fn what_cannot_be_evaluated_is_refused_by_name() {
    let work = Work::new();
    let job = work.job(8, &models());
    let rows = [["1", "1"], ["2", ""], ["9", "9"], ["8", "9"]];
    work.imported(&job, &work.csv("odd.csv", &rows));
    work.train(&job, &["--model", "each"]).expect(0);
    let skipping = evaluate(&work, "each").expect(0).json();
    holds(&skipping, json!({"rows": 3, "dropped": 1}));
    for (asked, words) in [
        ("none", "there is no model \"none\""),
        ("each --batch 7", "there is no model \"each\" of batch 7"),
        ("each --batch all", "there is no model \"each\""),
        (
            "each --on 3..5",
            "has none of the batches 3..5; it has 1 to 1",
        ),
        ("each --k 1..3", "numbers of clusters from 2"),
        ("each --on latest", "is not a batch number"),
    ] {
        refused(&work, asked, words);
    }

    // One cluster has no silhouette, but all other figures.
    let one = work.csv("one.csv", &[["3", "3"], ["3", "3"]]);
    work.imported(&job, &one);
    work.train(&job, &["--model", "each"]).expect(0);
    let single = evaluate(&work, "each --batch 2").expect(0).json();
    holds(
        &single,
        json!({"silhouette": null, "sizes": [2], "cost": 0.0}),
    );

    // A batch that is another one under the same number.
    let other = work.path("other");
    run(format!(
        "batches import {one} --job {job} --batches {other}"
    ))
    .expect(0);
    for (batch, words) in [("1", "has commit_id"), ("2", "it was pruned, or --batches")] {
        let asked = format!("each --batch {batch}");
        evaluate_on(&work, "other", asked).expect(2).says(&[words]);
    }

    // A folder without the files that only `gugus train` writes.
    let ours = work.path("models/each/batch_00000001");
    let sparks = work.path("models/sparks");
    std::fs::rename(ours, &sparks).unwrap();
    for file in ["model.json", "_SUCCESS"] {
        std::fs::remove_file(format!("{sparks}/{file}")).unwrap();
    }
    for part in ["metadata", "data"] {
        std::fs::write(format!("{sparks}/{part}/_SUCCESS"), "").unwrap();
    }
    let words = "model \"sparks\" in sparks has no model.json";
    refused(&work, "sparks", words);
}

#[test]
fn windows_are_evaluated_on_their_rows_and_other_algorithms_as_far_as_they_have_centers() {
    let work = Work::new();
    let window = "where = \"x < 100\"\nk = 2\nseed = 1\nscope = \"window\"\n";
    let side = "CASE WHEN x < 3 THEN 'it''s left' WHEN x < 20 THEN 'right' END";
    let models = [
        model(
            "side",
            &format!("{window}window = {{ sql = \"{side}\" }}\n"),
        ),
        model("last", &format!("{window}window = {{ last = 2 }}\n")),
        model(
            "dense",
            "algorithm = \"dbscan\"\neps = 2.0\nmin_points = 2\n",
        ),
        model("mini", "algorithm = \"minibatch\"\nk = 2\n"),
    ];
    let job = work.job(8, &models.concat());
    work.imported(&job, &points(&work, "points.csv"));
    let report = work.train(&job, &[]).expect(0).json();
    let evaluated = |words: &[&str]| {
        let document = evaluate(&work, words).expect(0).json();
        let mut trained = report["models"].as_array().unwrap().iter();
        let trained = trained.find(|line| {
            let same = |key: &&str| line[*key] == document[*key];
            ["model", "batch", "window"].iter().all(same)
        });
        assert_eq!(trained.unwrap()["rows"], document["rows"], "{document}");
        document
    };
    let left = evaluated(&["side", "--window", "it's left"]);
    holds(&left, json!({"window": "it's left", "rows": 10}));
    let right = evaluated(&["side", "--window", "right", "--k", "2..3"]);
    assert_eq!(right["rows"], 20, "{right}");
    let costs = (right["elbow"][0]["cost"].as_f64(), right["cost"].as_f64());
    assert!(close(&right["cost"], costs.0.unwrap()), "{costs:?}");
    let last = evaluated(&["last"]);
    holds(&last, json!({"window": "last-2", "on": [3, 4]}));
    let mini = evaluated(&["mini", "--batch", "4"]);
    assert_eq!(mini["rows"], 7, "{mini}");

    let which = "model \"side\" has 2 windows; name one with --window";
    let dense = "is of algorithm \"dbscan\": only k-means can be evaluated";
    for (asked, words) in [
        ("side", which),
        ("side --window up", "there is no model \"side\""),
        ("side --window right --batch 1", "cannot be used with"),
        ("dense", dense),
        ("mini --k 2..3", "--k takes one of kmeans"),
    ] {
        refused(&work, asked, words);
    }
}
