//! A folder to work in: job file, records, batches, models.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};
use tempfile::TempDir;

use crate::kit::process::{Gugus, Output, Up, run};

/// The repository's root.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

/// A job file of the repository.
pub(crate) fn shipped(name: &str) -> String {
    root().join("jobs").join(name).to_str().unwrap().to_owned()
}

/// A temporary folder with the places that commands work on.
pub(crate) struct Work {
    folder: TempDir,
}

impl Work {
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// A path in the folder, as text.
    pub(crate) fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    /// Writes a file and gives its path.
    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// A job named `test`, as [`job`] makes it.
    pub(crate) fn job(&self, rows: u64, models: &str) -> String {
        self.write("test.toml", job("test", rows, models))
    }

    /// A CSV file of made-up crime records.
    pub(crate) fn generate(&self, records: u64, seed: u64) -> String {
        let csv = self.path("generated.csv");
        run(format!(
            "generate --records {records} --seed {seed} --output {csv}"
        ))
        .expect(0);
        csv
    }

    /// Imports made-up records as batches of the shipped crime job, and gives that job.
    pub(crate) fn generated(&self, records: u64, seed: u64) -> String {
        let (csv, job) = (self.generate(records, seed), shipped("crime.toml"));
        self.imported(&job, &csv);
        job
    }

    /// A CSV file of x and y, `rows` places without any order, no two the same.
    pub(crate) fn scattered(&self, name: &str, rows: u64) -> String {
        let mut text = "x,y\n".to_owned();
        let mut state = 1_u64;
        let mut next = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f64 / 1e6
        };
        for _ in 0..rows {
            writeln!(text, "{},{}", next(), next()).unwrap();
        }
        self.write(name, text)
    }

    /// A CSV file of x and y, both these numbers.
    pub(crate) fn numbers(&self, name: &str, numbers: std::ops::Range<i64>) -> String {
        let lines: String = numbers.map(|n| format!("{n},{n}\n")).collect();
        self.write(name, format!("x,y\n{lines}"))
    }

    /// A CSV file of x and y.
    pub(crate) fn csv(&self, name: &str, rows: &[[&str; 2]]) -> String {
        let mut text = "x,y\n".to_owned();
        for [x, y] in rows {
            writeln!(text, "{x},{y}").unwrap();
        }
        self.write(name, text)
    }

    pub(crate) fn import(&self, job: &str, file: &str, more: &[&str]) -> Output {
        let batches = self.path("batch");
        run([&importing(job, file, &batches), more].concat())
    }

    /// Imports a file without a mishap.
    #[track_caller]
    pub(crate) fn imported(&self, job: &str, file: &str) {
        self.import(job, file, &[]).expect(0);
    }

    pub(crate) fn train(&self, job: &str, more: &[&str]) -> Output {
        self.training(job, "models", more).run()
    }

    /// What `gugus train` into the folder `models` reports.
    #[track_caller]
    pub(crate) fn trained(&self, job: &str, models: &str, more: &[&str]) -> Value {
        self.training(job, models, more).run().expect(0).json()
    }

    /// `gugus train` into the folder `models`, not begun yet.
    pub(crate) fn training(&self, job: &str, models: &str, more: &[&str]) -> Gugus {
        let (batches, models) = (self.path("batch"), self.path(models));
        Gugus::new([&training(job, &batches, &models), more].concat())
    }

    /// A command about the batches.
    #[track_caller]
    pub(crate) fn on(&self, words: &[&str]) -> Output {
        run([words, &["--batches", &self.path("batch")]].concat())
    }

    /// What a command about the batches answers as JSON.
    #[track_caller]
    pub(crate) fn told(&self, words: &[&str]) -> Value {
        let json = [words, &["--output", "json"]].concat();
        self.on(&json).expect(0).json()
    }

    /// `gugus batches verify`, which finds nothing wrong.
    #[track_caller]
    pub(crate) fn verify(&self) -> Value {
        let verified = self.told(&["batches", "verify"]);
        assert_eq!(verified["problems"], json!([]));
        verified
    }

    /// Serves the models.
    #[track_caller]
    pub(crate) fn serve(&self) -> Up {
        self.serving().up()
    }

    /// `gugus serve` of the folder `models`, which may be empty, not begun yet.
    pub(crate) fn serving(&self) -> Gugus {
        let models = self.path("models");
        std::fs::create_dir_all(&models).unwrap();
        Gugus::new(["serve", "--models", &models, "--listen", "127.0.0.1:0"])
    }

    /// The centers of a model of a batch.
    #[track_caller]
    pub(crate) fn centers(&self, models: &str, model: &str, batch: u64) -> Vec<Vec<f64>> {
        self.centers_of(models, &format!("{model} --batch {batch}"))
    }

    /// The centers that `models show` prints of a model.
    #[track_caller]
    pub(crate) fn centers_of(&self, models: &str, model: &str) -> Vec<Vec<f64>> {
        let models = self.path(models);
        let shown = run(format!(
            "models show {model} --models {models} --output json"
        ));
        serde_json::from_value(shown.expect(0).json()["centers"].clone()).unwrap()
    }
}

