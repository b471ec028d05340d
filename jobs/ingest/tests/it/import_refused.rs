//! What is refused before anything is written.

use gugus_batches::{Appended, BatchLog, TopicDraft};
use gugus_ingest::Kind;
use gugus_spec::OffsetRange;

use crate::import_files::parquet;
use crate::support::*;

#[tokio::test]
async fn wrong_files_are_named_with_what_to_do() {
    let folder = Folder::new();
    std::fs::create_dir(folder.path("folder.csv")).unwrap();
    let rows = {
        let other = Folder::new();
        let file = other.write("a.csv", "x\n1\n2\n");
        run_import(import(&other, &points("t", ""), &[&file]))
            .await
            .unwrap();
        other.rows().await
    };
    let table = parquet(&rows);
    let packed = {
        use std::io::Write;
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(b"x,").unwrap();
        packed.write_all(&sample(500, 1)).unwrap();
        packed.finish().unwrap()
    };
    let list: arrow::array::ListArray =
        arrow::array::ListArray::from_iter_primitive::<arrow::datatypes::Int32Type, _, _>([Some(
            [Some(1)],
        )]);
    let nested = arrow::array::RecordBatch::try_from_iter([(
        "x",
        std::sync::Arc::new(list) as arrow::array::ArrayRef,
    )]);
    let files: [(&str, Option<&[u8]>, &str); 17] = [
        ("missing.csv", None, "no such file"),
        ("folder.csv", None, "folder"),
        ("a.txt", Some(b"x\n1\n"), ".csv"),
        ("noending", Some(b"x\n1\n"), ".csv"),
        ("a.parquet.gz", Some(b"x\n1\n"), ".parquet"),
        ("twice.csv", Some(b"x,y,x\n1,2,3\n"), "\"x\""),
        ("lacks.csv", Some(b"y,z\n1,2\n"), "\"x\""),
        ("empty.csv", Some(b""), "header"),
        ("latin.csv", Some(b"x,\xe4\n1,2\n"), "UTF-8"),
        ("table.csv", Some(&table), "parquet"),
        ("packed.csv", Some(&packed), ".gz"),
        ("text.csv.gz", Some(b"x\n1\n"), "gzip"),
        ("cut.csv.gz", Some(&packed[..packed.len() / 2]), "cut off"),
        ("array.json", Some(b" [{\"x\":1}]"), "array"),
        ("text.parquet", Some(b"x,y\n1,2\n"), "not a parquet file"),
        ("cut.parquet", Some(&table[..table.len() - 100]), "cut off"),
        (
            "nested.parquet",
            Some(&parquet(&[nested.unwrap()])),
            "\"x\"",
        ),
    ];
    for (name, bytes, word) in files {
        let path = bytes.map_or_else(|| folder.path(name), |bytes| folder.write(name, bytes));
        let good = folder.write("good.csv", "x\n1\n");
        let error = run_import(import(&folder, &points("t", ""), &[&good, &path]))
            .await
            .unwrap_err();
        let text = error.to_string();
        assert_eq!(error.kind(), Kind::Usage, "{name}: {text}");
        assert!(text.contains(name) && text.contains(word), "{name}: {text}");
        assert!(!folder.path("batch").exists(), "{name}: nothing was begun");
    }
}

#[tokio::test]
async fn a_folder_fed_by_a_topic_is_refused() {
    let folder = Folder::new();
    let job = points("t", "");
    let rows = {
        let other = Folder::new();
        let file = other.write("a.csv", "x\n1\n2\n");
        run_import(import(&other, &job, &[&file])).await.unwrap();
        other.rows().await.remove(0)
    };
    let mut log = BatchLog::open(folder.store(), &job.name, "t")
        .await
        .unwrap();
    let ranges = vec![OffsetRange {
        partition: 0,
        first: 0,
        next: 2,
    }];
    let draft = TopicDraft::new(rows, ranges);
    assert!(matches!(
        log.append(&draft).await.unwrap(),
        Appended::Committed(_)
    ));

    let file = folder.write("b.csv", "x\n1\n");
    let error = run_import(import(&folder, &job, &[&file]))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Usage);
    assert!(error.to_string().contains("a topic"), "{error}");
}

#[tokio::test]
async fn a_folder_of_another_job_is_refused() {
    let folder = Folder::new();
    let file = folder.write("a.csv", "x,DR_NO,LAT,LON\n1,2,3,4\n");
    run_import(import(&folder, &points("t", ""), &[&file]))
        .await
        .unwrap();
    for job in [crime("t", ""), points("other", "")] {
        let error = run_import(import(&folder, &job, &[&file]))
            .await
            .unwrap_err();
        assert_eq!(error.kind(), Kind::Usage);
        assert!(error.to_string().contains("batch_00000001"), "{error}");
    }
}

#[tokio::test]
async fn too_many_rejects_stop_it_and_keep_what_was_read() {
    let folder = Folder::new();
    let lines: String = (0..3_000)
        .map(|n| {
            if n % 2 == 0 {
                "x\n".to_owned()
            } else {
                format!("{{\"x\":{n}}}\n")
            }
        })
        .collect();
    let file = folder.write("a.jsonl", lines);
    let job = points("t", "rows = 100\nmax_reject_ratio = 0.25");
    let error = run_import(import(&folder, &job, &[&file]))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Failed);
    assert!(
        error.to_string().contains("500 of the last 1000"),
        "{error}"
    );
    let verification = folder.verify().await;
    assert_eq!((verification.records, verification.rejected), (500, 500));
}
