//! Files become batches.

use std::io::Write;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::datatypes::Int32Type;
use flate2::{Compression, write::GzEncoder};
use gugus_batches::ImportedPart;
use gugus_ingest::import::{Cut, Summary};
use gugus_spec::BatchNumber;
use parquet::arrow::ArrowWriter;
use parquet::basic::ZstdLevel;
use parquet::file::properties::WriterProperties;

use crate::support::*;

/// The rows as a Parquet file, in row groups of a hundred.
pub(crate) fn parquet(rows: &[RecordBatch]) -> Vec<u8> {
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(100))
        .set_compression(parquet::basic::Compression::ZSTD(ZstdLevel::default()))
        .build();
    let mut writer = ArrowWriter::try_new(Vec::new(), rows[0].schema(), Some(properties)).unwrap();
    for rows in rows {
        writer.write(rows).unwrap();
    }
    writer.into_inner().unwrap()
}

/// Rows with one column of text, named x.
pub(crate) fn text_column(texts: Vec<Option<&str>>) -> RecordBatch {
    let texts: ArrayRef = std::sync::Arc::new(StringArray::from(texts));
    RecordBatch::try_from_iter([("x", texts)]).unwrap()
}

/// The summary of an import that rejected nothing.
fn told(files: u64, batches: u64, records: u64) -> Summary {
    Summary {
        files,
        batches,
        records,
        ..Summary::default()
    }
}

fn sizes(batches: &[RecordBatch]) -> Vec<usize> {
    batches.iter().map(RecordBatch::num_rows).collect()
}