/// A job of the columns x and y (float64, optional) whose topic has its name, `rows` records a batch, and these
/// `[[models]]`.
pub(crate) fn job(name: &str, rows: u64, models: &str) -> String {
    format!(
        "name = \"{name}\"\n[source]\ntopic = \"{name}\"\n[source.columns]\n\"x\" = {{ type = \"float64\" }}\n\
         \"y\" = {{ type = \"float64\" }}\n[batches]\nrows = {rows}\n{models}"
    )
}

/// A `[[models]]` entry over the features x and y; `more` are its other keys.
pub(crate) fn model(name: &str, more: &str) -> String {
    format!("[[models]]\nname = \"{name}\"\nfeatures = [\"x\", \"y\"]\n{more}")
}

/// The arguments of `gugus batches import`. Their places may have spaces.
pub(crate) fn importing<'a>(job: &'a str, file: &'a str, batches: &'a str) -> Vec<&'a str> {
    let places = ["--job", job, "--batches", batches];
    [&["batches", "import", file], &places[..]].concat()
}

/// The arguments of `gugus train`, which reports as JSON. Their places may have spaces.
pub(crate) fn training<'a>(job: &'a str, batches: &'a str, models: &'a str) -> Vec<&'a str> {
    let places = ["--batches", batches, "--models", models];
    [&["train", "--job", job, "--output", "json"], &places[..]].concat()
}

/// All models of a folder by their paths, without what may differ between two trainings of the same: `model.json`, whose
/// checksum of the file of centers stands for each of their bits.
pub(crate) fn models(folder: &str) -> Value {
    let subfolders = |folder: &Path| -> Vec<PathBuf> {
        let entries = std::fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect()
    };
    let models = subfolders(Path::new(folder));
    let mut found = Map::new();
    for place in models.iter().flat_map(|model| subfolders(model)) {
        // A killed process leaves the folder that it was writing, under another name or without its last file.
        let hidden = place
            .file_name()
            .is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if hidden || !place.join("_SUCCESS").exists() {
            continue;
        }
        let text = std::fs::read(place.join("model.json")).unwrap();
        let mut about: Value = serde_json::from_slice(&text).unwrap();
        let about = about.as_object_mut().unwrap();
        about.remove("uid");
        about.remove("trained_at");
        if let Some(before) = about.get_mut("carried_from") {
            // The batch says which model it was. Each training gives it a new uid.
            before["uid"].take();
        }
        let checksums = about.remove("checksums").unwrap();
        let mut centers = checksums.as_object().unwrap().iter();
        let (_, centers) = centers.find(|(name, _)| name.starts_with("data/")).unwrap();
        about.insert("centers".to_owned(), centers.clone());
        let path = place.strip_prefix(folder).unwrap().display().to_string();
        found.insert(path, json!(about));
    }
    Value::Object(found)
}

/// A report of `train --output json` without what may differ between two runs.
pub(crate) fn comparable(report: &Value) -> Value {
    let mut report = report.clone();
    report["seconds"] = json!(0);
    report
}

/// The lines of `train --output json` for one model, by batch.
pub(crate) fn lines<'a>(report: &'a Value, model: &str) -> Vec<&'a Value> {
    report["models"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|m| m["model"] == model)
        .collect()
}

/// Whether two numbers are the same by the tolerance of "Spark-equal": 1e-12 of the larger one.
pub(crate) fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-12 * a.abs().max(b.abs())
}
