//! Cases of topics that no longer hold what comes next in the log.

use futures::future::join_all;

use gugus_batches::{
    BatchLog, Jump, JumpReason, LastRecord, LogError, TopicDraft, VerifiedJump, record_hash,
};
use gugus_files::Store;
use gugus_spec::OffsetRange;

use crate::kit::{draft, draft_with_reject, open, rows, verified};
use crate::log::{committed, lost};

/// A draft of `to..next` that jumps there from `from`.
pub(crate) fn draft_jump(
    partition: i32,
    from: i64,
    to: i64,
    next: i64,
    reason: JumpReason,
) -> TopicDraft {
    let jump = Jump {
        partition,
        from,
        to,
        reason,
    };
    TopicDraft {
        jumps: vec![jump],
        ..draft(partition, to, next)
    }
}

fn last(offset: i64) -> LastRecord {
    LastRecord {
        offset,
        timestamp: Some(1_000 * offset),
        sha256: record_hash(None, Some(&offset.to_le_bytes())),
    }
}

/// The topic deleted records before they were taken: the log goes on behind them, and says so.
#[tokio::test]
async fn a_log_goes_on_behind_deleted_records() {
    let store = Store::in_memory();
    let mut log = open(&store).await;
    committed(log.append(&draft(0, 0, 5)).await);
    let footer = committed(
        log.append(&draft_jump(0, 5, 20, 23, JumpReason::Deleted))
            .await,
    );
    assert_eq!((footer.jumps.len(), footer.end_of(0)), (1, Some(23)));
    committed(log.append(&draft(0, 23, 24)).await);
    let found = gugus_batches::verify(&store, |_| ()).await.unwrap();
    let jump = VerifiedJump {
        batch: footer.number,
        partition: 0,
        from: 5,
        to: 20,
        reason: JumpReason::Deleted,
    };
    assert_eq!(
        (found.problems.len(), found.records, found.jumps),
        (0, 9, vec![jump])
    );
    assert_eq!(
        (found.partitions[0].first, found.partitions[0].next),
        (0, 24)
    );
}

/// The topic was made anew: offsets come again, and are no overlap.
#[tokio::test]
async fn a_recreated_topic_begins_anew() {
    let store = Store::in_memory();
    let mut log = open(&store).await;
    let known = TopicDraft {
        lasts: vec![(0, last(9))],
        ..draft(0, 4, 10)
    };
    committed(log.append(&known).await);
    assert_eq!(log.partition_end(0).unwrap().last, Some(last(9)));
    committed(
        log.append(&draft_jump(0, 10, 0, 2, JumpReason::Recreated))
            .await,
    );
    let end = log.partition_end(0).unwrap();
    assert_eq!((end.next, &end.last), (2, &None));
    // Offsets 4 to 9 once more, of the new topic.
    committed(log.append(&draft_with_reject(0, 2, 12, 6)).await);
    let found = gugus_batches::verify(&store, |_| ()).await.unwrap();
    assert_eq!(found.problems, Vec::<String>::new());
    assert_eq!(
        (found.records, found.rejected, found.jumps.len()),
        (17, 1, 1)
    );
    assert_eq!(
        (found.partitions[0].first, found.partitions[0].next),
        (0, 12)
    );
}

