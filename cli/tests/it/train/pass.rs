//! From a CSV file to predictions, on generated records.

use crate::kit::http;
use crate::kit::same::holds;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::kit::process::Signal;
use crate::kit::spark::load_in_spark;
use crate::kit::work::{Work, close, lines};
use std::path::PathBuf;

/// What Spark 3.5.5 answered for a batch of generated records: see `dev/python/golden_generated.py`.
#[derive(Deserialize)]
struct Golden {
    batch: u64,
    centers: Vec<Vec<f64>>,
    iterations: u32,
    sizes: Vec<u64>,
}

const GOLDEN: &str = include_str!("../../fixtures/generated_10000_location.json");

#[test]
fn ten_thousand_generated_records_give_300_models_equal_to_sparks() {
    let work = Work::new();
    let job = work.generated(10_000, 1);
    let verified = work.verify();
    let expected = json!({"batches": 100, "records": 10_000, "rejected": 0, "problems": []});
    holds(&verified, expected);

    let report = work.train(&job, &[]).expect(0).json();
    holds(&report, json!({"trained": 300, "failed": 0, "skipped": 0}));
    for model in ["location", "time", "case"] {
        assert_eq!(lines(&report, model).len(), 100, "{model}");
    }

    let golden: Vec<Golden> = serde_json::from_str(GOLDEN).unwrap();
    assert_eq!(golden.len(), 100);
    let location = lines(&report, "location");
    for golden in golden {
        let line = location[usize::try_from(golden.batch).unwrap() - 1];
        let Golden {
            batch,
            iterations,
            sizes,
            ..
        } = &golden;
        holds(
            line,
            json!({"batch": batch, "iterations": iterations, "sizes": sizes}),
        );
        let model = PathBuf::from(work.path("models")).join(line["path"].as_str().unwrap());
        assert!(model.join("_SUCCESS").is_file());
        // One process for each of 100 batches would take long; every tenth is enough to see the numbers themselves.
        if golden.batch % 10 == 1 {
            let centers = work.centers("models", "location", golden.batch);
            assert_eq!(centers.len(), golden.centers.len(), "batch {batch}");
            let mut pairs = centers
                .iter()
                .flatten()
                .zip(golden.centers.iter().flatten());
            let equal = pairs.all(|(a, b)| close(*a, *b));
            assert!(equal, "batch {batch}: {centers:?}");
        }
    }
}

#[test]
fn spark_loads_the_models_and_predicts_what_serve_predicts() {
    let work = Work::new();
    let job = work.generated(300, 1);
    work.train(&job, &["--model", "location"]).expect(0);
    let degrees = |from: f64, steps: u32| from + f64::from(steps) * 0.006;
    let points = (0..100).map(|i| vec![degrees(33.7, i), degrees(-118.7, i * 37 % 100)]);
    let points: Vec<Vec<f64>> = points.collect();
    let asked = [1, 2, 3].map(|batch| {
        let folder = work.path(&format!("models/location/batch_{batch:08}"));
        (folder.into(), points.clone())
    });
    let Some(loaded) = load_in_spark(&asked) else {
        return;
    };

    let serve = work.serve();
    for (batch, spark) in (1..=3).zip(loaded) {
        let distance = spark.distance_measure.as_str();
        assert_eq!((spark.k, spark.seed, distance), (5, 1, "euclidean"));
        assert_eq!(spark.centers, work.centers("models", "location", batch));
        let records = points.iter().map(|p| json!({"LAT": p[0], "LON": p[1]}));
        let url = format!(
            "{}/models/location/batches/{batch}/predict",
            serve.url("rest")
        );
        let answer = http::post(url, records.collect());
        let expected = spark.predictions.iter().map(|c| json!({"cluster": c}));
        assert_eq!(answer, expected.collect::<Value>(), "batch {batch}");
    }
    serve.stop(Signal::Term).expect(0);
}

#[test]
fn a_second_run_trains_nothing_and_retrain_gives_the_same_bits() {
    let work = Work::new();
    let job = work.generated(200, 1);
    let planned = work.train(&job, &["--dry-run"]).expect(0).json();
    holds(&planned, json!({"planned": 6, "trained": 0}));
    assert!(!PathBuf::from(work.path("models/location")).exists());

    work.train(&job, &[]).expect(0);
    let before = work.centers("models", "case", 2);
    let again = work.train(&job, &[]).expect(0).json();
    holds(&again, json!({"trained": 0, "skipped": 6}));
    let retrained = work.train(&job, &["--retrain"]).expect(0).json();
    holds(&retrained, json!({"trained": 6, "skipped": 0}));
    assert_eq!(work.centers("models", "case", 2), before);
}

#[test]
fn the_old_request_and_a_record_by_its_own_columns_are_answered() {
    let work = Work::new();
    let job = work.generated(200, 1);
    work.train(&job, &[]).expect(0);
    let serve = work.serve();
    let post = |path: &str, body| http::post(format!("{}{path}", serve.url("rest")), body);
    let old = json!({"lat": 34.05, "lon": -118.25, "model": 2});
    let old = post("/predict_cluster/", old);
    let new = json!({"LAT": "34.05", "LON": -118.25});
    let new = post("/models/location/batches/latest/predict", new);
    assert_eq!(old, new);
    assert!(old["cluster"].as_u64().unwrap() < 5);
    let time = json!({"DATE OCC": "01/08/2020 12:00:00 AM", "TIME OCC": "2230"});
    let time = post("/models/time/batches/1/predict", time);
    assert!(time["cluster"].as_u64().unwrap() < 5);
}
