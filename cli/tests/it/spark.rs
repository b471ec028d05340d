//! Apache Spark itself, as the judge of what we write: pyspark 3.5.5 loads model folders and predicts with them.

#![allow(dead_code, reason = "a kit: each test takes what it needs")]
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};

use crate::process;

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
    let Some(python) = std::env::var_os("GUGUS_TEST_PYTHON").filter(|python| !python.is_empty())
    else {
        process::skipped(
            "loading our models in Spark itself",
            "GUGUS_TEST_PYTHON names no Python; `cargo xtask test` sees to one",
        );
        return None;
    };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../dev/python/load_models.py");
    let asked = models
        .iter()
        .map(|(path, points)| Asked { path, points })
        .collect();
    let question =
        serde_json::to_vec(&Question { models: asked }).expect("paths are text, points are finite");

    let mut child = Command::new(&python)
        .arg(&script)
        .env("PYSPARK_PYTHON", &python)
        // A Spark of the developer's own must not be the one that answers.
        .env_remove("SPARK_HOME")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| {
            panic!(
                "GUGUS_TEST_PYTHON names {}, which does not start: {error}",
                python.display()
            )
        });
    // The script reads all of it before it says anything, so this cannot block on a full pipe. When it ended before,
    // its own words below say why.
    let _ = child
        .stdin
        .take()
        .expect("a piped standard input")
        .write_all(&question);
    let output = child.wait_with_output().expect("the script ends");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "load_models.py: {}\n{said}",
        output.status
    );
    let answer: Answer = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        panic!(
            "load_models.py answered something else: {error}\n{}\n{said}",
            String::from_utf8_lossy(&output.stdout)
        )
    });
    assert_eq!(answer.models.len(), models.len(), "one answer a folder");
    Some(answer.models)
}
