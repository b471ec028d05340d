//! Drafts that a batch log refuses, and imports.

use arrow::array::RecordBatch;
use gugus_batches::{BatchLog, FedBy, ImportDraft, LogError, OFFSET};
use gugus_files::Store;

use crate::kit::{
    Change, JOB, TOPIC, commit, draft, draft_import, open, range, refuses, reject, rows, verified,
};

/// Files, one after another, one of them in two commits.
#[tokio::test]
async fn imports_run_on() {
    let store = Store::in_memory();
    let mut log = open(&store).await;
    commit(&mut log, &draft_import(0, "aa", 0, 3, false)).await;
    commit(&mut log, &draft_import(3, "aa", 3, 5, true)).await;
    let footer = commit(&mut log, &draft_import(5, "bb", 0, 4, true)).await;
    assert_eq!(
        (log.fed_by(), footer.end_of(0), footer.imported.len()),
        (FedBy::Imports, Some(9), 1)
    );
    let mixed = log.append(&draft(0, 9, 10)).await;
    assert!(matches!(mixed, Err(LogError::FedBy { .. })), "{mixed:?}");
    let miscounted = draft(0, 9, 13).rows;
    let left_out = rows(&[(0, 9), (0, 11)]);
    for rows in [miscounted, left_out] {
        let wrong = ImportDraft {
            rows,
            ..draft_import(9, "cc", 0, 3, true)
        };
        let refused = log.append(&wrong).await;
        assert_is!(refused, Err(LogError::Draft { .. }));
    }
    assert_eq!(verified(&store).await, (9, 0));
}

/// A folder that a topic feeds.
#[tokio::test]
async fn a_topics_folder_takes_no_imports() {
    let store = Store::in_memory();
    let mut log = open(&store).await;
    commit(&mut log, &draft(0, 0, 1)).await;
    assert!(matches!(
        log.append(&draft_import(1, "aa", 0, 1, true)).await,
        Err(LogError::FedBy { .. })
    ));
}

/// Contradictory drafts are refused and leave nothing behind.
#[tokio::test]
async fn contradictory_drafts_are_refused() {
    let store = Store::in_memory();
    let mut log = open(&store).await;
    commit(&mut log, &draft(0, 0, 4)).await;
    let base = draft(0, 4, 8);
    let changes: [(&str, Change); 11] = [
        ("gap", |d| *d = draft(0, 5, 8)),
        ("overlap", |d| *d = draft(0, 3, 8)),
        ("no ranges", |d| d.ranges = vec![]),
        ("backwards", |d| d.ranges = vec![range(0, 4, 3)]),
        ("partition twice", |d| d.ranges = vec![range(0, 4, 8); 2]),
        ("row outside", |d| d.ranges = vec![range(0, 4, 7)]),
        ("reject outside", |d| d.rejects = vec![reject(0, 8)]),
        ("other partition", |d| d.rejects = vec![reject(1, 5)]),
        ("accepted, rejected", |d| d.rejects = vec![reject(0, 5)]),
        ("row twice", |d| d.rows = rows(&[(0, 4), (0, 4)])),
        ("no offsets", |d| d.rows = without(&d.rows, OFFSET)),
    ];
    refuses(&mut log, &base, &changes).await;
    assert_eq!(log.numbers().await.unwrap().len(), 1);
    let mut reader = BatchLog::read(store.clone()).await.unwrap();
    assert!(matches!(
        reader.append(&base).await,
        Err(LogError::OpenedToRead { .. })
    ));
    assert_eq!(verified(&store).await, (4, 0));
}

fn without(rows: &RecordBatch, name: &str) -> RecordBatch {
    let schema = rows.schema();
    let keep: Vec<_> = (0..schema.fields().len())
        .filter(|i| schema.field(*i).name() != name)
        .collect();
    rows.project(&keep).unwrap()
}

/// One folder, one job, one topic.
#[tokio::test]
async fn folders_of_others_are_refused() {
    let store = Store::in_memory();
    commit(&mut open(&store).await, &draft(0, 0, 1)).await;
    for (job, topic, what) in [("another", TOPIC, "job"), (JOB, "another", "topic")] {
        let refused = BatchLog::open(store.clone(), &job.parse().unwrap(), topic)
            .await
            .unwrap_err();
        assert_is!(refused, LogError::Foreign { what: w, .. } if w == what);
    }
    assert!(
        BatchLog::read(store).await.is_ok(),
        "reading is for everybody"
    );
}
