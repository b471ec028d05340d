//! Cases of old batches that are taken away.

use std::{
    num::NonZeroU64,
    ops::ControlFlow,
    time::{Duration, SystemTime},
};

use gugus_batches::{Appended, BatchLog, Keep, LogError, Prune, Pruned};
use gugus_files::{
    Store,
    conformance::{overwrite, remove},
};
use gugus_spec::BatchNumber;

use crate::kit::{commit, commit_with_reject, draft, draft_with_reject, found, open, problems};

/// Never stops the pruning.
pub(crate) fn on(_: u64) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// Keeps this many of the newest batches.
pub(crate) fn newest(count: u64) -> Keep {
    Keep::Newest(NonZeroU64::new(count).unwrap())
}

async fn numbers(store: &Store) -> Vec<u64> {
    let log = BatchLog::read(store.clone()).await.unwrap();
    log.numbers()
        .await
        .unwrap()
        .iter()
        .map(|n| n.get())
        .collect()
}

async fn files(store: &Store, folder: &str) -> usize {
    let listed = store.list(folder, gugus_files::Sizes::Skip).await.unwrap();
    listed.map_or(0, |listed| listed.files.len())
}

/// Five batches of ten offsets, each with one reject.
async fn five_batches(store: &Store) -> BatchLog {
    let mut log = open(store).await;
    for first in [0, 10, 20, 30, 40] {
        commit_with_reject(&mut log, first, first + 10, first + 3).await;
    }
    log
}

/// The newest batches stay, with their reject files. A dry run finds what would be removed.
#[tokio::test]
async fn the_newest_are_kept() {
    let store = Store::in_memory();
    let mut log = five_batches(&store).await;
    let reader = BatchLog::read(store.clone()).await.unwrap();
    let dry = reader.prune(newest(2), Prune::DryRun, on).await.unwrap();
    assert_eq!(numbers(&store).await, [1, 2, 3, 4, 5]);
    let mut told = Vec::new();
    let pruned = reader
        .prune(newest(2), Prune::Delete, |done| {
            told.push(done);
            ControlFlow::Continue(())
        })
        .await
        .unwrap();
    assert_eq!(pruned, dry);
    let expected = Pruned {
        batches: 3,
        first: BatchNumber::new(1),
        last: BatchNumber::new(3),
        rejects: 3,
        unreferenced: 0,
        bytes: pruned.bytes,
    };
    assert_eq!(pruned, expected);
    assert!(pruned.bytes > 3_000, "{pruned:?}");
    assert_eq!(told, [1, 2, 3]);
    assert_eq!(
        (numbers(&store).await, files(&store, "rejected").await),
        (vec![4, 5], 2)
    );
    assert_eq!(problems(&store).await, Vec::<String>::new());
    commit(&mut log, &draft(0, 50, 51)).await;
    assert_eq!(problems(&store).await, Vec::<String>::new());
    let nothing = reader.prune(newest(9), Prune::Delete, on).await.unwrap();
    assert_eq!(nothing, Pruned::default());
}

/// By age: nothing is older than the beginning of time, everything than tomorrow. The newest stays all the same.
#[tokio::test]
async fn the_head_stays_whatever_its_age() {
    let store = Store::in_memory();
    let log = five_batches(&store).await;
    let since = Keep::Since(SystemTime::UNIX_EPOCH);
    let nothing = log.prune(since, Prune::Delete, on).await.unwrap();
    assert_eq!(nothing, Pruned::default());
    let since = Keep::Since(SystemTime::now() + Duration::from_secs(86_400));
    assert_eq!(
        log.prune(since, Prune::Delete, on).await.unwrap().batches,
        4
    );
    assert_eq!(numbers(&store).await, [5]);
    let nothing = open(&store)
        .await
        .prune(since, Prune::Delete, on)
        .await
        .unwrap();
    assert_eq!(nothing, Pruned::default());
    assert_eq!(problems(&store).await, Vec::<String>::new());
}

