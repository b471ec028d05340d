//! The 100 batches of 100 LAPD records on latitude and longitude, as a PySpark 3.5.5 user got them: lone `(0, 0)` rows,
//! which Spark holds as sparse vectors, included.

// Helpers of tests are not within test functions, and a test may panic.
#![allow(clippy::expect_used)]

use std::fs;
use std::path::{Path, PathBuf};

use gugus_kmeans::{DistanceMeasure, Params, Partitions, Predictor, RowForm, Rows, fit};
use serde::Deserialize;

const BATCH: usize = 100;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Answer {
    batch: usize,
    rows: usize,
    centers: Vec<Vec<f64>>,
    num_iter: u32,
    training_cost: f64,
    cluster_sizes: Vec<u64>,
    prediction: Vec<usize>,
}

fn coordinates(file: &Path) -> Vec<[f64; 2]> {
    let mut reader = csv::Reader::from_path(file).expect("a CSV file");
    let header = reader.headers().expect("a header").clone();
    let column = |name| {
        header
            .iter()
            .position(|header| header == name)
            .expect("a column of that name")
    };
    let (lat, lon) = (column("LAT"), column("LON"));
    let records = reader.records().map(|record| {
        let record = record.expect("a record");
        [&record[lat], &record[lon]].map(|cell| cell.trim().parse().expect("a number"))
    });
    records.collect()
}

#[test]
fn every_batch_of_lapd_records_equals_spark() {
    // The records are not part of the project.
    let Some(folder) = std::env::var_os("GUGUS_TEST_DATA").map(PathBuf::from) else {
        return;
    };
    let (answers, file) = (
        folder.join("spark/lapd_10000_location.json"),
        folder.join("data/lapd_10000.csv"),
    );
    let text = fs::read_to_string(answers).expect("answers");
    let answers: Vec<Answer> = serde_json::from_str(&text).expect("answers as described");
    let points = coordinates(&file);
    let params = Params {
        k: 5,
        seed: 1,
        ..Params::default()
    };
    for spark in &answers {
        let mut rows = Rows::with_capacity(2, BATCH, RowForm::Assembled);
        for point in points.iter().skip((spark.batch - 1) * BATCH).take(BATCH) {
            rows.push(point);
        }
        assert_eq!(rows.len(), spark.rows);
        let fit = fit(&params, &rows, None, &Partitions::one()).expect("a fit");
        for (ours, theirs) in fit
            .model
            .centers
            .iter()
            .flatten()
            .zip(spark.centers.iter().flatten())
        {
            assert!(
                (ours - theirs).abs() <= 1e-12 * theirs.abs(),
                "batch {}: {ours}, Spark's {theirs}",
                spark.batch
            );
        }
        assert_eq!(
            fit.model.centers.len(),
            spark.centers.len(),
            "batch {}",
            spark.batch
        );
        assert_eq!(
            fit.summary.iterations, spark.num_iter,
            "batch {}",
            spark.batch
        );
        assert_eq!(
            fit.summary.sizes, spark.cluster_sizes,
            "batch {}",
            spark.batch
        );
        let cost = (fit.summary.training_cost - spark.training_cost).abs() / spark.training_cost;
        assert!(
            cost <= 1e-6,
            "batch {}: cost {}, Spark's {}",
            spark.batch,
            fit.summary.training_cost,
            spark.training_cost
        );
        let predictor =
            Predictor::new(fit.model.centers, DistanceMeasure::Euclidean).expect("centers");
        let predicted = predictor.predict_rows(&rows).expect("predictions");
        assert_eq!(predicted, spark.prediction, "batch {}", spark.batch);
    }
    assert_eq!(answers.len(), 100);
}
