//! Models that Spark has not: `minibatch`, `dbscan`, `gmm`.

use crate::kit::http::post;
use crate::kit::machines::Cluster;
use crate::kit::same::holds;
use std::fmt::Write as _;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::kit::process::{Signal, run};
use crate::kit::spark::load_in_spark;
use crate::kit::work::{Work, lines, model};

/// Mini-batches of a seed.
fn minibatch(seed: u64) -> String {
    model(
        "m",
        &format!("algorithm = \"minibatch\"\nk = 3\nseed = {seed}\n"),
    )
}

/// Three places that lie apart, in turn; every tenth point is far from all.
fn points(work: &Work, name: &str, rows: std::ops::Range<u64>) -> String {
    let mut text = "x,y\n".to_owned();
    for i in rows {
        let noise = |salt: u64| ((i * 7_919 + salt) % 1_009) as f64 / 1_009.0;
        let mut x = noise(1) + 10.0 * (i % 3) as f64;
        if i % 10 == 9 {
            x += 100.0 + i as f64 * 50.0;
        }
        writeln!(text, "{x},{}", noise(2)).unwrap();
    }
    work.write(name, text)
}

/// What is written down of the model of a batch.
fn about(work: &Work, models: &str, batch: u64) -> Value {
    let path = format!("{models}/m/batch_{batch:08}/model.json");
    serde_json::from_slice(&std::fs::read(work.path(&path)).unwrap()).unwrap()
}

/// Status by batch of the model `m`.
fn statuses(report: &Value) -> Vec<(u64, &str)> {
    let lines = lines(report, "m").into_iter();
    lines
        .map(|l| (l["batch"].as_u64().unwrap(), l["status"].as_str().unwrap()))
        .collect()
}

#[test]
fn hot_spots_and_mixtures_are_trained_shown_and_served() {
    let work = Work::new();
    let spots = model(
        "spots",
        "algorithm = \"dbscan\"\neps = 1.0\nmin_points = 4\n",
    );
    let mixed = "algorithm = \"gmm\"\nwhere = \"x < 50\"\nk = 3\nseed = 2\n";
    let job = work.job(100, &(spots + &model("mixed", mixed)));
    work.imported(&job, &points(&work, "points.csv", 0..200));
    let report = work.train(&job, &[]).expect(0).json();
    assert_eq!(report["trained"], 4, "{report}");
    for line in lines(&report, "spots") {
        assert_eq!(line["sizes"], json!([30, 30, 30]), "{line}");
    }
    for line in lines(&report, "mixed") {
        holds(line, json!({"rows": 90, "status": "trained"}));
        assert_eq!(line["sizes"].as_array().unwrap().len(), 3);
    }
    let folder = PathBuf::from(work.path("models/spots/batch_00000001"));
    assert!(folder.join("_SUCCESS").is_file());
    assert!(
        !folder.join("metadata").exists(),
        "the folder is not Spark's"
    );
    let again = work.train(&job, &[]).expect(0).json();
    holds(&again, json!({"trained": 0, "skipped": 4}));

    let stored = work.path("models");
    let shown = run(format!("models show spots --models {stored}"));
    shown
        .expect(0)
        .prints(&["dbscan, eps 1, min_points 4", "noise"]);
    let shown = run(format!(
        "models show mixed --batch 1 --models {stored} --output json"
    ));
    let shown = shown.expect(0).json();
    holds(&shown, json!({"algorithm": "gmm", "k": 3}));
    assert_eq!(shown["params"]["covariance_type"], "full");

    let serve = work.serve();
    let rest = serve.url("rest").to_owned();
    let records = json!([{"x": 0.5, "y": 0.5}, {"x": "10.5", "y": 0.5}, {"x": 5000, "y": 0}]);
    let ask = |model: &str| post(format!("{rest}/models/{model}/predict"), records.clone());
    let spots = json!([{"cluster": 0}, {"cluster": 1}, {"cluster": -1}]);
    assert_eq!(ask("spots/batches/1"), spots);
    let mixed = ask("mixed/batches/latest");
    for answer in mixed.as_array().unwrap() {
        let probabilities: Vec<f64> =
            serde_json::from_value(answer["probabilities"].clone()).unwrap();
        let cluster = answer["cluster"].as_u64().unwrap() as usize;
        let greatest = probabilities.iter().copied().fold(0.0, f64::max);
        assert_eq!(probabilities[cluster], greatest, "{answer}");
        assert!((probabilities.iter().sum::<f64>() - 1.0).abs() < 1e-9);
    }
    assert_ne!(mixed[0]["cluster"], mixed[1]["cluster"]);
    serve.stop(Signal::Term).expect(0);
}

#[test]
fn the_latest_of_models_that_go_on_from_one_another_predicts() {
    let work = Work::new();
    let job = work.job(60, &minibatch(5));
    work.imported(&job, &points(&work, "a.csv", 0..180));
    work.train(&job, &[]).expect(0);
    assert_eq!(about(&work, "models", 1).get("carried_from"), None);
    let serve = work.serve();
    let url = format!("{}/models/m/batches/latest/predict", serve.url("rest"));
    let near = post(&url, json!({"x": 0.5, "y": 0.5}));
    assert!(near["cluster"].as_u64().unwrap() < 3, "{near}");
    serve.stop(Signal::Term).expect(0);
}

#[test]
fn a_gap_is_trained_again_with_all_that_came_after_it() {
    let work = Work::new();
    let job = work.job(60, &minibatch(5));
    work.imported(&job, &points(&work, "a.csv", 0..240));
    work.train(&job, &[]).expect(0);
    let before = work.centers("models", "m", 4);
    let (second, fourth) = (about(&work, "models", 2), about(&work, "models", 4));
    std::fs::remove_dir_all(work.path("models/m/batch_00000002")).unwrap();
    let report = work.train(&job, &[]).expect(0);
    report.says(&["trained again"]);
    let report = report.json();
    let again = [(2, "trained"), (3, "trained"), (4, "trained")];
    assert_eq!(statuses(&report), [&[(1, "skipped")], &again[..]].concat());
    assert_eq!(work.centers("models", "m", 4), before);
    assert_ne!(about(&work, "models", 2)["uid"], second["uid"]);
    assert_ne!(about(&work, "models", 4)["uid"], fourth["uid"]);
    let report = work.train(&job, &[]).expect(0).json();
    assert_eq!(statuses(&report)[3], (4, "skipped"));

    let other = work.job(60, &minibatch(6));
    let refused = work.train(&other, &[]).expect(2);
    refused.says(&["seed 6"]);
}

#[test]
fn executors_change_nothing_and_spark_loads_a_mini_batch() {
    let work = Work::new();
    let job = work.job(50, &minibatch(5));
    work.imported(&job, &points(&work, "a.csv", 0..400));
    work.train(&job, &[]).expect(0);
    let cluster = Cluster::<2>::new("2");
    assert_eq!(cluster.trained(&work, &job, "remote")["trained"], 8);
    for batch in [1, 5, 8] {
        let centers = ["models", "remote"].map(|models| work.centers(models, "m", batch));
        assert_eq!(centers[0], centers[1], "batch {batch}");
    }
    cluster.stop();
    let folder = work.path("models/m/batch_00000008");
    let Some(loaded) = load_in_spark(&[(folder.into(), vec![vec![0.5, 0.5]])]) else {
        return;
    };
    assert_eq!(loaded[0].centers, work.centers("models", "m", 8));
}
