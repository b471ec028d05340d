use std::io::Write as _;

use gugus_files::Store;
use gugus_spec::{Column, ColumnType, Nullability};

use super::*;
use crate::import::{self, Cut, Repeat};
use crate::{Error, Kind};

/// A file of this name and content, and the folder that holds it.
fn file(name: &str, content: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, content).unwrap();
    (folder, path)
}

fn infer(path: &Path) -> Result<String, Error> {
    run(&Config {
        file: path.to_owned(),
        rows: 1000,
        name: None,
    })
}

/// The job inferred from a file, after all of the file was imported by it.
async fn imported(name: &str, content: &[u8]) -> (String, Job) {
    let (_folder, path) = file(name, content);
    let text = infer(&path).unwrap();
    let job = Job::parse(&text, "inferred.toml").unwrap_or_else(|e| panic!("{e}\n{text}"));
    let config = import::Config {
        job: job.clone(),
        store: Store::in_memory(),
        files: vec![path],
        cut: Cut::ByRows,
        repeat: Repeat::Refuse,
        progress: Progress::default(),
    };
    let summary = import::run(config, Default::default()).await.unwrap();
    assert_eq!(summary.rejected, 0, "{text}");
    assert!(summary.records > 0);
    (text, job)
}

fn column<'j>(job: &'j Job, name: &str) -> &'j Column {
    job.source.columns.iter().find(|c| c.name == name).unwrap()
}

fn packed(content: &[u8]) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(content).unwrap();
    gzip.finish().unwrap()
}

#[tokio::test]
async fn words_for_no_value_and_instants_are_proposed() {
    let content = "seen_at,LAT,LON,name\n1577934245,34.01,-118.29,NA\n1577934246,NULL,N/A,x\n";
    let (text, job) = imported("events.csv", content.as_bytes()).await;
    assert_eq!(job.source.null_values, ["N/A", "NULL"], "{text}");
    let formats = vec!["epoch_s".to_owned()];
    let timestamp = ColumnType::Timestamp {
        formats,
        timezone: None,
    };
    assert_eq!(column(&job, "seen_at").data_type, timestamp);
    assert_eq!(column(&job, "LAT").data_type, ColumnType::Float64);
    let sparse = Some("\"LAT\" IS NOT NULL AND \"LON\" IS NOT NULL");
    assert_eq!(job.models[0].condition.as_deref(), sparse);
}

#[tokio::test]
async fn the_same_file_is_imported_without_rejects() {
    let content = "ID,Date Rptd,TIME OCC,AREA,LAT,LON,Arrest,\"Größe \"\"x\"\"\"\n\
        1,01/31/2020 12:00:00 AM,2230,01,34.01,-118.29,true,1\n\
        2,3/1/2020 0:00,330,02,34.05,-118.3,false,\n";
    let (text, job) = imported("Crime Data 2020.csv.gz", &packed(content.as_bytes())).await;
    assert_eq!(job.name.as_str(), "crime-data-2020");
    assert_eq!(job.source.topic, "crime-data-2020-topic");
    assert_eq!(column(&job, "ID").data_type, ColumnType::Int32);
    let formats = ["%m/%d/%Y %I:%M:%S %p", "%m/%d/%Y %H:%M"];
    let formats = formats.map(str::to_owned).to_vec();
    assert_eq!(
        column(&job, "Date Rptd").data_type,
        ColumnType::Timestamp {
            formats,
            timezone: None
        }
    );
    assert_eq!(column(&job, "AREA").data_type, ColumnType::Utf8);
    let note = "# text, since \"01\" would lose its zero as a number\n\"AREA\" = ";
    assert!(text.contains(note), "{text}");
    assert_eq!(column(&job, "Größe \"x\"").data_type, ColumnType::Int32);
    let columns = job.source.columns.iter();
    let required = columns.filter(|c| c.nullability == Nullability::Required);
    assert!(required.map(|c| &c.name).eq(["LAT", "LON"]));
    let model = &job.models[0];
    assert_eq!(model.name.as_str(), "location");
    assert_eq!(
        (model.algorithm.k(), model.algorithm.seed()),
        (Some(5), Some(1))
    );
    assert!(model.features.iter().map(|f| &f.name).eq(["LAT", "LON"]));
}

