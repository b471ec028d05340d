//! What is refused before anything is written.

use std::io::Write;

use arrow::array::{ArrayRef, ListArray, RecordBatch};
use arrow::datatypes::Int32Type;
use flate2::{Compression, write::GzEncoder};
use gugus_ingest::Kind;

use crate::import_files::parquet;
use crate::support::*;

#[tokio::test]
async fn wrong_files_are_named_with_what_to_do() {
    let folder = Folder::new();
    std::fs::create_dir(folder.path("folder.csv")).unwrap();
    let table = parquet(&[point_rows(1..3).await]);
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(b"x,").unwrap();
    packed.write_all(&sample(500, 1)).unwrap();
    let packed = packed.finish().unwrap();
    let list = ListArray::from_iter_primitive::<Int32Type, _, _>([Some([Some(1)])]);
    let list: ArrayRef = std::sync::Arc::new(list);
    let nested = RecordBatch::try_from_iter([("x", list)]).unwrap();
    let files: [(&str, Option<&[u8]>, &str); 17] = [
        ("missing.csv", None, "no such file"),
        ("folder.csv", None, "folder"),
        ("a.txt", Some(b"x\n1\n"), ".csv"),
        ("noending", Some(b"x\n1\n"), ".csv"),
        ("a.parquet.gz", Some(b"x\n1\n"), ".parquet"),
        ("twice.csv", Some(b"x,y,x\n1,2,3\n"), "\"x\""),
        ("lacks.csv", Some(b"y,z\n1,2\n"), "\"x\""),
        ("first.csv", Some(b"1,2\n3,4\n"), "names none of the job's"),
        ("headless.csv", Some(b",\n1,2\n"), "header"),
        ("latin.csv", Some(b"x,\xe4\n1,2\n"), "UTF-8"),
        ("table.csv", Some(&table), "parquet"),
        ("packed.csv", Some(&packed), ".gz"),
        ("text.csv.gz", Some(b"x\n1\n"), "gzip"),
        ("cut.csv.gz", Some(&packed[..packed.len() / 2]), "cut off"),
        ("text.parquet", Some(b"x,y\n1,2\n"), "not a parquet file"),
        ("cut.parquet", Some(&table[..table.len() - 100]), "cut off"),
        ("nested.parquet", Some(&parquet(&[nested])), "\"x\""),
    ];
    for (name, bytes, word) in files {
        let path = bytes.map_or_else(|| folder.path(name), |bytes| folder.write(name, bytes));
        let good = folder.write("good.csv", "x\n1\n");
        let error = folder.import_error(&points("t", ""), &[&good, &path]).await;
        says(&error, Kind::Usage, &[name, word]);
        assert!(!folder.path("batch").exists(), "{name}: nothing was begun");
    }
}

#[tokio::test]
async fn a_folder_fed_by_a_topic_is_refused() {
    let folder = Folder::new();
    let job = points("t", "");
    folder.append(&job, point_rows(1..3).await, 0..2).await;
    let file = folder.write("b.csv", "x\n1\n");
    let error = folder.import_error(&job, &[&file]).await;
    says(&error, Kind::Usage, &["a topic"]);
}

#[tokio::test]
async fn a_folder_of_another_job_is_refused() {
    let folder = Folder::new();
    let file = folder.write("a.csv", "x,DR_NO,LAT,LON\n1,2,3,4\n");
    folder.import_all(&points("t", ""), &[&file]).await;
    for job in [crime("t", ""), points("other", "")] {
        let error = folder.import_error(&job, &[&file]).await;
        says(&error, Kind::Usage, &["batch_00000001"]);
    }
}

#[tokio::test]
async fn too_many_rejects_stop_it_and_keep_what_was_read() {
    let folder = Folder::new();
    let line = |n: u32| match n % 2 {
        0 => "x\n".to_owned(),
        _ => format!("{{\"x\":{n}}}\n"),
    };
    let file = folder.write("a.jsonl", (0..3_000).map(line).collect::<String>());
    let job = points("t", "rows = 100\nmax_reject_ratio = 0.25");
    let error = folder.import_error(&job, &[&file]).await;
    says(&error, Kind::Failed, &["500 of the last 1000"]);
    let (_, records, rejected) = folder.counts().await;
    assert_eq!((records, rejected), (500, 500));
}

/// Spark writes a checksum for each page. If a bit flips in numbers that are not compressed, only the checksum shows it. The
/// fixture is from `pyarrow` with page checksums: 20 numbers from 0 to 19, not compressed.
#[tokio::test]
async fn pages_that_do_not_have_their_checksum_are_refused() {
    let folder = Folder::new();
    let whole = include_bytes!("../fixtures/page_checksums.parquet");
    let seven = 7_f64.to_le_bytes();
    let at = whole.windows(8).position(|number| number == seven).unwrap();
    let mut altered = whole.to_vec();
    altered[at] ^= 1;
    let file = folder.write("altered.parquet", &altered);
    let error = folder.import_error(&points("t", ""), &[&file]).await;
    says(&error, Kind::Failed, &["altered.parquet", "damaged"]);
    let file = folder.write("whole.parquet", whole);
    folder.import_all(&points("t", ""), &[&file]).await;
    assert_eq!(folder.counts().await.1, 20);
}