/// The newest record of each partition is known until a newer one is told.
#[tokio::test]
async fn last_records_are_kept() {
    let store = Store::in_memory();
    let mut log = open(&store).await;
    let first = TopicDraft {
        lasts: vec![(0, last(3))],
        ..draft(0, 0, 4)
    };
    committed(log.append(&first).await);
    let markers = TopicDraft {
        rows: rows(&[]),
        ..draft(0, 4, 6)
    };
    committed(log.append(&markers).await);
    committed(log.append(&draft(1, 0, 1)).await);
    let reader = BatchLog::read(store.clone()).await.unwrap();
    assert_eq!(reader.partition_end(0).unwrap().last, Some(last(3)));
    assert_eq!(reader.partition_end(1).unwrap().last, None);
    // The newest may be a record that was refused.
    let refused = TopicDraft {
        lasts: vec![(0, last(7))],
        ..draft_with_reject(0, 6, 8, 7)
    };
    committed(log.append(&refused).await);
    assert_eq!(log.partition_end(0).unwrap().last, Some(last(7)));
    for (what, offset, partition) in [("older", 8, 0), ("outside", 7, 0), ("elsewhere", 9, 1)] {
        let wrong = TopicDraft {
            lasts: vec![(partition, last(offset))],
            ..draft(0, 8, 10)
        };
        let refused = log.append(&wrong).await;
        assert!(
            matches!(refused, Err(LogError::Draft { .. })),
            "{what}: {refused:?}"
        );
    }
    assert_eq!(verified(&store).await, (6, 1));
}

/// Of writers that jump from the same end, one wins; the others find the log elsewhere.
async fn two_writers_that_jump_race(store: Store) {
    committed(open(&store).await.append(&draft(0, 0, 5)).await);
    let mut logs = [open(&store).await, open(&store).await];
    let jump = draft_jump(0, 5, 20, 22, JumpReason::Deleted);
    let results = join_all(logs.iter_mut().map(|log| log.append(&jump))).await;
    let won = results
        .iter()
        .filter(|result| matches!(result, Ok(gugus_batches::Appended::Committed(_))));
    assert_eq!(won.count(), 1, "{results:?}");
    for log in &mut logs {
        log.refresh().await.unwrap();
        for (from, stale) in [(5, jump.clone()), (5, draft(0, 5, 9))] {
            let again = log.append(&stale).await;
            assert!(
                matches!(again, Err(LogError::NotAtEnd { first, end: 22, .. }) if first == from),
                "{again:?}"
            );
        }
    }
    // A writer that has not seen the jump loses the number first.
    let mut stale = open(&store).await;
    committed(logs[0].append(&draft(0, 22, 23)).await);
    lost(
        stale
            .append(&draft_jump(0, 22, 30, 31, JumpReason::Deleted))
            .await,
    );
    assert_eq!(verified(&store).await, (8, 0));
}

/// Jumps that nobody should make; none of them leaves anything behind.
#[tokio::test]
async fn contradictory_jumps_are_refused() {
    let store = Store::in_memory();
    let mut log = open(&store).await;
    committed(log.append(&draft(0, 0, 5)).await);
    let good = draft_jump(0, 5, 20, 22, JumpReason::Deleted);
    let elsewhere = OffsetRange {
        partition: 0,
        first: 21,
        next: 22,
    };
    let cases = [
        (
            "from elsewhere",
            draft_jump(0, 4, 20, 22, JumpReason::Deleted),
        ),
        ("back", draft_jump(0, 5, 3, 7, JumpReason::Deleted)),
        ("new partition", draft_jump(1, 0, 3, 7, JumpReason::Deleted)),
        (
            "to elsewhere",
            TopicDraft {
                rows: rows(&[(0, 21)]),
                ranges: vec![elsewhere],
                ..good.clone()
            },
        ),
        (
            "twice",
            TopicDraft {
                jumps: [good.jumps.clone(), good.jumps.clone()].concat(),
                ..good.clone()
            },
        ),
        (
            "without a range",
            TopicDraft {
                jumps: good.jumps.clone(),
                ..draft(1, 0, 1)
            },
        ),
    ];
    for (what, draft) in cases {
        let refused = log.append(&draft).await;
        assert!(
            matches!(
                refused,
                Err(LogError::Draft { .. } | LogError::NotAtEnd { .. } | LogError::FedBy { .. })
            ),
            "{what}: {refused:?}"
        );
    }
    assert_eq!(verified(&store).await, (5, 0));
}

crate::kit::in_memory_and_on_s3!(two_writers_that_jump_race);
