//! Job files that are taken: the frozen one with every key, defaults, and what is shown of them.

// Helpers fail a test as the test itself does; the lint knows only functions marked as tests.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

use std::num::NonZeroU64;
use std::path::Path;
use std::time::Duration;

use gugus_kmeans::{DistanceMeasure, InitMode, Params, Solver};
use gugus_spec::{
    BatchLimits, Column, ColumnType, CsvFormat, Error, Feature, Format, HandleInvalid, Job, Model,
    Nullability, OtherColumns, Source,
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
            format: Format::Json,
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
                params: Params {
                    k: 5,
                    seed: i64::MIN,
                    max_iter: 0,
                    tol: 1e-6,
                    init_mode: InitMode::Random,
                    init_steps: 3,
                    distance_measure: DistanceMeasure::Cosine,
                    solver: Solver::Row,
                },
                weight_col: Some("small".to_owned()),
                handle_invalid: HandleInvalid::Skip,
            },
            Model {
                name: "by-default".parse().unwrap(),
                condition: None,
                features: vec![Feature::column("big")],
                params: Params::default(),
                weight_col: None,
                handle_invalid: HandleInvalid::Error,
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
        job.source.format,
        Format::Csv(CsvFormat {
            delimiter: b';',
            header: Some(header.to_vec())
        })
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
    assert_eq!(json["models"][0]["params"]["init_mode"], "random");
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
            format: Format::Json,
            columns: vec![],
            other_columns: OtherColumns::Utf8
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
    assert_eq!(job.source.format, Format::Csv(CsvFormat::default()));
    assert!(
        job.to_string()
            .contains("\nrecords are CSV, ',' between cells, in the order of the columns\n"),
        "{job}"
    );

    let job = parse("csv = { delimiter = \"\\t\", header = [\"a b\", \"ä\"] }");
    let Format::Csv(csv) = &job.source.format else {
        panic!("{:?}", job.source.format)
    };
    assert_eq!(csv.delimiter, b'\t');
    assert_eq!(csv.header.as_deref().unwrap(), ["a b", "ä"]);
    assert!(
        job.to_string()
            .contains("\nrecords are CSV, '\\t' between cells, in the order [\"a b\", \"ä\"]\n"),
        "{job}"
    );
    assert_eq!(
        serde_json::to_value(&job).unwrap()["source"]["format"],
        serde_json::json!({"csv": {"delimiter": "\t", "header": ["a b", "ä"]}})
    );
    assert_eq!(
        serde_json::to_value(fixture()).unwrap()["source"]["format"],
        "json"
    );
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
    let params = Job::parse(text, "j.toml").unwrap().models[0].params.clone();
    assert_eq!((params.tol, params.k), (0.0, 1000));
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
