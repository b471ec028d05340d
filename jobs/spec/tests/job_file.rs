//! Job files that are taken: the frozen one with every key, defaults, and what is shown of them.

// Helpers fail a test as the test itself does; the lint knows only functions marked as tests.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

use std::num::NonZeroU64;
use std::path::Path;
use std::time::Duration;

use gugus_clusters::{
    Covariance, DbscanParams, GmmInit, GmmParams, MiniBatchInit, MiniBatchParams,
};
use gugus_kmeans::{DistanceMeasure, Init, InitMode, Params, Solver};
use gugus_spec::{
    Algorithm, BatchLimits, Column, ColumnType, CsvFormat, Error, Feature, Format, HandleInvalid,
    Job, Kept, Model, Nullability, OtherColumns, Period, Retrain, Scope, Source, Window,
};

fn fixture() -> Job {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixture.toml");
    Job::from_file(&path).unwrap_or_else(|e| panic!("{e}"))
}

fn column(name: &str, data_type: ColumnType, nullability: Nullability) -> Column {
    Column {
        name: name.to_owned(),
        data_type,
        nullability,
    }
}

fn timestamp(formats: &[&str]) -> ColumnType {
    ColumnType::Timestamp {
        timezone: None,
        formats: formats.iter().map(|f| (*f).to_owned()).collect(),
    }
}

#[test]
fn every_key_of_the_frozen_file_means_what_it_meant() {
    use Nullability::{Optional, Required};
    let expected = Job {
        name: "every-key".parse().unwrap(),
        source: Source {
            topic: "a.topic_of-ours".to_owned(),
            columns: vec![
                column("DR_NO", ColumnType::Utf8, Required),
                column("Arrest", ColumnType::Bool, Optional),
                column("TIME OCC", ColumnType::Int32, Optional),
                column("big", ColumnType::Int64, Optional),
                column("small", ColumnType::Float32, Optional),
                column("LAT", ColumnType::Float64, Required),
                column(
                    "DATE OCC",
                    timestamp(&["%m/%d/%Y %I:%M:%S %p", "%m/%d/%Y %H:%M"]),
                    Optional,
                ),
                column("day", timestamp(&["%Y-%m-%d"]), Optional),
                column("at", timestamp(&[]), Optional),
                column("a \"quoted\" name", ColumnType::Float64, Optional),
            ],
            other_columns: OtherColumns::Drop,
            ..Source::default()
        },
        batches: BatchLimits {
            rows: NonZeroU64::new(1000).unwrap(),
            bytes: Some(64 << 20),
            max_record_bytes: None,
            max_age: Some(Duration::from_secs(5400)),
            idle: Some(Duration::from_millis(500)),
            max_reject_ratio: Some(0.25),
        },
        models: vec![
            Model {
                name: "place".parse().unwrap(),
                condition: Some("\"LAT\" > 0".to_owned()),
                features: vec![
                    Feature {
                        name: "LAT".to_owned(),
                        sql: "\"LAT\"".to_owned(),
                    },
                    Feature {
                        name: "a \"quoted\" name".to_owned(),
                        sql: "\"a \"\"quoted\"\" name\"".to_owned(),
                    },
                    Feature {
                        name: "hour".to_owned(),
                        sql: "floor(\"TIME OCC\" / 100)".to_owned(),
                    },
                ],
                algorithm: Algorithm::KMeans(Params {
                    k: 5,
                    seed: i64::MIN,
                    max_iter: 0,
                    tol: 1e-6,
                    init: Init::Spark,
                    n_init: 1,
                    init_mode: InitMode::Random,
                    init_steps: 3,
                    distance_measure: DistanceMeasure::Cosine,
                    solver: Solver::Row,
                }),
                scope: Scope::Batch,
                retrain: None,
                warm_start: false,
                weight_col: Some("small".to_owned()),
                handle_invalid: HandleInvalid::Skip,
                promote: None,
            },
            Model {
                name: "by-default".parse().unwrap(),
                condition: None,
                features: vec![Feature::column("big")],
                algorithm: Algorithm::default(),
                scope: Scope::default(),
                retrain: None,
                warm_start: false,
                weight_col: None,
                handle_invalid: HandleInvalid::Error,
                promote: None,
            },
        ],
    };
    assert_eq!(fixture(), expected);
}

