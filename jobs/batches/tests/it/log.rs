//! Cases of the batch log on a store that does nothing wrong.

use arrow::array::AsArray;
use arrow::datatypes::{Float64Type, Int64Type};
use futures::future::join_all;

use gugus_batches::{
    Appended, BatchLog, FedBy, LogError, OFFSET, PARTITION, PartitionEnd, TIMESTAMP, TopicDraft,
};
use gugus_files::{
    Store,
    conformance::{bytes_of, overwrite, remove},
};
use gugus_spec::BatchNumber;

use crate::kit::{
    JOB, TOPIC, commit, counts, draft, draft_with_reject, found, lose, open, range, reject, rows,
    spans, verified,
};

fn number(number: u64) -> BatchNumber {
    BatchNumber::new(number).unwrap()
}

/// Two commits, read back by another reader.
#[tokio::test]
async fn commits_are_numbered_and_read_back() {
    let store = Store::in_memory();
    let mut log = open(&store).await;
    assert!(log.head().is_none() && log.fed_by() == FedBy::Nothing && log.end_of(0).is_none());
    let first = commit(&mut log, &draft(0, 7, 10)).await;
    let second = commit(&mut log, &draft(0, 10, 12)).await;
    assert_eq!((first.number, second.number), (number(1), number(2)));
    assert_eq!(
        (&first.previous, second.previous.as_ref()),
        (&None, Some(&first.commit_id))
    );
    assert_eq!(
        (second.job.as_str(), second.topic.as_str(), second.rows),
        (JOB, TOPIC, 2)
    );
    assert_eq!(
        second.ends,
        [PartitionEnd {
            partition: 0,
            next: 12,
            last: None,
        }]
    );
    let names: Vec<_> = second
        .schema
        .iter()
        .map(|f| (f.name.as_str(), f.data_type.as_str()))
        .collect();
    let ours = [
        (PARTITION, "int32"),
        (OFFSET, "int64"),
        (TIMESTAMP, "timestamp"),
    ];
    assert_eq!(
        names,
        [&[("LAT", "float64"), ("text", "utf8")][..], &ours].concat()
    );

    let reader = BatchLog::read(store.clone()).await.unwrap();
    assert_eq!(
        (reader.head(), reader.end_of(0), reader.fed_by()),
        (Some(&second), Some(12), FedBy::Topic)
    );
    let files = reader.batches().await.unwrap();
    assert_eq!(
        files.iter().map(|file| file.number).collect::<Vec<_>>(),
        reader.numbers().await.unwrap()
    );
    for file in &files {
        assert_eq!(file.path, store.object_path(&file.number.file_name()));
        assert_eq!(
            file.size,
            bytes_of(&store, &file.number.file_name()).await.len() as u64
        );
    }
    assert_eq!(
        reader.footers(&[number(2), number(1)]).await.unwrap(),
        [second, first]
    );
    assert_eq!(
        reader.rows(number(1)).await.unwrap(),
        rows(&[(0, 7), (0, 8), (0, 9)])
    );
    assert!(matches!(
        reader.footer(number(3)).await,
        Err(LogError::NoBatch { .. })
    ));
    assert!(matches!(
        reader.rows(number(3)).await,
        Err(LogError::NoBatch { .. })
    ));
    assert_eq!(verified(&store).await, (5, 0));
}

/// Rows in any order, columns in any order, several partitions in one commit.
#[tokio::test]
async fn rows_are_sorted_and_our_columns_last() {
    let store = Store::in_memory();
    let mut log = open(&store).await;
    let given = rows(&[(3, 9), (0, 2), (3, 8), (0, 0), (0, 1)]);
    let turned = given.project(&[4, 2, 1, 3, 0]).unwrap();
    let ranges = vec![range(3, 8, 10), range(1, 4, 4), range(0, 0, 3)];
    let footer = commit(
        &mut log,
        &TopicDraft {
            rows: turned,
            ranges,
            ..draft(0, 0, 3)
        },
    )
    .await;
    assert_eq!(
        footer
            .ranges
            .iter()
            .map(|range| range.partition)
            .collect::<Vec<_>>(),
        [0, 3],
        "empty ones left out"
    );
    let read = log.rows(footer.number).await.unwrap();
    let sorted = rows(&[(0, 0), (0, 1), (0, 2), (3, 8), (3, 9)])
        .project(&[1, 0, 2, 3, 4])
        .unwrap();
    assert_eq!(read, sorted);
    verified(&store).await;
}

/// Writers that start from the same head: one takes the number, the others learn of it and go on.
async fn two_writers_race(store: Store) {
    let mut logs = [open(&store).await, open(&store).await];
    let draft_ = draft_with_reject(0, 0, 10, 4);
    let results = join_all(logs.iter_mut().map(|log| log.append(&draft_))).await;
    let won: Vec<_> = results
        .into_iter()
        .map(|result| matches!(result.unwrap(), Appended::Committed(_)))
        .collect();
    assert_eq!(won.iter().filter(|won| **won).count(), 1);
    assert_eq!(
        logs[0].head(),
        logs[1].head(),
        "the loser has the winner's head"
    );
    for log in &mut logs {
        log.refresh().await.unwrap();
        let end = log.end_of(0).unwrap();
        commit(log, &draft(0, end, end + 5)).await;
    }
    let found = found(&store).await;
    assert_eq!(counts(&found), (0, 19, 1));
    assert_eq!(
        found.unreferenced_rejects, 0,
        "the loser takes its rejects away"
    );
}

