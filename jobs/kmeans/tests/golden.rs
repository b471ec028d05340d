//! Fits equal those of Spark 3.5.5, whose answers are kept beside this test.
//!
//! Cases over the LAPD's records are not ours to ship: they are read from where they are kept beside the repository, and
//! skipped, loudly, where they are not.

// Helpers of tests are not within test functions, and a test may panic.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use gugus_kmeans::{Fit, Params, Partitions, Predictor, RowForm, Rows, fit};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Case {
    input: String,
    k: usize,
    seed: i64,
    partitions: usize,
    partition_sizes: Vec<usize>,
    vectors: Option<Vectors>,
    sparse_rows: Option<usize>,
    solver: Option<String>,
    init_mode: Option<String>,
    weights: Option<String>,
    distance_measure: Option<String>,
    max_iter: Option<u32>,
    tol: Option<f64>,
    init_steps: Option<u32>,
    spark: Answer,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Vectors {
    Compressed,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Answer {
    centers: Vec<Vec<f64>>,
    num_iter: u32,
    training_cost: f64,
    cluster_sizes: Vec<u64>,
    prediction: Vec<usize>,
    #[serde(rename = "silhouette")]
    _silhouette: Option<f64>,
}

impl Case {
    fn params(&self) -> Params {
        let default = Params::default();
        let named = "Spark's name";
        Params {
            k: self.k,
            seed: self.seed,
            max_iter: self.max_iter.unwrap_or(default.max_iter),
            tol: self.tol.unwrap_or(default.tol),
            init_mode: self
                .init_mode
                .as_ref()
                .map_or(default.init_mode, |mode| mode.parse().expect(named)),
            init_steps: self.init_steps.unwrap_or(default.init_steps),
            distance_measure: (self.distance_measure.as_ref())
                .map_or(default.distance_measure, |measure| {
                    measure.parse().expect(named)
                }),
            solver: self
                .solver
                .as_ref()
                .map_or(default.solver, |solver| solver.parse().expect(named)),
            ..default
        }
    }

    fn form(&self) -> RowForm {
        match self.vectors {
            Some(Vectors::Compressed) => RowForm::Assembled,
            None => RowForm::Dense,
        }
    }

    /// Weights are formulas of the row's index like `1+(i%5)`.
    fn weights(&self, rows: usize) -> Option<Vec<f64>> {
        let formula = self.weights.as_ref()?;
        let modulus = formula
            .strip_prefix("1+(i%")
            .and_then(|rest| rest.strip_suffix(')'));
        let modulus: usize = modulus
            .and_then(|text| text.parse().ok())
            .expect("a formula as above");
        Some((0..rows).map(|i| (1 + i % modulus) as f64).collect())
    }

    fn check(&self, inputs: &Path) -> Result<(), String> {
        assert_eq!(self.partitions, self.partition_sizes.len());
        let rows = read_rows(
            &inputs.join(&self.input).with_extension("parquet"),
            self.form(),
        );
        let weights = self.weights(rows.len());
        let params = self.params();
        let partitions = Partitions::of_sizes(&self.partition_sizes);
        let fit = fit(&params, &rows, weights.as_deref(), &partitions)
            .map_err(|error| error.to_string())?;
        let predictor = Predictor::new(fit.model.centers.clone(), params.distance_measure)
            .map_err(|error| error.to_string())?;
        let predicted = predictor
            .predict_rows(&rows)
            .map_err(|error| error.to_string())?;
        if let Some(sparse) = self.sparse_rows {
            let is_sparse = |i: &usize| {
                let entries = rows.row(*i).iter().filter(|value| **value != 0.0).count();
                1.5 * (entries as f64 + 1.0) < rows.dimensions() as f64
            };
            assert_eq!((0..rows.len()).filter(is_sparse).count(), sparse);
        }
        self.compare(&fit, &predicted)
    }

    fn compare(&self, fit: &Fit, predicted: &[usize]) -> Result<(), String> {
        let spark = &self.spark;
        if fit.model.centers.len() != spark.centers.len() {
            return Err(format!(
                "{} centers, Spark has {}",
                fit.model.centers.len(),
                spark.centers.len()
            ));
        }
        for (ours, theirs) in fit
            .model
            .centers
            .iter()
            .flatten()
            .zip(spark.centers.iter().flatten())
        {
            if !near(*ours, *theirs, 1e-12) {
                return Err(format!(
                    "centers {:?}, Spark's {:?}",
                    fit.model.centers, spark.centers
                ));
            }
        }
        if fit.summary.iterations != spark.num_iter {
            return Err(format!(
                "{} iterations, Spark needs {}",
                fit.summary.iterations, spark.num_iter
            ));
        }
        // Spark pads the sizes with zeros to k.
        let mut sizes = fit.summary.sizes.clone();
        sizes.resize(spark.cluster_sizes.len(), 0);
        if sizes != spark.cluster_sizes {
            return Err(format!(
                "sizes {:?}, Spark's {:?}",
                fit.summary.sizes, spark.cluster_sizes
            ));
        }
        if predicted != spark.prediction {
            return Err("another prediction than Spark's".to_owned());
        }
        if !near(fit.summary.training_cost, spark.training_cost, 1e-6) {
            return Err(format!(
                "cost {}, Spark's {}",
                fit.summary.training_cost, spark.training_cost
            ));
        }
        Ok(())
    }
}

fn near(ours: f64, theirs: f64, relative: f64) -> bool {
    (ours - theirs).abs() <= relative * ours.abs().max(theirs.abs())
}

fn read_rows(path: &Path, form: RowForm) -> Rows {
    let file = File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let reader = SerializedFileReader::new(file).expect("a Parquet file");
    let mut rows = Rows::new(
        reader
            .metadata()
            .file_metadata()
            .schema_descr()
            .num_columns(),
        form,
    );
    let mut values = Vec::new();
    for row in reader.get_row_iter(None).expect("rows") {
        values.clear();
        values.extend(
            row.expect("a row")
                .get_column_iter()
                .map(|(name, field)| match field {
                    Field::Double(value) => *value,
                    other => panic!("{} {name}: {other:?} is not a double", path.display()),
                }),
        );
        rows.push(&values);
    }
    rows
}

/// Checks the cases that `which` picks by their input's name; gives their number.
fn check(folder: &Path, which: impl Fn(&str) -> bool) -> usize {
    let text = fs::read_to_string(folder.join("cases.json")).expect("cases.json");
    let cases: Vec<Case> = serde_json::from_str(&text).expect("cases as described");
    let mut checked = 0;
    let mut wrong = Vec::new();
    for (index, case) in cases
        .iter()
        .enumerate()
        .filter(|(_, case)| which(&case.input))
    {
        if let Err(difference) = case.check(&folder.join("inputs")) {
            wrong.push(format!(
                "case {index} ({}, k {}, seed {}): {difference}",
                case.input, case.k, case.seed
            ));
        }
        checked += 1;
    }
    assert!(
        wrong.is_empty(),
        "{} of {checked} cases differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    checked
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

const FIXTURES: usize = 53;

#[test]
fn the_cases_kept_here_equal_spark() {
    assert_eq!(check(&fixtures(), |_| true), FIXTURES);
}

#[test]
fn the_crime_cases_equal_spark() {
    // The records are not part of the project.
    let Some(folder) = std::env::var_os("GUGUS_TEST_DATA") else {
        return;
    };
    let folder = Path::new(&folder).join("spark");
    let crime = check(&folder, |input| input.starts_with("crime_"));
    let others = check(&folder, |input| !input.starts_with("crime_"));
    assert_eq!(
        others, FIXTURES,
        "the fixtures lag behind the folder of GUGUS_TEST_DATA"
    );
    assert_eq!(crime + others, 127);
}