#[tokio::test]
async fn features_that_may_be_missing_are_asked_for_by_where() {
    let (_, job) = imported("t.csv", b"end_lat,start_lng\n34.0,-118.0\n,-118.5\n").await;
    let condition = job.models[0].condition.as_deref();
    assert_eq!(condition, Some("\"end_lat\" IS NOT NULL"));
    assert_eq!(column(&job, "end_lat").nullability, Nullability::Optional);
    assert_eq!(column(&job, "start_lng").nullability, Nullability::Required);
}

#[tokio::test]
async fn without_a_place_the_first_floats_are_features_and_without_floats_there_is_no_model() {
    // A latitude of 120 is none.
    let (_, job) = imported("t.csv", b"lat,lon,y\n120.5,1.5,2.5\n").await;
    assert_eq!(job.models[0].name.as_str(), "points");
    assert_eq!(job.models[0].features.len(), 2);
    let (text, job) = imported("t.csv", b"a,b\n1,x\n").await;
    assert!(job.models.is_empty());
    assert!(text.contains("# [[models]]"));
}

#[tokio::test]
async fn names_that_a_job_cannot_have_are_left_to_the_batch() {
    let content = "a\\b,\"two\nlines\",_offset,,\u{7f},\"\"\"\"\n1.5,2.5,3,4,5,6\n".as_bytes();
    let (text, job) = imported("..%%.csv", content).await;
    assert_eq!(job.name.as_str(), "job", "{text}");
    let names: Vec<_> = job.source.columns.iter().map(|c| c.name.as_str()).collect();
    assert_eq!(names, ["a\\b", "two\nlines", "_c3", "\u{7f}", "\""]);
}

#[tokio::test]
async fn only_the_sample_is_looked_at() {
    let (_folder, path) = file("t.csv", b"a\n1\n2\nthree\n");
    let config = Config {
        file: path,
        rows: 2,
        name: Some("mine".to_owned()),
    };
    let job = Job::parse(&run(&config).unwrap(), "t").unwrap();
    assert_eq!(job.name.as_str(), "mine");
    assert_eq!(column(&job, "a").data_type, ColumnType::Int32);
}

#[tokio::test]
async fn wide_files_have_a_line_for_each_column() {
    let names: Vec<_> = (0..3000).map(|i| format!("c{i}")).collect();
    let cells = vec!["1"; 3000].join(",");
    let content = format!("{}\n{cells}\n", names.join(","));
    let (_, job) = imported("wide.csv", content.as_bytes()).await;
    assert_eq!(job.source.columns.len(), 3000);
}

#[test]
fn files_that_tell_no_types_are_refused_with_what_to_do() {
    let cases: [(&str, &[u8], &str); 8] = [
        ("t.csv", b"", "it has no header"),
        ("t.csv", b"a,b\n", "there is no record in it"),
        ("t.csv", b"a,a\n1,2\n", "are both named \"a\""),
        (
            "t.csv",
            b"a,b\n1,2\n1,2,3\n",
            "line 3: the row has 3 cells, but its header has 2",
        ),
        (
            "t.csv",
            b"a,b\n1,\xe4\n",
            "line 2: column \"b\" is not UTF-8 at byte 0",
        ),
        ("t.csv", b"\xff,b\n1,2\n", "not UTF-8"),
        ("t.jsonl", b"{}\n", "from CSV only"),
        ("t.txt", b"a\n", "must end in .csv"),
    ];
    for (name, content, word) in cases {
        let (_folder, path) = file(name, content);
        let error = infer(&path).unwrap_err();
        assert_eq!(error.kind(), Kind::Usage, "{error}");
        assert!(error.to_string().contains(word), "{word}: {error}");
    }

    let (folder, path) = file("t.csv", b"a\n1\n");
    let missing = infer(&folder.path().join("none.csv")).unwrap_err();
    assert_eq!(missing.kind(), Kind::Usage);
    let config = Config {
        file: path,
        rows: 10,
        name: Some("a b".to_owned()),
    };
    let error = run(&config).unwrap_err();
    assert_eq!(error.kind(), Kind::Usage);
    let word = "\"a b\" holds other characters";
    assert!(error.to_string().contains(word), "{error}");
}