/// A writer that slept through several commits of others.
#[tokio::test]
async fn a_stale_writer_loses_once_and_goes_on() {
    let store = Store::in_memory();
    let mut stale = open(&store).await;
    commit(&mut stale, &draft(0, 0, 5)).await;
    let mut other = open(&store).await;
    for first in [5, 10, 15] {
        commit(&mut other, &draft(0, first, first + 5)).await;
    }
    let head = lose(&mut stale, &draft(0, 5, 9)).await;
    assert_eq!((head.number, head.end_of(0)), (number(4), Some(20)));
    assert_eq!(stale.head(), Some(&head));
    // Its old position would leave an overlap now, which is refused before anything is written.
    let again = stale.append(&draft(0, 5, 9)).await;
    assert_is!(
        again,
        Err(LogError::NotAtEnd {
            partition: 0,
            first: 5,
            end: 20
        })
    );
    // Partitions that the others did not touch lose nothing but the number.
    commit(&mut stale, &draft(1, 0, 3)).await;
    assert_eq!(verified(&store).await, (23, 0));
}

/// Readers and writers see the commits of others.
#[tokio::test]
async fn refreshing_finds_the_newest() {
    let store = Store::in_memory();
    let mut reader = open(&store).await;
    assert_eq!(reader.refresh().await.unwrap(), None);
    let mut writer = open(&store).await;
    for first in 0..4 {
        let footer = commit(&mut writer, &draft(0, first, first + 1)).await;
        assert_eq!(reader.refresh().await.unwrap(), Some(&footer));
        assert_eq!(reader.refresh().await.unwrap(), Some(&footer));
    }
}

/// Where only rejects arrived.
#[tokio::test]
async fn a_commit_of_no_rows_carries_rejects() {
    let store = Store::in_memory();
    let mut log = open(&store).await;
    let rejects = vec![reject(0, 1), reject(0, 0)];
    let footer = commit(
        &mut log,
        &TopicDraft {
            rows: rows(&[]),
            rejects,
            ..draft(0, 0, 2)
        },
    )
    .await;
    assert_eq!((footer.rows, footer.rejected_rows()), (0, 2));
    let file = footer.rejected.as_ref().unwrap();
    assert_eq!(file.file, format!("rejected/{}.parquet", footer.commit_id));
    let read = log.rejected(&footer).await.unwrap();
    let schema = read.schema();
    let columns: Vec<_> = schema.fields().iter().map(|f| f.name().as_str()).collect();
    assert_eq!(
        columns,
        [PARTITION, OFFSET, TIMESTAMP, "key", "value", "reason"]
    );
    assert_eq!(
        read[OFFSET].as_primitive::<Int64Type>().values().as_ref(),
        [0, 1]
    );
    assert_eq!(read["value"].as_binary::<i32>().value(0), b"{\xff");
    assert_eq!(log.rows(footer.number).await.unwrap().num_rows(), 0);
    let footer = commit(&mut log, &draft(0, 2, 4)).await;
    assert_eq!(log.rejected(&footer).await.unwrap().num_rows(), 0);
    assert_eq!(verified(&store).await, (2, 2));
}

/// Transaction markers and compaction take offsets that no record has.
#[tokio::test]
async fn ranges_may_be_wider_than_records() {
    let store = Store::in_memory();
    let mut log = open(&store).await;
    for (places, first, next) in [(&[(0, 3), (0, 7)][..], 0, 20), (&[], 20, 22)] {
        let draft = TopicDraft::new(rows(places), vec![range(0, first, next)]);
        commit(&mut log, &draft).await;
    }
    commit(&mut log, &draft(0, 22, 23)).await;
    assert_eq!(verified(&store).await, (3, 0));
}

/// Old batches may go; the newest stays, and with it all state.
#[tokio::test]
async fn old_batches_may_be_pruned() {
    let store = Store::in_memory();
    let mut log = open(&store).await;
    let mut stale = open(&store).await;
    let mut empty = open(&store).await;
    commit(&mut log, &draft(5, 0, 2)).await;
    stale.refresh().await.unwrap();
    for first in [0, 2, 4] {
        commit(&mut log, &draft(0, first, first + 2)).await;
    }
    for pruned in [1, 2, 3] {
        remove(&store, &number(pruned).file_name()).await;
    }
    // The next numbers of these two are free again. Taking one would leave a gap in the log.
    assert_eq!(lose(&mut stale, &draft(1, 0, 1)).await.number, number(4));
    assert_eq!(lose(&mut empty, &draft(1, 0, 1)).await.number, number(4));
    let log = open(&store).await;
    assert_eq!((log.end_of(5), log.end_of(0)), (Some(2), Some(6)));
    assert_eq!(log.numbers().await.unwrap(), [number(4)]);
    commit(&mut stale, &draft(1, 0, 1)).await;
    let found = found(&store).await;
    assert_eq!(found.problems, Vec::<String>::new());
    assert_eq!(spans(&found), [(0, 4, 6), (1, 0, 1), (5, 2, 2)]);
}

/// Files of other programs do no harm.
#[tokio::test]
async fn other_files_are_ignored() {
    let store = Store::in_memory();
    let mut log = open(&store).await;
    commit(&mut log, &draft(0, 0, 1)).await;
    for name in [
        "batch_1.parquet",
        "batch_00000009.csv",
        ".batch_00000002.parquet.0.tmp",
        "README.md",
        "rejected/x.parquet",
    ] {
        overwrite(&store, name, &b"not ours"[..]).await;
    }
    commit(&mut open(&store).await, &draft(0, 1, 2)).await;
    let found = found(&store).await;
    assert_eq!(
        (
            found.problems.len(),
            found.batches,
            found.unreferenced_rejects
        ),
        (0, 2, 1)
    );
    let latitudes = log.rows(number(2)).await.unwrap();
    assert_eq!(latitudes["LAT"].as_primitive::<Float64Type>().value(0), 1.0);
}

crate::kit::in_memory_and_on_s3!(two_writers_race);
