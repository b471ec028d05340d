//! Imports that broke off, and files that come again.

use gugus_ingest::Kind;
use gugus_ingest::import::{self, Repeat};
use gugus_spec::BatchNumber;
use tokio_util::sync::CancellationToken;

use crate::import_files::{parquet, text_column};
use crate::support::*;

/// Leaves what a killed process leaves: its first batches.
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
    let texts = ["1", "2", "bad", "3", "4", "5", "worse", "6", "7"];
    let table = parquet(&[text_column(texts.map(Some).to_vec())]);
    for (name, bytes) in [
        ("a.csv", csv.as_bytes()),
        ("a.jsonl", lines.as_bytes()),
        ("a.parquet", &table),
    ] {
        for survived in 1..=3 {
            let folder = Folder::new();
            let file = folder.write(name, bytes);
            let job = points("t", "rows = 2");
            folder.import_all(&job, &[&file]).await;
            assert_eq!(folder.verify().await.batches, 4, "{name}");
            let whole = (folder.rows().await, folder.rejects().await.len());

            break_off_after(&folder, survived);
            // By another name: a file is known by what is in it.
            let moved = folder.path(&format!("again-{name}"));
            std::fs::rename(&file, &moved).unwrap();
            let summary = folder.import_all(&job, &[&moved]).await;
            assert_eq!(summary.batches, 4 - survived, "{name}");
            let now = (folder.rows().await, folder.rejects().await.len());
            assert_eq!(now, whole, "{name} after {survived}");
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
    folder.import_all(&job, &[&a]).await;
    let copy = folder.write("copy.csv", "x\n1\n2\n3\n");
    let fresh = folder.write("fresh.csv", "x\n9\n");
    let error = folder.import_error(&job, &[&fresh, &copy]).await;
    says(&error, Kind::Usage, &["copy.csv", "--again"]);
    assert_eq!(folder.verify().await.records, 3, "nothing was begun");

    let mut config = import(&folder, &job, &[&fresh, &copy]);
    config.repeat = Repeat::Again;
    run_import(config).await.unwrap();
    let verified = folder.verify().await;
    assert_eq!(
        (verified.records, ends(&verified)),
        (7, [(0, (0, 7))].into())
    );

    // The second import of copy.csv broke off. The next import continues it, and does not begin a third one.
    std::fs::remove_file(folder.batch(4)).unwrap();
    let third = BatchNumber::FIRST.next().next();
    let head = folder.log().await.footer(third).await.unwrap();
    let last = head.imported.last().map(|part| (part.next, part.last));
    assert_eq!(last, Some((1, false)));
    folder.import_all(&job, &[&copy]).await;
    let xs = floats(&folder.rows().await, "x");
    assert_eq!(xs, [1., 2., 3., 9., 1., 2., 3.].map(Some));
}

#[tokio::test]
async fn the_same_content_twice_in_one_call_is_refused() {
    let folder = Folder::new();
    let a = folder.write("a.csv", "x\n1\n");
    let b = folder.write("b.csv", "x\n1\n");
    let error = folder.import_error(&points("t", ""), &[&a, &b]).await;
    says(&error, Kind::Usage, &["a.csv", "b.csv"]);
}

/// An import that is stopped keeps what is committed and drops the rest. The next import goes on there.
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

    let second = folder.import_all(&job, &[&file]).await;
    assert_eq!(first.records + second.records, 8_000);
    assert_eq!(folder.verify().await.records, 8_000);
    let numbers = cells(&csv, "DR_NO").into_iter().map(Some);
    let imported = texts(&folder.rows().await, "DR_NO");
    assert_eq!(imported, numbers.collect::<Vec<_>>());
}

/// Batches that were committed before the damage stay, and count when the file comes back whole.
#[tokio::test]
async fn a_parquet_damaged_in_its_midst_leaves_whole_batches() {
    let folder = Folder::new();
    let job = points("t", "rows = 250");
    let line = |x: u64| format!("{x},{}.{x}\n", x * x);
    let csv: String = (0..20_000).map(line).collect();
    folder.import(&job, "a.csv", format!("x,y\n{csv}")).await;
    let whole = parquet(&folder.rows().await);
    let mut damaged = whole.clone();
    let at = whole.len() / 2;
    damaged[at..at + 2_000].fill(0xAB);

    let folder = Folder::new();
    let file = folder.write("damaged.parquet", &damaged);
    let error = folder.import_error(&job, &[&file]).await;
    says(&error, Kind::Failed, &["damaged.parquet"]);
    let (_, records, _) = folder.counts().await;
    assert!(records > 0 && records.is_multiple_of(250), "{records}");
}
