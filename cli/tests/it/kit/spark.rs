//! Apache Spark itself, as the judge of what we write: pyspark 3.5.5 loads model folders and predicts with them.

#![allow(dead_code, reason = "a kit: each test takes what it needs")]

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::kit::python;

/// What Spark says of a model folder.
#[derive(Clone, Debug, Deserialize, PartialEq)]
pub(crate) struct Loaded {
    /// The folder, as it was given.
    pub(crate) path: PathBuf,
    /// The parameter `k`: how many centers were asked for, not how many there are.
    pub(crate) k: usize,
    /// The parameter `seed`.
    pub(crate) seed: i64,
    /// The name that the model carries in Spark, `KMeans_` and 12 hex digits.
    pub(crate) uid: String,
    /// `euclidean` or `cosine`.
    pub(crate) distance_measure: String,
    /// The parameter `maxIter`.
    pub(crate) max_iter: u32,
    /// The centers in the order of their cluster numbers.
    pub(crate) centers: Vec<Vec<f64>>,
    /// For each point, the cluster that Spark puts it in.
    pub(crate) predictions: Vec<usize>,
}

#[derive(Serialize)]
struct Asked<'a> {
    path: &'a Path,
    points: &'a [Vec<f64>],
}

#[derive(Serialize)]
struct Question<'a> {
    models: Vec<Asked<'a>>,
}

#[derive(Deserialize)]
struct Answer {
    models: Vec<Loaded>,
}

/// Lets Spark load each folder with `KMeansModel.load` and predict each of its points. One call for all folders that
/// a test has: starting Spark takes ten seconds, a folder a second.
///
/// `None`, and a line that says so, where there is no pyspark: `GUGUS_TEST_PYTHON` names the Python that has it, and
/// `cargo xtask test` sets it. In CI that is a failure, and so is a folder that Spark refuses, everywhere.
#[track_caller]
pub(crate) fn load_in_spark(models: &[(PathBuf, Vec<Vec<f64>>)]) -> Option<Vec<Loaded>> {
    let asked = models
        .iter()
        .map(|(path, points)| Asked { path, points })
        .collect();
    let answer: Answer = python::ask(
        "loading our models in Spark itself",
        "load_models.py",
        &Question { models: asked },
    )?;
    assert_eq!(answer.models.len(), models.len(), "one answer a folder");
    Some(answer.models)
}
