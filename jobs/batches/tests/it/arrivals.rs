//! Batches that came since a reader looked last.

use gugus_batches::{Arrivals, BatchLog, MOST_ARRIVALS, arrivals};
use gugus_files::{Store, conformance::remove};
use gugus_spec::BatchNumber;

use crate::kit::{commit, draft, open};

fn number(number: u64) -> BatchNumber {
    BatchNumber::new(number).unwrap()
}

/// A log of so many batches.
async fn log_of(batches: i64) -> (Store, BatchLog) {
    let store = Store::in_memory();
    let mut log = open(&store).await;
    for first in 0..batches {
        commit(&mut log, &draft(0, first, first + 1)).await;
    }
    (store, log)
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
