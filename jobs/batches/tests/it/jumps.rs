//! Topics that no longer hold the next record of the log.

use futures::future::join_all;

use gugus_batches::{
    BatchLog, Jump, JumpReason, LastRecord, LogError, TopicDraft, VerifiedJump, record_hash,
};
use gugus_files::Store;

use crate::kit::{
    Change, commit, commit_with_reject, draft, draft_with_reject, found, lose, open, range,
    refuses, rows, spans, verified,
};

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
    commit(&mut log, &draft(0, 0, 5)).await;
    let footer = commit(&mut log, &draft_jump(0, 5, 20, 23, JumpReason::Deleted)).await;
    assert_eq!((footer.jumps.len(), footer.end_of(0)), (1, Some(23)));
    commit(&mut log, &draft(0, 23, 24)).await;
    let found = found(&store).await;
    let jump = VerifiedJump {
        batch: footer.number,
        partition: 0,
        from: 5,
        to: 20,
        reason: JumpReason::Deleted,
    };
    assert_eq!(
        (found.problems.len(), found.records, &found.jumps),
        (0, 9, &vec![jump])
    );
    assert_eq!(spans(&found), [(0, 0, 24)]);
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
    commit(&mut log, &known).await;
    assert_eq!(log.partition_end(0).unwrap().last, Some(last(9)));
    commit(&mut log, &draft_jump(0, 10, 0, 2, JumpReason::Recreated)).await;
    let end = log.partition_end(0).unwrap();
    assert_eq!((end.next, &end.last), (2, &None));
    // Offsets 4 to 9 once more, of the new topic.
    commit_with_reject(&mut log, 2, 12, 6).await;
    let found = found(&store).await;
    assert_eq!(found.problems, Vec::<String>::new());
    assert_eq!(
        (found.records, found.rejected, found.jumps.len()),
        (17, 1, 1)
    );
    assert_eq!(spans(&found), [(0, 0, 12)]);
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
    commit(&mut log, &first).await;
    let markers = TopicDraft {
        rows: rows(&[]),
        ..draft(0, 4, 6)
    };
    commit(&mut log, &markers).await;
    commit(&mut log, &draft(1, 0, 1)).await;
    let reader = BatchLog::read(store.clone()).await.unwrap();
    assert_eq!(reader.partition_end(0).unwrap().last, Some(last(3)));
    assert_eq!(reader.partition_end(1).unwrap().last, None);
    // The newest may be a record that was refused.
    let refused = TopicDraft {
        lasts: vec![(0, last(7))],
        ..draft_with_reject(0, 6, 8, 7)
    };
    commit(&mut log, &refused).await;
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
    commit(&mut open(&store).await, &draft(0, 0, 5)).await;
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
            assert_is!(again, Err(LogError::NotAtEnd { first, end: 22, .. }) if first == from);
        }
    }
    // A writer that has not seen the jump loses the number first.
    let mut stale = open(&store).await;
    commit(&mut logs[0], &draft(0, 22, 23)).await;
    lose(&mut stale, &draft_jump(0, 22, 30, 31, JumpReason::Deleted)).await;
    assert_eq!(verified(&store).await, (8, 0));
}

/// Contradictory jumps are refused and leave nothing behind.
#[tokio::test]
async fn contradictory_jumps_are_refused() {
    let store = Store::in_memory();
    let mut log = open(&store).await;
    commit(&mut log, &draft(0, 0, 5)).await;
    let good = draft_jump(0, 5, 20, 22, JumpReason::Deleted);
    let changes: [(&str, Change); 6] = [
        ("from elsewhere", |d| d.jumps[0].from = 4),
        ("back", |d| *d = draft_jump(0, 5, 3, 7, JumpReason::Deleted)),
        ("new partition", |d| {
            *d = draft_jump(1, 0, 3, 7, JumpReason::Deleted)
        }),
        ("to elsewhere", |d| {
            d.rows = rows(&[(0, 21)]);
            d.ranges = vec![range(0, 21, 22)];
        }),
        ("twice", |d| d.jumps = [&d.jumps[..], &d.jumps[..]].concat()),
        ("without a range", |d| {
            let jumps = std::mem::take(&mut d.jumps);
            *d = TopicDraft {
                jumps,
                ..draft(1, 0, 1)
            };
        }),
    ];
    refuses(&mut log, &good, &changes).await;
    assert_eq!(verified(&store).await, (5, 0));
}

crate::kit::in_memory_and_on_s3!(two_writers_that_jump_race);