/// Pruning that is stopped or killed leaves a shorter log.
#[tokio::test]
async fn pruning_may_stop_anywhere() {
    let store = Store::in_memory();
    let mut log = five_batches(&store).await;
    let stop = |done| {
        if done == 2 {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    };
    let pruned = log.prune(newest(1), Prune::Delete, stop).await.unwrap();
    assert_eq!((pruned.batches, pruned.rejects), (2, 2));
    assert_eq!(
        (numbers(&store).await, files(&store, "rejected").await),
        (vec![3, 4, 5], 3)
    );
    // As if it was killed after a batch, and before its reject file.
    remove(&store, &BatchNumber::new(3).unwrap().file_name()).await;
    let found = found(&store).await;
    assert_eq!((found.problems.len(), found.unreferenced_rejects), (0, 1));
    let pruned = log.prune(newest(1), Prune::Delete, on).await.unwrap();
    assert_eq!(
        (pruned.batches, pruned.rejects, pruned.unreferenced),
        (1, 1, 0)
    );
    assert_eq!(
        files(&store, "rejected").await,
        2,
        "it may be of a commit that is being written"
    );
    commit(&mut log, &draft(0, 50, 51)).await;
}

/// Files that are none of ours stay, and a log that is cut in two is left as it is.
#[tokio::test]
async fn pruning_touches_nothing_else() {
    let store = Store::in_memory();
    let log = five_batches(&store).await;
    for name in [
        "README.md",
        "batch_1.parquet",
        "rejected/README.md",
        "rejected/.x.parquet.tmp",
    ] {
        overwrite(&store, name, &b"not ours"[..]).await;
    }
    log.prune(newest(4), Prune::Delete, on).await.unwrap();
    assert_eq!(
        (files(&store, "").await, files(&store, "rejected").await),
        (6, 6)
    );
    remove(&store, &BatchNumber::new(3).unwrap().file_name()).await;
    for log in [log, BatchLog::read(store.clone()).await.unwrap()] {
        let refused = log.prune(newest(1), Prune::Delete, on).await;
        assert!(matches!(refused, Err(LogError::Gap { .. })), "{refused:?}");
    }
    assert_eq!(files(&store, "").await, 5);
}

/// Everything that may go goes, by us or by hand: the numbers and offsets go on.
#[tokio::test]
async fn batch_numbers_never_restart() {
    let store = Store::in_memory();
    let log = five_batches(&store).await;
    log.prune(newest(1), Prune::Delete, on).await.unwrap();
    let mut log = open(&store).await;
    assert_eq!(log.end_of(0), Some(50));
    assert_eq!(commit(&mut log, &draft(0, 50, 60)).await.number.get(), 6);
    commit(&mut log, &draft(0, 60, 70)).await;
    for by_hand in [5, 6] {
        remove(&store, &BatchNumber::new(by_hand).unwrap().file_name()).await;
    }
    let mut log = open(&store).await;
    assert_eq!(commit(&mut log, &draft(0, 70, 80)).await.number.get(), 8);
    assert_eq!(problems(&store).await, Vec::<String>::new());
}

/// Two writers append while two others prune as hard as they can: no offset is lost that was not pruned, none is twice.
async fn pruning_and_appending_at_once(store: Store) {
    const GOAL: i64 = 60;
    let done = std::sync::atomic::AtomicUsize::new(0);
    let write = async |partition: i32| {
        let mut log = open(&store).await;
        while let first = log.end_of(partition).unwrap_or(0)
            && first < GOAL
        {
            let draft = draft_with_reject(partition, first, first + 3, first);
            let appended = log.append(&draft).await.unwrap();
            if let Appended::Committed(footer) = appended {
                assert_eq!(footer.end_of(partition), Some(first + 3));
            }
        }
        done.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    };
    let prune = async || {
        while done.load(std::sync::atomic::Ordering::Relaxed) < 2 {
            let log = open(&store).await;
            log.prune(newest(2), Prune::Delete, on).await.unwrap();
            tokio::task::yield_now().await;
        }
    };
    futures::join!(write(0), write(1), prune(), prune());
    let log = open(&store).await;
    assert_eq!((log.end_of(0), log.end_of(1)), (Some(GOAL), Some(GOAL)));
    let numbers = numbers(&store).await;
    assert_eq!(
        numbers.last(),
        Some(&40),
        "two writers, twenty commits each"
    );
    assert_eq!(problems(&store).await, Vec::<String>::new());
}

crate::kit::in_memory_and_on_s3!(pruning_and_appending_at_once);