#[test]
fn every_key_of_the_frozen_file_of_rows_means_what_it_meant() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixture_csv.toml");
    let job = Job::from_file(&path).unwrap_or_else(|e| panic!("{e}"));
    let header = ["id", "a \"quoted\" name", "Größe"].map(str::to_owned);
    assert_eq!(
        (job.source.format, job.source.csv),
        (
            Format::Csv,
            CsvFormat {
                delimiter: b';',
                escape: None,
                header: Some(header.to_vec())
            }
        )
    );
    assert_eq!(job.batches.max_record_bytes, Some(1 << 20));
}

#[test]
fn what_was_understood_can_be_read() {
    let expected = "\
job every-key
topic a.topic_of-ours
columns 10, all others are dropped
  \"DR_NO\" utf8 required
  \"Arrest\" bool
  \"TIME OCC\" int32
  \"big\" int64
  \"small\" float32
  \"LAT\" float64 required
  \"DATE OCC\" timestamp [\"%m/%d/%Y %I:%M:%S %p\", \"%m/%d/%Y %H:%M\"]
  \"day\" timestamp [\"%Y-%m-%d\"]
  \"at\" timestamp ISO 8601
  \"a \\\"quoted\\\" name\" float64
batches of 1000 rows, 64.0 MiB, 1h 30m since the first record, 500ms without a record, stop above 25 % rejected
models 2
  place: k 5, seed -9223372036854775808, max_iter 0, tol 0.000001, random with 3 steps, cosine, solver row, \
rows with a null or NaN are skipped
    where \"LAT\" > 0
    weight \"small\"
    LAT = \"LAT\"
    a \"quoted\" name = \"a \"\"quoted\"\" name\"
    hour = floor(\"TIME OCC\" / 100)
  by-default: k 2, seed -1689246527, max_iter 20, tol 0.0001, k-means|| with 2 steps, euclidean, solver auto
    big = \"big\"";
    assert_eq!(fixture().to_string(), expected);
}

#[test]
fn programs_read_it_as_json() {
    let json = serde_json::to_value(fixture()).unwrap();
    assert_eq!(json["name"], "every-key");
    assert_eq!(json["source"]["other_columns"], "drop");
    let columns = json["source"]["columns"].as_array().unwrap();
    assert_eq!(
        columns[0],
        serde_json::json!({"name": "DR_NO", "type": "utf8", "required": true})
    );
    assert_eq!(
        columns[7],
        serde_json::json!({"name": "day", "type": "timestamp", "format": ["%Y-%m-%d"], "required": false})
    );
    assert_eq!(
        json["batches"],
        serde_json::json!({"rows": 1000, "bytes": 67_108_864, "max_record_bytes": null, "max_age": "1h 30m", "idle": "500ms", "max_reject_ratio": 0.25})
    );
    assert_eq!(json["models"][0]["where"], "\"LAT\" > 0");
    assert_eq!(json["models"][0]["algorithm"], "kmeans");
    assert_eq!(json["models"][0]["params"]["init_mode"], "random");
    assert_eq!(json["models"][0]["scope"], "batch");
    assert_eq!(json["models"][0]["handle_invalid"], "skip");

    for (json, column) in columns.iter().zip(&fixture().source.columns) {
        assert_eq!(
            serde_json::from_value::<Column>(json.clone()).unwrap(),
            *column
        );
    }
}

#[test]
fn written_columns_are_checked_when_read() {
    for json in [
        r#"{"name": "a", "type": "float"}"#,
        r#"{"name": "a", "type": "int32", "format": ["%Y-%m-%d"]}"#,
        r#"{"name": "a", "type": "timestamp", "format": ["%H"]}"#,
        r#"{"name": "a", "type": "timestamp", "timezone": "Mars"}"#,
        r#"{"name": "a", "type": "utf8", "timezone": "UTC"}"#,
    ] {
        assert!(serde_json::from_str::<Column>(json).is_err(), "{json}");
    }
}

#[test]
fn little_is_needed() {
    let job = Job::parse("name = \"n\"\nsource.topic = \"t\"\n", "j.toml").unwrap();
    assert_eq!(job.batches, BatchLimits::default());
    assert_eq!(job.batches.rows.get(), 100);
    assert_eq!(
        job.source,
        Source {
            topic: "t".to_owned(),
            ..Source::default()
        }
    );
    assert!(job.models.is_empty(), "a job may only ingest");
}

#[test]
fn records_may_be_rows_of_csv() {
    let parse = |lines: &str| {
        let text = format!("name = \"n\"\n[source]\ntopic = \"t\"\nformat = \"csv\"\n{lines}\n");
        Job::parse(&text, "j.toml").unwrap_or_else(|e| panic!("{e}"))
    };
    let job = parse("columns.a = { type = \"utf8\" }");
    assert_eq!(job.source.format, Format::Csv);
    assert_eq!(job.source.csv, CsvFormat::default());
    assert!(
        job.to_string()
            .contains("\nrecords are CSV, ',' between cells, in the order of the columns\n"),
        "{job}"
    );

    let job = parse("csv = { delimiter = \"\\t\", header = [\"a b\", \"ä\"] }");
    let csv = &job.source.csv;
    assert_eq!(csv.delimiter, b'\t');
    assert_eq!(csv.header.as_deref().unwrap(), ["a b", "ä"]);
    assert!(
        job.to_string()
            .contains("\nrecords are CSV, '\\t' between cells, in the order [\"a b\", \"ä\"]\n"),
        "{job}"
    );
    assert_eq!(
        serde_json::to_value(&job).unwrap()["source"]["csv"],
        serde_json::json!({"delimiter": "\t", "escape": null, "header": ["a b", "ä"]})
    );
    assert_eq!(
        serde_json::to_value(fixture()).unwrap()["source"]["format"],
        "json"
    );
}

#[test]
fn what_files_hold_can_be_said_of_any_format() {
    let job = Job::parse(
        r#"
        name = "n"
        [source]
        topic = "t"
        null_values = ["NULL", "\\N"]
        keep = ["headers", "key"]
        [source.csv]
        delimiter = ";"
        escape = "\\"
        [source.columns]
        at = { type = "timestamp", timezone = "America/Los_Angeles" }
        ms = { type = "timestamp", format = ["epoch_ms", "%Y-%m-%d %H:%M:%S.%f"] }
        "#,
        "j.toml",
    )
    .unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(job.source.format, Format::Json);
    assert_eq!(job.source.null_values, ["NULL", "\\N"]);
    assert_eq!(job.source.keep, [Kept::Headers, Kept::Key]);
    let csv = &job.source.csv;
    assert_eq!((csv.delimiter, csv.escape), (b';', Some(b'\\')));
    let zone = |column: &Column| match column.data_type {
        ColumnType::Timestamp { timezone, .. } => timezone.map(|zone| zone.to_string()),
        _ => None,
    };
    let zones = job.source.columns.iter().map(zone);
    assert_eq!(
        zones.collect::<Vec<_>>(),
        [Some("America/Los_Angeles".to_owned()), None]
    );
    let text = job.to_string();
    for line in [
        "files of CSV have ';' between cells\n",
        "in cells of CSV, '\\\\' stands before a quote\n",
        "no value is also written [\"NULL\", \"\\\\N\"]\n",
        "  \"at\" timestamp ISO 8601 in America/Los_Angeles\n",
    ] {
        assert!(text.contains(line), "{line} in {text}");
    }
    for column in &job.source.columns {
        let json = serde_json::to_value(column).unwrap();
        assert_eq!(serde_json::from_value::<Column>(json).unwrap(), *column);
    }
}

#[test]
fn numbers_and_sizes_in_their_other_forms() {
    let batches = |line: &str| {
        let text = format!("name = \"n\"\nsource.topic = \"t\"\n[batches]\n{line}\n");
        Job::parse(&text, "j.toml")
            .unwrap_or_else(|e| panic!("{e}"))
            .batches
    };
    assert_eq!(batches("bytes = 1000").bytes, Some(1000));
    assert_eq!(batches("bytes = \"10 MB\"").bytes, Some(10_000_000));
    assert_eq!(batches("bytes = \"1.5KiB\"").bytes, Some(1536));
    assert_eq!(
        batches("max_record_bytes = \"1MiB\"").max_record_bytes,
        Some(1 << 20)
    );
    assert_eq!(batches("rows = 0x10").rows.get(), 16);
    assert_eq!(batches("max_reject_ratio = 0").max_reject_ratio, Some(0.0));
    assert_eq!(
        batches("max_age = \"2days\"").max_age,
        Some(Duration::from_secs(172_800))
    );
    let text = "name = \"n\"\nsource.topic = \"t\"\n[[models]]\nname = \"m\"\nfeatures = [\"x\"]\ntol = 0\nk = 1_000\n";
    let job = Job::parse(text, "j.toml").unwrap();
    let params = job.models[0].algorithm.kmeans().unwrap();
    assert_eq!((params.tol, params.k), (0.0, 1000));
}

fn models() -> Job {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixture_models.toml");
    Job::from_file(&path).unwrap_or_else(|e| panic!("{e}"))
}

#[test]
fn every_key_of_the_frozen_file_of_models_means_what_it_meant() {
    let job = models();
    let by_name = |name: &str| {
        let model = job.models.iter().find(|model| model.name.as_str() == name);
        model.unwrap_or_else(|| panic!("{name}"))
    };
    for (name, algorithm) in [
        (
            "moving",
            Algorithm::MiniBatch(MiniBatchParams {
                k: 5,
                seed: -3,
                init_mode: MiniBatchInit::Random,
                n_runs: 4,
            }),
        ),
        (
            "moving-by-default",
            Algorithm::MiniBatch(MiniBatchParams::default()),
        ),
        (
            "spots",
            Algorithm::Dbscan(DbscanParams {
                eps: 0.005,
                min_points: 10,
            }),
        ),
        (
            "spots-by-default",
            Algorithm::Dbscan(DbscanParams {
                eps: 1.0,
                min_points: 5,
            }),
        ),
        (
            "mixture",
            Algorithm::Gmm(GmmParams {
                k: 1,
                seed: 9,
                init_mode: GmmInit::Random,
                covariance_type: Covariance::Full,
                max_iter: 50,
                tol: 0.25,
                n_runs: 3,
                reg_covar: 0.0,
            }),
        ),
        ("mixture-by-default", Algorithm::Gmm(GmmParams::default())),
        ("spark", Algorithm::default()),
    ] {
        let model = by_name(name);
        assert_eq!(
            (&model.algorithm, &model.scope),
            (&algorithm, &Scope::Batch)
        );
        // As it is written beside a saved model.
        let json = serde_json::to_string(&algorithm).unwrap();
        assert_eq!(serde_json::from_str::<Algorithm>(&json).unwrap(), algorithm);
        assert!(Algorithm::NAMES.contains(&algorithm.name()));
    }
    let by = |by, column: &str| {
        let column = column.to_owned();
        Scope::Window(Window::By { by, column })
    };
    for (name, scope) in [
        ("everything", Scope::All),
        (
            "newest",
            Scope::Window(Window::Last {
                last: NonZeroU64::new(100).unwrap(),
            }),
        ),
        ("months", by(Period::Month, "DATE OCC")),
        ("arrivals", by(Period::Hour, "_timestamp")),
        (
            "areas",
            Scope::Window(Window::Sql {
                sql: "\"AREA NAME\"".to_owned(),
            }),
        ),
    ] {
        assert_eq!(by_name(name).scope, scope);
    }
    assert_eq!(by_name("moving").handle_invalid, HandleInvalid::Skip);
    assert_eq!(by_name("spots").condition.as_deref(), Some("\"x\" > 0"));
}

#[test]
fn models_of_every_kind_can_be_read() {
    let text = models().to_string();
    for line in [
        "  moving: minibatch, k 5, seed -3, random, best of 4 draws, rows with a null or NaN are skipped",
        "  spots: dbscan, eps 0.005, min_points 10",
        "  mixture: gmm, k 1, seed 9, max_iter 50, tol 0.25, full covariances, reg_covar 0, random, best of 3 runs",
        "  everything: k 2, seed 1, max_iter 20, tol 0.0001, k-means|| with 2 steps, euclidean, solver auto, one model over all batches",
    ] {
        assert!(text.lines().any(|other| other == line), "{line} in {text}");
    }
    for end in [
        ", one model over the last 100 batches",
        ", one model per month of \"DATE OCC\"",
        ", one model for each \"AREA NAME\"",
    ] {
        assert!(
            text.lines().any(|line| line.ends_with(end)),
            "{end} in {text}"
        );
    }
    let json = serde_json::to_value(models()).unwrap();
    assert_eq!(
        json["models"][2],
        serde_json::json!({
            "name": "spots", "where": "\"x\" > 0", "features": [{"name": "x", "sql": "\"x\""}],
            "algorithm": "dbscan", "params": {"eps": 0.005, "min_points": 10}, "scope": "batch",
            "weight_col": null, "handle_invalid": "error",
        })
    );
}

#[test]
fn a_model_over_all_says_when_it_is_trained_again() {
    for (line, retrain, shown) in [
        (
            "retrain = { batches = 10 }",
            Retrain::Batches(NonZeroU64::new(10).unwrap()),
            "after 10 batches",
        ),
        (
            "retrain = { every = \"5m\" }",
            Retrain::Every(Duration::from_secs(300)),
            "every 5m",
        ),
        (
            "retrain = { growth = 0.25 }",
            Retrain::Growth(0.25),
            "when rows have grown by 25 %",
        ),
    ] {
        let text = format!(
            "name = \"n\"\n[source]\ntopic = \"t\"\ncolumns.x = {{ type = \"int32\" }}\n[[models]]\nname = \"m\"\nfeatures = [\"x\"]\nscope = \"all\"\nwarm_start = true\n{line}\n"
        );
        let job = Job::parse(&text, "j.toml").unwrap();
        assert_eq!(job.models[0].retrain, Some(retrain));
        assert!(job.models[0].warm_start);
        let end =
            format!(", one model over all batches, trained again {shown}, from its last centers");
        assert!(job.to_string().contains(&end), "{job}");
    }
}

#[test]
fn what_was_written_before_there_were_algorithms_is_kmeans() {
    let old = r#"{"params": {"k": 5, "seed": 1}, "rows": 100}"#;
    let read: Algorithm = serde_json::from_str(old).unwrap();
    assert_eq!(
        (read.name(), read.k(), read.seed()),
        ("kmeans", Some(5), Some(1))
    );
    for (json, why) in [
        (r#"{"algorithm": "kmedoids", "params": {}}"#, "kmedoids"),
        (r#"{"algorithm": "dbscan", "params": {}}"#, "eps"),
        (r#"{"algorithm": "gmm", "params": {"eps": 1.0}}"#, "eps"),
        (r#"{"algorithm": "gmm"}"#, "params"),
    ] {
        let error = serde_json::from_str::<Algorithm>(json).unwrap_err();
        assert!(error.to_string().contains(why), "{error}");
    }
    let spots: Algorithm =
        serde_json::from_str(r#"{"algorithm": "dbscan", "params": {"eps": 2}}"#).unwrap();
    assert_eq!(
        (spots.k(), spots.seed(), spots.kmeans()),
        (None, None, None)
    );
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("crime.toml");
    let error = Job::from_file(&path).unwrap_err();
    assert!(matches!(error, Error::Read { .. }));
    assert!(error.to_string().contains("crime.toml") && error.place().is_none());

    std::fs::write(&path, b"name = \"\xff\"").unwrap();
    assert!(matches!(
        Job::from_file(&path).unwrap_err(),
        Error::Read { .. }
    ));

    std::fs::write(&path, "name = 1\n").unwrap();
    let error = Job::from_file(&path).unwrap_err();
    assert_eq!(error.place().unwrap().line, 1);
    assert!(
        error
            .to_string()
            .contains("crime.toml line 1: name in the job file is 1"),
        "{error}"
    );
}

#[test]
fn a_model_may_take_an_alias() {
    let text = "name = \"n\"\nsource.topic = \"t\"\n[[models]]\nname = \"m\"\nfeatures = [\"x\"]\n\
                promote = { if = \"silhouette >= 0.4 and drift <= 0.2\", alias = \"production\" }\n";
    let job = Job::parse(text, "j.toml").unwrap();
    let promote = job.models[0].promote.as_ref().unwrap();
    assert_eq!(promote.condition, "silhouette >= 0.4 and drift <= 0.2");
    assert_eq!(promote.alias.as_str(), "production");
    let summary = job.to_string();
    assert!(
        summary.contains("becomes production if silhouette >= 0.4"),
        "{summary}"
    );
    let json = serde_json::to_value(&job).unwrap();
    assert_eq!(json["models"][0]["promote"]["alias"], "production");
    assert!(json["models"][0]["promote"]["if"].is_string());
}

#[test]
fn starts_that_are_not_sparks_are_in_the_summary_and_in_json() {
    let text = |keys: &str| {
        format!(
            "name = \"n\"\nsource.topic = \"t\"\n[[models]]\nname = \"m\"\nfeatures = [\"x\"]\n{keys}"
        )
    };
    let job = Job::parse(&text("init = \"k-means++\"\nn_init = 4\n"), "j.toml").unwrap();
    let Algorithm::KMeans(params) = &job.models[0].algorithm else {
        panic!("{:?}", job.models[0]);
    };
    assert_eq!((params.init, params.n_init), (Init::PlusPlus, 4));
    let summary = job.to_string();
    let line = "tol 0.0001, k-means++, the best of 4 starts, euclidean, solver auto";
    assert!(summary.contains(line), "{summary}");
    let json = serde_json::to_value(&job).unwrap();
    let params = &json["models"][0]["params"];
    assert_eq!(
        (&params["init"], &params["n_init"]),
        (&"k-means++".into(), &4.into())
    );
    // Spark's own ways are written as before.
    let job = Job::parse(&text("init = \"spark\"\nn_init = 1\n"), "j.toml").unwrap();
    assert_eq!(job, Job::parse(&text(""), "j.toml").unwrap());
}
