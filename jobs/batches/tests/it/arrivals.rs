//! Batches that came since a reader looked last.

use gugus_batches::{Arrivals, BatchLog, MOST_ARRIVALS, arrivals};
use gugus_files::{
    Store,
    conformance::{folder, remove},
};
use gugus_spec::BatchNumber;

use crate::kit::{commit, draft, open};

fn number(number: u64) -> BatchNumber {
    BatchNumber::new(number).unwrap()
}

/// A log of so many batches.
async fn log_of(batches: i64) -> (Store, BatchLog) {
    let store = Store::in_memory();
    let log = filled(&store, batches).await;
    (store, log)
}

async fn filled(store: &Store, batches: i64) -> BatchLog {
    let mut log = open(store).await;
    for first in 0..batches {
        commit(&mut log, &draft(0, first, first + 1)).await;
    }
    log
}

async fn came(store: &Store, newest: u64) -> Option<Vec<u64>> {
    match arrivals(store, number(newest)).await.unwrap() {
        Arrivals::Batches(found) => Some(found.iter().map(|(file, _)| file.number.get()).collect()),
        Arrivals::Gone => None,
    }
}

#[tokio::test]
async fn batches_are_found_by_their_numbers() {
    let (store, log) = log_of(100).await;
    for newest in [1, 97, 99, 100] {
        let expected: Vec<u64> = (newest + 1..=100).collect();
        assert_eq!(came(&store, newest).await, Some(expected));
    }
    let Arrivals::Batches(found) = arrivals(&store, number(41)).await.unwrap() else {
        panic!("the log was not pruned")
    };
    let (file, footer) = &found[0];
    let listed = log.batches().await.unwrap();
    assert_eq!(*file, listed[41], "path and size are those of a listing");
    assert_eq!(*footer, log.footer(number(42)).await.unwrap());
}

#[tokio::test]
async fn a_log_that_was_pruned_past_the_reader_is_read_again() {
    let (store, _) = log_of(3).await;
    remove(&store, &number(1).file_name()).await;
    assert_eq!(
        came(&store, 1).await,
        Some(vec![2, 3]),
        "nothing is missing after it"
    );
    remove(&store, &number(2).file_name()).await;
    assert_eq!(came(&store, 1).await, None);
    assert_eq!(came(&store, 3).await, Some(Vec::new()));
}

#[tokio::test]
async fn an_answer_is_bounded() {
    let (store, _) = log_of(MOST_ARRIVALS as i64 + 6).await;
    let first = came(&store, 1).await.unwrap();
    assert_eq!((first.len(), first[0]), (MOST_ARRIVALS, 2));
    let rest = came(&store, *first.last().unwrap()).await.unwrap();
    assert_eq!(rest.len(), 5);
}

/// Somebody copies a file into the folder, or it is damaged.
#[tokio::test]
async fn a_file_that_is_not_whole_ends_what_is_read() {
    let dir = tempfile::tempdir().unwrap();
    for store in [Store::in_memory(), folder(dir.path())] {
        let log = filled(&store, 4).await;
        let numbers = log.numbers().await.unwrap();
        let third = number(3).file_name();
        let whole = store.get(&third).await.unwrap();
        for length in [0, 4, whole.len() / 2, whole.len() - 1] {
            remove(&store, &third).await;
            let part = whole.slice(..length);
            store.create(&third, part).await.unwrap();
            let log = BatchLog::unread(store.clone());
            assert_eq!(log.numbers().await.unwrap(), numbers);
            assert_eq!(log.whole_footers(&numbers).await.unwrap().len(), 2);
            let refused = log.footers(&numbers).await.unwrap_err();
            assert!(refused.is_torn(), "{length}: {refused}");
            assert_eq!(came(&store, 1).await, Some(vec![2]));
            let next = arrivals(&store, number(2)).await.unwrap_err();
            assert!(next.is_torn(), "{length}: {next}");
        }
        remove(&store, &third).await;
        store.create(&third, whole).await.unwrap();
        assert_eq!(came(&store, 1).await, Some(vec![2, 3, 4]));
    }
}