/// The rows of a CSV as lines of JSON.
fn json_lines(csv: &[u8]) -> Vec<u8> {
    let mut reader = csv::Reader::from_reader(csv);
    let names = reader.headers().unwrap().clone();
    let mut lines = Vec::new();
    for row in reader.records() {
        let row = row.unwrap();
        let cells = names.iter().zip(&row);
        let object: serde_json::Map<_, _> = cells
            .map(|(name, cell)| (name.to_owned(), cell.into()))
            .collect();
        serde_json::to_writer(&mut lines, &object).unwrap();
        lines.push(b'\n');
    }
    lines
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

#[tokio::test]
async fn a_csv_becomes_batches_that_verify() {
    let folder = Folder::new();
    let csv = sample(1_000, 1);
    let file = folder.write("sample.csv", &csv);
    let summary = folder.import_all(&crime("t", "rows = 100"), &[&file]).await;
    assert_eq!(summary, told(1, 10, 1_000));
    assert_eq!(folder.counts().await, (10, 1_000, 0));
    assert_eq!(ends(&folder.verify().await), [(0, (0, 1_000))].into());

    let rows = folder.rows().await;
    assert!(rows.iter().all(|rows| rows.num_rows() == 100));
    assert_eq!(offsets(&rows), (0..1_000).collect::<Vec<_>>());
    let lats = cells(&csv, "LAT");
    let lats = lats.iter().map(|cell| Some(cell.parse().unwrap()));
    assert_eq!(floats(&rows, "LAT"), lats.collect::<Vec<_>>());
    let numbers = cells(&csv, "DR_NO").into_iter().map(Some);
    assert_eq!(texts(&rows, "DR_NO"), numbers.collect::<Vec<_>>());
    // Columns that the job does not name are kept as text, and empty cells are null.
    let streets = cells(&csv, "Cross Street").into_iter();
    let streets = streets.map(|cell| Some(cell).filter(|c| !c.is_empty()));
    assert_eq!(texts(&rows, "Cross Street"), streets.collect::<Vec<_>>());
    let first = &rows[0];
    let partitions = first["_partition"].as_primitive::<Int32Type>().values();
    assert!(partitions.iter().all(|p| *p == 0));
    assert_eq!(first["_timestamp"].null_count(), 100);
    let schema = first.schema();
    let names: Vec<_> = schema.fields().iter().map(|f| f.name()).collect();
    assert_eq!(names.len(), 28 + 3);
    assert_eq!(names[28..], ["_partition", "_offset", "_timestamp"]);
}

#[tokio::test]
async fn every_format_gives_the_same_rows() {
    let csv = sample(350, 2);
    let job = crime("t", "rows = 100");
    let folder = Folder::new();
    let file = folder.write("sample.csv", &csv);
    folder.import_all(&job, &[&file]).await;
    let expected = folder.rows().await;
    assert_eq!(sizes(&expected), [100, 100, 100, 50]);

    let lines = json_lines(&csv);
    // The Parquet file has _partition, _offset and _timestamp of its own, which are dropped.
    let files = [
        ("sample.csv.gz", gzip(&csv)),
        ("sample.jsonl", lines.clone()),
        ("sample.ndjson.gz", gzip(&lines)),
        ("sample.parquet", parquet(&expected)),
    ];
    for (name, bytes) in files {
        let folder = Folder::new();
        let summary = folder.import(&job, name, bytes).await;
        assert_eq!(summary, told(1, 4, 350), "{name}");
        folder.verify().await;
        assert_eq!(folder.rows().await, expected, "{name}");
    }
}

#[tokio::test]
async fn a_batch_spans_files_and_says_which() {
    let folder = Folder::new();
    let a = folder.write("a.csv", "x,y\n1,\n2,\n3,\n");
    let b = folder.write("b.jsonl", "{\"x\":4}\n\n{\"x\":5}\n");
    let c = folder.write("c.csv", "y,x\n,6\n,7\n,8\n,9\n,10\n");
    let empty = folder.write("empty.csv", "x,y\n");
    let job = points("t", "rows = 4");
    let summary = folder.import_all(&job, &[&a, &b, &empty, &c]).await;
    assert_eq!(summary, told(4, 3, 10));
    let xs = floats(&folder.rows().await, "x");
    assert_eq!(xs, numbers(1..11).into_iter().map(Some).collect::<Vec<_>>());
    let log = folder.log().await;
    let mut parts = Vec::new();
    for footer in log.footers(&log.numbers().await.unwrap()).await.unwrap() {
        assert!(footer.imported.iter().all(|part| part.sha256.len() == 64));
        let short = |part: &ImportedPart| (part.first, part.next, part.last);
        parts.push(footer.imported.iter().map(short).collect::<Vec<_>>());
    }
    assert_eq!(
        parts,
        [
            vec![(0, 3, true), (0, 1, false)],
            vec![(1, 2, true), (0, 3, false)],
            vec![(3, 5, true)]
        ]
    );
    folder.verify().await;
}

#[tokio::test]
async fn one_batch_per_file_whatever_its_rows() {
    let folder = Folder::new();
    let a = folder.write("a.csv", "x\n1\n2\n3\n");
    let b = folder.write("b.csv", "x\n4\n");
    let mut config = import(&folder, &points("t", "rows = 2"), &[&a, &b]);
    config.cut = Cut::PerFile;
    let summary = run_import(config).await.unwrap();
    assert_eq!((summary.batches, summary.records), (2, 4));
    assert_eq!(sizes(&folder.rows().await), [3, 1]);
    folder.verify().await;
}

/// What is refused is kept byte for byte: quotes, a line break within them, the other program's line ends.
#[tokio::test]
async fn rejected_rows_are_kept_as_they_came() {
    let folder = Folder::new();
    let csv = "\u{feff}x,y,note\r\n1,2,a\r\nnorth,2,\"b, \"\"c\"\"\r\nd\"\r\n\r\n,3,e\r\n4,5\r\n6,7,f\r\n8,up,g";
    let summary = folder.import(&points("t", "rows = 2"), "a.csv", csv).await;
    assert_eq!((summary.records, summary.rejected), (2, 4));
    let rejects = folder.rejects().await;
    let expected = [
        (1, "north,2,\"b, \"\"c\"\"\r\nd\""),
        (2, ",3,e"),
        (3, "4,5"),
        (5, "8,up,g"),
    ];
    assert_eq!(rejects.len(), expected.len());
    for ((at, value, _), (offset, text)) in rejects.iter().zip(expected) {
        assert_eq!((*at, value.as_deref()), (offset, Some(text.as_bytes())));
    }
    let reason = &rejects[0].2;
    assert!(
        reason.contains("\"x\"") && reason.contains("north"),
        "{reason}"
    );
    assert_eq!(folder.counts().await, (2, 2, 4));
    assert_eq!(offsets(&folder.rows().await), [0, 4]);
}

#[tokio::test]
async fn wrong_lines_and_wrong_rows_of_parquet_are_rejected_alone() {
    let folder = Folder::new();
    let lines = "{\"x\":1}\nnot json\n[1]\n{\"x\":\"\"}\n{\"x\":2}\n";
    let lines = folder.write("a.jsonl", lines);
    let rows = text_column(vec![Some("3"), Some("east"), None, Some("4"), Some("west")]);
    let table = folder.write("b.parquet", parquet(&[rows]));
    let job = points("t", "rows = 3");
    folder.import_all(&job, &[&lines, &table]).await;
    assert_eq!(folder.counts().await, (2, 4, 6));
    let rejects = folder.rejects().await;
    let places: Vec<_> = rejects.iter().map(|(at, ..)| *at).collect();
    assert_eq!(places, [1, 2, 3, 6, 7, 9]);
    assert_eq!(rejects[0].1.as_deref(), Some(b"not json".as_slice()));
    assert_eq!(rejects[3].1.as_deref(), Some(br#"{"x":"east"}"#.as_slice()));
    assert_eq!(rejects[4].1.as_deref(), Some(br#"{"x":null}"#.as_slice()));
    assert_eq!(
        floats(&folder.rows().await, "x"),
        [Some(1.0), Some(2.0), Some(3.0), Some(4.0)]
    );
}

/// The rejects at a file's end come after the last batch was full: a commit without rows carries them.
#[tokio::test]
async fn rejects_alone_are_committed_too() {
    let folder = Folder::new();
    let lines = "{\"x\":1}\nno\nno\n";
    folder
        .import(&points("t", "rows = 1"), "a.jsonl", lines)
        .await;
    assert_eq!(folder.counts().await, (2, 1, 2));
    assert_eq!(ends(&folder.verify().await), [(0, (0, 3))].into());
    let log = folder.log().await;
    let footer = log.footer(BatchNumber::FIRST.next()).await.unwrap();
    assert_eq!(footer.rows, 0);
    assert!(footer.imported[0].last);
}

#[tokio::test]
async fn a_summary_says_why_the_first_record_was_rejected_and_whether_all_were() {
    let folder = Folder::new();
    let job = points("t", "rows = 1");
    let some = folder.import(&job, "some.csv", "x\n1\nup\nwest\n").await;
    assert!(!some.is_all_rejected());
    assert!(some.first_reason.unwrap().contains("\"up\""));
    let none = folder.import(&job, "none.csv", "x\n").await;
    assert!(!none.is_all_rejected() && none.first_reason.is_none());
    let all = folder.import(&job, "all.csv", "x\nnorth\n,\n").await;
    assert!(all.is_all_rejected(), "{all:?}");
    let reason = all.first_reason.unwrap();
    let whole = "column \"x\": \"north\" is not of type float64";
    assert!(reason.starts_with(whole), "{reason}");
}
