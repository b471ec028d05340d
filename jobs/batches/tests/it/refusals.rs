//! Cases of what a batch log does not take, and of what it takes from imports.

use gugus_batches::{BatchLog, FedBy, ImportDraft, LogError, OFFSET, TopicDraft};
use gugus_files::Store;
use gugus_spec::OffsetRange;

use crate::kit::{JOB, TOPIC, draft, draft_import, open, reject, rows, verified};
use crate::log::committed;

/// Files, one after another, one of them in two commits.
#[tokio::test]
async fn imports_run_on() {
    let store = Store::in_memory();
    let mut log = open(&store).await;
    committed(log.append(&draft_import(0, "aa", 0, 3, false)).await);
    committed(log.append(&draft_import(3, "aa", 3, 5, true)).await);
    let footer = committed(log.append(&draft_import(5, "bb", 0, 4, true)).await);
    assert_eq!(
        (log.fed_by(), footer.end_of(0), footer.imported.len()),
        (FedBy::Imports, Some(9), 1)
    );
    let mixed = log.append(&draft(0, 9, 10)).await;
    assert!(matches!(mixed, Err(LogError::FedBy { .. })), "{mixed:?}");
    let miscounted = ImportDraft {
        rows: draft(0, 9, 13).rows,
        ..draft_import(9, "cc", 0, 3, true)
    };
    let left_out = ImportDraft {
        rows: rows(&[(0, 9), (0, 11)]),
        ..draft_import(9, "cc", 0, 3, true)
    };
    let left_out = log.append(&left_out).await;
    assert!(
        matches!(left_out, Err(LogError::Draft { .. })),
        "{left_out:?}"
    );
    let miscounted = log.append(&miscounted).await;
    assert!(
        matches!(miscounted, Err(LogError::Draft { .. })),
        "{miscounted:?}"
    );
    assert_eq!(verified(&store).await, (9, 0));
}

/// A folder that a topic feeds.
#[tokio::test]
async fn a_topics_folder_takes_no_imports() {
    let store = Store::in_memory();
    let mut log = open(&store).await;
    committed(log.append(&draft(0, 0, 1)).await);
    assert!(matches!(
        log.append(&draft_import(1, "aa", 0, 1, true)).await,
        Err(LogError::FedBy { .. })
    ));
}

/// Drafts that nobody should make; none of them leaves anything behind.
#[tokio::test]
async fn contradictory_drafts_are_refused() {
    let store = Store::in_memory();
    let mut log = open(&store).await;
    committed(log.append(&draft(0, 0, 4)).await);
    let range = |first, next| OffsetRange {
        partition: 0,
        first,
        next,
    };
    let base = draft(0, 4, 8);
    let headless = without(&base, OFFSET);
    let cases: Vec<(&str, TopicDraft)> = vec![
        ("gap", draft(0, 5, 8)),
        ("overlap", draft(0, 3, 8)),
        (
            "no ranges",
            TopicDraft {
                ranges: vec![],
                ..base.clone()
            },
        ),
        (
            "backwards",
            TopicDraft {
                ranges: vec![range(4, 3)],
                ..base.clone()
            },
        ),
        (
            "partition twice",
            TopicDraft {
                ranges: vec![range(4, 8), range(4, 8)],
                ..base.clone()
            },
        ),
        (
            "row outside",
            TopicDraft {
                ranges: vec![range(4, 7)],
                ..base.clone()
            },
        ),
        (
            "reject outside",
            TopicDraft {
                rejects: vec![reject(0, 8)],
                ..base.clone()
            },
        ),
        (
            "reject of another partition",
            TopicDraft {
                rejects: vec![reject(1, 5)],
                ..base.clone()
            },
        ),
        (
            "accepted and rejected",
            TopicDraft {
                rejects: vec![reject(0, 5)],
                ..base.clone()
            },
        ),
        (
            "row twice",
            TopicDraft {
                rows: rows(&[(0, 4), (0, 4)]),
                ..base.clone()
            },
        ),
        ("no offsets", headless),
    ];
    for (what, draft) in cases {
        let refused = log.append(&draft).await;
        assert!(
            matches!(
                refused,
                Err(LogError::Draft { .. } | LogError::NotAtEnd { .. })
            ),
            "{what}: {refused:?}"
        );
    }
    assert_eq!(log.numbers().await.unwrap().len(), 1);
    let mut reader = BatchLog::read(store.clone()).await.unwrap();
    assert!(matches!(
        reader.append(&base).await,
        Err(LogError::OpenedToRead { .. })
    ));
    assert_eq!(verified(&store).await, (4, 0));
}

fn without(draft: &TopicDraft, name: &str) -> TopicDraft {
    let schema = draft.rows.schema();
    let keep: Vec<_> = (0..schema.fields().len())
        .filter(|i| schema.field(*i).name() != name)
        .collect();
    TopicDraft {
        rows: draft.rows.project(&keep).unwrap(),
        ..draft.clone()
    }
}

/// One folder, one job, one topic.
#[tokio::test]
async fn folders_of_others_are_refused() {
    let store = Store::in_memory();
    committed(open(&store).await.append(&draft(0, 0, 1)).await);
    for (job, topic, what) in [("another", TOPIC, "job"), (JOB, "another", "topic")] {
        let refused = BatchLog::open(store.clone(), &job.parse().unwrap(), topic)
            .await
            .unwrap_err();
        assert!(
            matches!(refused, LogError::Foreign { what: w, .. } if w == what),
            "{refused}"
        );
    }
    assert!(
        BatchLog::read(store).await.is_ok(),
        "reading is for everybody"
    );
}
