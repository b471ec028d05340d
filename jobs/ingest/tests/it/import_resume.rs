//! Imports that broke off, and files that come again.

use gugus_ingest::Kind;
use gugus_ingest::import::{self, Repeat};
use gugus_spec::BatchNumber;
use tokio_util::sync::CancellationToken;

use crate::import_files::parquet;
use crate::support::*;

/// What a process that was killed leaves: its batches from some number on are not there.
fn break_off_after(folder: &Folder, batches: u64) {
    for number in batches + 1.. {
        if std::fs::remove_file(folder.batch(number)).is_err() {
            assert!(number > batches + 1, "there was something to remove");
            break;
        }
    }
}

#[tokio::test]
async fn an_import_that_broke_off_goes_on_where_it_was() {
    let csv = "x\n1\n2\nbad\n3\n4\n5\nworse\n6\n7\n";
    let lines = "{\"x\":1}\n{\"x\":2}\nbad\n\n{\"x\":3}\n{\"x\":4}\n{\"x\":5}\nworse\n{\"x\":6}\n{\"x\":7}\n";
    let texts =
        arrow::array::StringArray::from(vec!["1", "2", "bad", "3", "4", "5", "worse", "6", "7"]);
    let rows = arrow::array::RecordBatch::try_from_iter([(
        "x",
        std::sync::Arc::new(texts) as arrow::array::ArrayRef,
    )]);
    let table = parquet(&[rows.unwrap()]);
    for (name, bytes) in [
        ("a.csv", csv.as_bytes()),
        ("a.jsonl", lines.as_bytes()),
        ("a.parquet", &table),
    ] {
        for survived in 1..=3 {
            let folder = Folder::new();
            let file = folder.write(name, bytes);
            let job = points("t", "rows = 2");
            run_import(import(&folder, &job, &[&file])).await.unwrap();
            assert_eq!(folder.verify().await.batches, 4, "{name}");
            let whole = (folder.rows().await, folder.rejects().await.len());

            break_off_after(&folder, survived);
            // By another name: a file is known by what is in it.
            let moved = folder.path(&format!("again-{name}"));
            std::fs::rename(&file, &moved).unwrap();
            let summary = run_import(import(&folder, &job, &[&moved])).await.unwrap();
            assert_eq!(summary.batches, 4 - survived, "{name}");
            assert_eq!(
                (folder.rows().await, folder.rejects().await.len()),
                whole,
                "{name} after {survived}"
            );
            let verification = folder.verify().await;
            assert_eq!(ends(&verification), [(0, (0, 9))].into(), "{name}");
        }
    }
}

#[tokio::test]
async fn a_whole_file_is_refused_unless_asked_for_again() {
    let folder = Folder::new();
    let a = folder.write("a.csv", "x\n1\n2\n3\n");
    let job = points("t", "rows = 2");
    run_import(import(&folder, &job, &[&a])).await.unwrap();
    let copy = folder.write("copy.csv", "x\n1\n2\n3\n");
    let fresh = folder.write("fresh.csv", "x\n9\n");
    let error = run_import(import(&folder, &job, &[&fresh, &copy]))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Usage);
    assert!(
        error.to_string().contains("copy.csv") && error.to_string().contains("--again"),
        "{error}"
    );
    assert_eq!(folder.verify().await.records, 3, "nothing was begun");

    let mut config = import(&folder, &job, &[&fresh, &copy]);
    config.repeat = Repeat::Again;
    run_import(config).await.unwrap();
    let verification = folder.verify().await;
    assert_eq!(
        (verification.records, ends(&verification)),
        (7, [(0, (0, 7))].into())
    );

    // The second time broke off: that one is gone on with, not begun a third time.
    std::fs::remove_file(folder.batch(4)).unwrap();
    let head = folder
        .log()
        .await
        .footer(BatchNumber::FIRST.next().next())
        .await
        .unwrap();
    assert_eq!(
        head.imported.last().map(|part| (part.next, part.last)),
        Some((1, false))
    );
    run_import(import(&folder, &job, &[&copy])).await.unwrap();
    assert_eq!(
        floats(&folder.rows().await, "x")
            .iter()
            .flatten()
            .copied()
            .collect::<Vec<_>>(),
        [1., 2., 3., 9., 1., 2., 3.]
    );
}

#[tokio::test]
async fn the_same_content_twice_in_one_call_is_refused() {
    let folder = Folder::new();
    let a = folder.write("a.csv", "x\n1\n");
    let b = folder.write("b.csv", "x\n1\n");
    let error = run_import(import(&folder, &points("t", ""), &[&a, &b]))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Usage);
    assert!(
        error.to_string().contains("a.csv") && error.to_string().contains("b.csv"),
        "{error}"
    );
}

/// Told to stop, an import keeps what is committed and drops the rest; the next one goes on there.
#[tokio::test]
async fn a_stopped_import_can_be_gone_on_with() {
    let folder = Folder::new();
    let csv = sample(8_000, 1);
    let file = folder.write("sample.csv", &csv);
    let job = crime("t", "rows = 20");
    let stop = CancellationToken::new();
    let running = tokio::spawn(import::run(import(&folder, &job, &[&file]), stop.clone()));
    until("some batches are there", async || folder.batch(3).exists()).await;
    stop.cancel();
    let first = running.await.unwrap().unwrap();
    assert!(first.batches >= 3 && first.batches < 400, "{first:?}");
    assert_eq!(folder.verify().await.records, first.records);

    let second = run_import(import(&folder, &job, &[&file])).await.unwrap();
    assert_eq!(first.records + second.records, 8_000);
    assert_eq!(folder.verify().await.records, 8_000);
    assert_eq!(
        texts(&folder.rows().await, "DR_NO"),
        cells(&csv, "DR_NO")
            .into_iter()
            .map(Some)
            .collect::<Vec<_>>()
    );
}

/// What was committed before a file turned out damaged stays, and counts when the file comes back whole.
#[tokio::test]
async fn a_parquet_damaged_in_its_midst_leaves_whole_batches() {
    let folder = Folder::new();
    let job = points("t", "rows = 250");
    let csv: String = (0..20_000)
        .map(|x| format!("{x},{}.{x}\n", x * x))
        .collect();
    let source = folder.write("a.csv", format!("x,y\n{csv}"));
    run_import(import(&folder, &job, &[&source])).await.unwrap();
    let whole = parquet(&folder.rows().await);
    let mut damaged = whole.clone();
    let at = whole.len() / 2;
    damaged[at..at + 2_000].fill(0xAB);

    let folder = Folder::new();
    let file = folder.write("damaged.parquet", &damaged);
    let error = run_import(import(&folder, &job, &[&file]))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Failed);
    assert!(error.to_string().contains("damaged.parquet"), "{error}");
    let verification = folder.verify().await;
    assert!(
        verification.records > 0 && verification.records.is_multiple_of(250),
        "{}",
        verification.records
    );
}
