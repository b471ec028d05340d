//! Files become batches.

use std::io::Write;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Int32Type, TimestampMillisecondType};
use flate2::{Compression, write::GzEncoder};
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

/// The rows of a CSV as lines of JSON.
fn json_lines(csv: &[u8]) -> Vec<u8> {
    let mut reader = csv::Reader::from_reader(csv);
    let names = reader.headers().unwrap().clone();
    let mut lines = Vec::new();
    for row in reader.records() {
        let row = row.unwrap();
        let object: serde_json::Map<_, _> = names
            .iter()
            .zip(&row)
            .map(|(name, cell)| (name.to_owned(), cell.into()))
            .collect();
        serde_json::to_writer(&mut lines, &object).unwrap();
        lines.push(b'\n');
    }
    lines
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

#[tokio::test]
async fn a_csv_becomes_batches_that_verify() {
    let folder = Folder::new();
    let csv = sample(1_000, 1);
    let file = folder.write("sample.csv", &csv);
    let summary = run_import(import(&folder, &crime("t", "rows = 100"), &[&file]))
        .await
        .unwrap();
    assert_eq!(
        summary,
        Summary {
            files: 1,
            batches: 10,
            records: 1_000,
            rejected: 0
        }
    );
    let verification = folder.verify().await;
    assert_eq!((verification.batches, verification.records), (10, 1_000));
    assert_eq!(ends(&verification), [(0, (0, 1_000))].into());

    let rows = folder.rows().await;
    assert!(rows.iter().all(|rows| rows.num_rows() == 100));
    assert_eq!(offsets(&rows), (0..1_000).collect::<Vec<_>>());
    let expected: Vec<_> = cells(&csv, "LAT")
        .iter()
        .map(|cell| Some(cell.parse().unwrap()))
        .collect();
    assert_eq!(floats(&rows, "LAT"), expected);
    assert_eq!(
        texts(&rows, "DR_NO"),
        cells(&csv, "DR_NO")
            .into_iter()
            .map(Some)
            .collect::<Vec<_>>()
    );
    // Columns that the job does not name are kept as text, and empty cells are null.
    let expected: Vec<_> = cells(&csv, "Cross Street")
        .into_iter()
        .map(|cell| Some(cell).filter(|c| !c.is_empty()))
        .collect();
    assert_eq!(texts(&rows, "Cross Street"), expected);
    let first = &rows[0];
    assert!(
        first
            .column_by_name("_partition")
            .unwrap()
            .as_primitive::<Int32Type>()
            .values()
            .iter()
            .all(|p| *p == 0)
    );
    let times = first.column_by_name("_timestamp").unwrap();
    assert_eq!(
        times
            .as_primitive::<TimestampMillisecondType>()
            .null_count(),
        100
    );
    let names: Vec<_> = first
        .schema()
        .fields()
        .iter()
        .map(|f| f.name().clone())
        .collect();
    assert_eq!(names.len(), 28 + 3);
    assert_eq!(&names[28..], ["_partition", "_offset", "_timestamp"]);
}

#[tokio::test]
async fn every_format_gives_the_same_rows() {
    let csv = sample(350, 2);
    let job = crime("t", "rows = 100");
    let folder = Folder::new();
    let file = folder.write("sample.csv", &csv);
    run_import(import(&folder, &job, &[&file])).await.unwrap();
    let expected = folder.rows().await;
    assert_eq!(
        expected
            .iter()
            .map(RecordBatch::num_rows)
            .collect::<Vec<_>>(),
        [100, 100, 100, 50]
    );

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
        let file = folder.write(name, bytes);
        let summary = run_import(import(&folder, &job, &[&file])).await.unwrap();
        assert_eq!(
            (summary.batches, summary.records, summary.rejected),
            (4, 350, 0),
            "{name}"
        );
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
    let summary = run_import(import(&folder, &job, &[&a, &b, &empty, &c]))
        .await
        .unwrap();
    assert_eq!(
        summary,
        Summary {
            files: 4,
            batches: 3,
            records: 10,
            rejected: 0
        }
    );
    let rows = folder.rows().await;
    assert_eq!(
        floats(&rows, "x"),
        (1..=10).map(|x| Some(f64::from(x))).collect::<Vec<_>>()
    );
    let log = folder.log().await;
    let mut parts = Vec::new();
    for footer in log.footers(&log.numbers().await.unwrap()).await.unwrap() {
        let short = |part: &gugus_batches::ImportedPart| (part.first, part.next, part.last);
        parts.push(footer.imported.iter().map(short).collect::<Vec<_>>());
        assert_eq!(
            footer.imported.iter().map(|part| part.sha256.len()).max(),
            Some(64)
        );
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
    let rows = folder.rows().await;
    assert_eq!(
        rows.iter().map(RecordBatch::num_rows).collect::<Vec<_>>(),
        [3, 1]
    );
    folder.verify().await;
}

/// What is refused is kept byte for byte: quotes, a line break within them, the other program's line ends.
#[tokio::test]
async fn rejected_rows_are_kept_as_they_came() {
    let folder = Folder::new();
    let csv = "\u{feff}x,y,note\r\n1,2,a\r\nnorth,2,\"b, \"\"c\"\"\r\nd\"\r\n\r\n,3,e\r\n4,5\r\n6,7,f\r\n8,up,g";
    let file = folder.write("a.csv", csv);
    let summary = run_import(import(&folder, &points("t", "rows = 2"), &[&file]))
        .await
        .unwrap();
    assert_eq!((summary.records, summary.rejected), (2, 4));
    let rejects = folder.rejects().await;
    let values: Vec<_> = rejects
        .iter()
        .map(|(at, value, _)| (*at, std::str::from_utf8(value.as_deref().unwrap()).unwrap()))
        .collect();
    assert_eq!(
        values,
        [
            (1, "north,2,\"b, \"\"c\"\"\r\nd\""),
            (2, ",3,e"),
            (3, "4,5"),
            (5, "8,up,g")
        ]
    );
    assert!(
        rejects[0].2.contains("\"x\"") && rejects[0].2.contains("north"),
        "{}",
        rejects[0].2
    );
    let verification = folder.verify().await;
    assert_eq!((verification.records, verification.rejected), (2, 4));
    assert_eq!(offsets(&folder.rows().await), [0, 4]);
}

#[tokio::test]
async fn wrong_lines_and_wrong_rows_of_parquet_are_rejected_alone() {
    let folder = Folder::new();
    let lines = folder.write(
        "a.jsonl",
        "{\"x\":1}\nnot json\n[1]\n{\"x\":\"\"}\n{\"x\":2}\n",
    );
    let texts = arrow::array::StringArray::from(vec![
        Some("3"),
        Some("east"),
        None,
        Some("4"),
        Some("west"),
    ]);
    let rows =
        RecordBatch::try_from_iter([("x", std::sync::Arc::new(texts) as arrow::array::ArrayRef)])
            .unwrap();
    let table = folder.write("b.parquet", parquet(&[rows]));
    let summary = run_import(import(&folder, &points("t", "rows = 3"), &[&lines, &table]))
        .await
        .unwrap();
    assert_eq!(
        (summary.batches, summary.records, summary.rejected),
        (2, 4, 6)
    );
    let rejects = folder.rejects().await;
    assert_eq!(
        rejects.iter().map(|(at, ..)| *at).collect::<Vec<_>>(),
        [1, 2, 3, 6, 7, 9]
    );
    assert_eq!(rejects[0].1.as_deref(), Some(b"not json".as_slice()));
    assert_eq!(rejects[3].1.as_deref(), Some(br#"{"x":"east"}"#.as_slice()));
    assert_eq!(rejects[4].1.as_deref(), Some(br#"{"x":null}"#.as_slice()));
    assert_eq!(
        floats(&folder.rows().await, "x"),
        [Some(1.0), Some(2.0), Some(3.0), Some(4.0)]
    );
    folder.verify().await;
}

/// The rejects at a file's end come after the last batch was full: a commit without rows carries them.
#[tokio::test]
async fn rejects_alone_are_committed_too() {
    let folder = Folder::new();
    let file = folder.write("a.jsonl", "{\"x\":1}\nno\nno\n");
    run_import(import(&folder, &points("t", "rows = 1"), &[&file]))
        .await
        .unwrap();
    let verification = folder.verify().await;
    assert_eq!(
        (
            verification.batches,
            verification.records,
            verification.rejected
        ),
        (2, 1, 2)
    );
    assert_eq!(ends(&verification), [(0, (0, 3))].into());
    let log = folder.log().await;
    let footer = log.footer(BatchNumber::FIRST.next()).await.unwrap();
    assert_eq!(footer.rows, 0);
    assert!(footer.imported[0].last);
}
