//! Damaged and foreign files. Each ends in an error that names the file, or in a problem.

use gugus_batches::{BatchLog, LogError};
use gugus_files::{
    Store,
    conformance::{bytes_of, overwrite, remove},
};
use gugus_spec::BatchNumber;

use crate::kit::{JOB, TOPIC, commit, draft, name, open, problems, rows, three_batches};

/// Expects that opening to append, opening to read and verifying all name the fault.
async fn refused(store: &Store, part: &str, is: fn(&LogError) -> bool) {
    let opened = BatchLog::open(store.clone(), &JOB.parse().unwrap(), TOPIC)
        .await
        .unwrap_err();
    let read = BatchLog::read(store.clone()).await.unwrap_err();
    for error in [opened, read] {
        assert!(is(&error), "{error:?}");
        assert!(error.to_string().contains(part), "{error}");
    }
    let problems = problems(store).await;
    assert!(
        problems.iter().any(|problem| problem.contains(part)),
        "{problems:?}"
    );
}

/// A file cut off anywhere, and one of no bytes.
#[tokio::test]
async fn truncated_batches_are_named() {
    let store = Store::in_memory();
    three_batches(&store).await;
    let whole = bytes_of(&store, &name(3)).await;
    for length in [0, 3, 12, whole.len() / 2, whole.len() - 1] {
        overwrite(&store, &name(3), whole.slice(..length)).await;
        refused(&store, &name(3), |e| matches!(e, LogError::Damaged { .. })).await;
    }
    // A length that points out of the file.
    let mut lying = whole.to_vec();
    let at = lying.len() - 8;
    lying[at..at + 4].copy_from_slice(&u32::MAX.to_le_bytes());
    overwrite(&store, &name(3), lying).await;
    refused(&store, &name(3), |e| matches!(e, LogError::Damaged { .. })).await;
}

/// A whole Parquet file of somebody else.
#[tokio::test]
async fn foreign_parquet_is_named() {
    let store = Store::in_memory();
    three_batches(&store).await;
    let mut writer =
        parquet::arrow::ArrowWriter::try_new(Vec::new(), rows(&[]).schema(), None).unwrap();
    writer.write(&rows(&[(0, 30)])).unwrap();
    overwrite(&store, &name(4), writer.into_inner().unwrap()).await;
    refused(&store, &name(4), |e| {
        matches!(e, LogError::NotABatch { .. })
    })
    .await;
}

/// A batch under another's name.
#[tokio::test]
async fn renamed_batches_are_named() {
    let store = Store::in_memory();
    three_batches(&store).await;
    overwrite(&store, &name(4), bytes_of(&store, &name(2)).await).await;
    refused(
        &store,
        &name(4),
        |e| matches!(e, LogError::Misnumbered { number, .. } if number.get() == 2),
    )
    .await;
}

/// A number in the middle is gone: readers stop there, and no writer appends.
#[tokio::test]
async fn gaps_stop_readers_and_refuse_writers() {
    let store = Store::in_memory();
    three_batches(&store).await;
    remove(&store, &name(2)).await;
    let refused = BatchLog::open(store.clone(), &JOB.parse().unwrap(), TOPIC)
        .await
        .unwrap_err();
    assert!(matches!(refused, LogError::Gap { .. }), "{refused}");
    assert!(refused.to_string().contains(&name(2)), "{refused}");
    let reader = BatchLog::read(store.clone()).await.unwrap();
    assert_eq!(reader.numbers().await.unwrap(), [BatchNumber::FIRST]);
    assert_eq!(reader.head().unwrap().number, BatchNumber::FIRST);
    let problems = problems(&store).await;
    assert!(
        problems.len() == 1 && problems[0].starts_with(&name(2)),
        "{problems:?}"
    );
}

/// A batch of a twin log with the same numbers and other commits.
#[tokio::test]
async fn a_batch_of_another_chain_shows() {
    let store = Store::in_memory();
    three_batches(&store).await;
    let twin = Store::in_memory();
    let mut log = open(&twin).await;
    commit(&mut log, &draft(0, 0, 8)).await;
    commit(&mut log, &draft(0, 8, 15)).await;
    overwrite(&store, &name(2), bytes_of(&twin, &name(2)).await).await;
    let found = problems(&store).await.join("\n");
    for part in [
        "follows commit",
        "an overlap in partition 0: it starts at offset 8, the log ended at 10",
        "a gap in partition 0: it starts at offset 20, the log ended at 15",
    ] {
        assert!(found.contains(part), "{part} in {found}");
    }
}

/// Rejects that are gone, changed, or of another commit.
#[tokio::test]
async fn reject_files_are_checked() {
    let store = Store::in_memory();
    three_batches(&store).await;
    let log = BatchLog::read(store.clone()).await.unwrap();
    let file = log.head().unwrap().rejected.clone().unwrap().file;
    let whole = bytes_of(&store, &file).await;
    let other = log
        .footer(BatchNumber::FIRST)
        .await
        .unwrap()
        .rejected
        .unwrap()
        .file;
    overwrite(&store, &file, bytes_of(&store, &other).await).await;
    let found = problems(&store).await;
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(
        found[0].contains("checksum") && found[0].contains(&file),
        "{found:?}"
    );
    assert!(
        found[1].contains("rejected offset 3 of partition 0 is outside"),
        "{found:?}"
    );
    overwrite(&store, &file, whole.slice(..40)).await;
    assert_eq!(problems(&store).await.len(), 2, "checksum, and not parquet");
    remove(&store, &file).await;
    let found = problems(&store).await;
    assert!(
        found.len() == 1 && found[0].contains("is missing"),
        "{found:?}"
    );
}
