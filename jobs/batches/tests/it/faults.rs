//! Appending to a store that fails.

use std::sync::Arc;

use gugus_batches::{LogError, Prune};
use gugus_files::{
    Store,
    conformance::faults::{Fault, Faulty},
};
use object_store::{ObjectStore, path::Path, prefix::PrefixStore};

use crate::kit::{commit, draft, draft_with_reject, lose, open, verified};

/// The folder as an object store of its own.
fn root_of(store: &Store) -> Arc<dyn ObjectStore> {
    Arc::new(PrefixStore::new(
        store.object_store(),
        store.object_path(""),
    ))
}

/// A first try that took effect, in all the ways of not knowing it.
async fn a_lost_answer_is_no_lost_commit(store: Store) {
    let inner = root_of(&store);
    for (at, writes) in [
        &[Fault::AnswerLost][..],
        &[Fault::Refused],
        &[Fault::Refused, Fault::Refused, Fault::AnswerLost],
        &[Fault::Late],
        &[Fault::Late, Fault::Late],
    ]
    .into_iter()
    .enumerate()
    {
        let faulty = Faulty::new(Arc::clone(&inner), writes, &[]);
        let first = 10 * at as i64;
        let footer = commit(
            &mut open(&faulty.store()).await,
            &draft(0, first, first + 10),
        )
        .await;
        assert_eq!(footer.number.get(), at as u64 + 1, "{writes:?}");
    }
    verified(&Store::on_objects(inner, Path::default(), "memory:///")).await;
}

/// The footer that decides cannot be read at first.
async fn reading_the_number_is_tried_again(store: Store) {
    let inner = root_of(&store);
    let faulty = Faulty::new(
        inner,
        &[Fault::AnswerLost],
        &[Fault::Refused, Fault::Refused],
    );
    commit(&mut open(&faulty.store()).await, &draft(0, 0, 10)).await;
    verified(&faulty.store()).await;
}

/// An error, and in the meantime another writer took the number.
async fn an_error_may_hide_a_loss(store: Store) {
    let inner = root_of(&store);
    let good = Store::on_objects(Arc::clone(&inner), Path::default(), "memory:///");
    let faulty = Faulty::new(inner, &[Fault::Refused], &[]);
    let mut unlucky = open(&faulty.store()).await;
    let winner = commit(&mut open(&good).await, &draft(0, 0, 4)).await;
    // It has not seen a batch, so it lists before its first commit; let it see one.
    assert_eq!(lose(&mut unlucky, &draft(0, 0, 10)).await, winner);
    let other = commit(&mut open(&good).await, &draft(0, 4, 5)).await;
    assert_eq!(lose(&mut unlucky, &draft(0, 4, 10)).await, other);
    commit(&mut unlucky, &draft(0, 5, 6)).await;
    verified(&good).await;
}

/// Rejects are written before the batch, even if the answers to the writes are errors.
async fn rejects_go_first(store: Store) {
    let inner = root_of(&store);
    let faulty = Faulty::new(
        inner,
        &[Fault::AnswerLost, Fault::None, Fault::Refused],
        &[],
    );
    let footer = commit(
        &mut open(&faulty.store()).await,
        &draft_with_reject(0, 0, 10, 4),
    )
    .await;
    let rejects = format!("rejected/{}.parquet", footer.commit_id);
    let batch = footer.number.file_name();
    assert_eq!(
        faulty.written(),
        [rejects.clone(), rejects, batch.clone(), batch]
    );
    assert_eq!(verified(&faulty.store()).await, (9, 1));
}

/// A store stays down for longer than an append waits.
async fn a_store_that_stays_down_is_reported(store: Store) {
    let inner = root_of(&store);
    for writes in [
        vec![Fault::Refused; 6],
        [vec![Fault::Refused; 5], vec![Fault::Late]].concat(),
    ] {
        let faulty = Faulty::new(Arc::clone(&inner), &writes, &[]);
        let store = faulty.store();
        let mut log = open(&store).await;
        let first = log.end_of(0).unwrap_or(0);
        let failed = log.append(&draft(0, first, first + 10)).await;
        assert_is!(
            failed,
            Err(LogError::Commit {
                tries: 6,
                source: Some(_),
                ..
            })
        );
        // The last try may have taken effect since. The same records again: in the log once, either way.
        match log.append(&draft(0, first, first + 10)).await.unwrap() {
            gugus_batches::Appended::Committed(_) => assert!(!writes.contains(&Fault::Late)),
            gugus_batches::Appended::Lost { head } => assert_eq!(head.end_of(0), Some(first + 10)),
        }
    }
    assert_eq!(
        verified(&Store::on_objects(inner, Path::default(), "memory:///")).await,
        (20, 0)
    );
}

/// A writer is stopped between looking for its head and creating the next number. Meanwhile others commit that number
/// and more, and prune them: the number is free again, and taking it would tear the log apart.
async fn who_slept_through_pruning_takes_its_batch_back(store: Store) {
    let inner = root_of(&store);
    let good = Store::on_objects(Arc::clone(&inner), Path::default(), "memory:///");
    let faulty = Faulty::new(inner, &[], &[]);
    for has_head in [false, true] {
        let mut sleeper = open(&faulty.store()).await;
        let first = sleeper.end_of(0).unwrap_or(0);
        assert_eq!(sleeper.head().is_some(), has_head);
        let world = good.clone();
        faulty.before_next_write(async move {
            let mut other = open(&world).await;
            for first in [first, first + 5, first + 10] {
                commit(&mut other, &draft(0, first, first + 5)).await;
            }
            let keep = crate::prune::newest(1);
            other
                .prune(keep, Prune::Delete, crate::prune::on)
                .await
                .unwrap();
        });
        let head = lose(&mut sleeper, &draft(0, first, first + 5)).await;
        assert_eq!(head.end_of(0), Some(first + 15));
        commit(&mut sleeper, &draft(0, first + 15, first + 20)).await;
        assert_eq!(verified(&good).await, (10, 0), "the newest two batches");
    }
}

/// A listing is no snapshot: one that runs while others prune may hold the first batch, and lack those after it.
async fn a_listing_amid_pruning_shows_no_gap(store: Store) {
    let inner = root_of(&store);
    let good = Store::on_objects(Arc::clone(&inner), Path::default(), "memory:///");
    let faulty = Faulty::new(inner, &[], &[]);
    let mut log = open(&good).await;
    for first in [0, 5, 10, 15] {
        commit(&mut log, &draft(0, first, first + 5)).await;
    }
    let world = good.clone();
    faulty.amid_next_listing(async move {
        let keep = crate::prune::newest(2);
        let log = open(&world).await;
        log.prune(keep, Prune::Delete, crate::prune::on)
            .await
            .unwrap();
    });
    let mut opened = open(&faulty.store()).await;
    assert_eq!(opened.head(), log.head());
    commit(&mut opened, &draft(0, 20, 21)).await;
    verified(&good).await;
}

crate::kit::in_memory_and_on_s3!(
    a_lost_answer_is_no_lost_commit,
    reading_the_number_is_tried_again,
    an_error_may_hide_a_loss,
    rejects_go_first,
    a_store_that_stays_down_is_reported,
    who_slept_through_pruning_takes_its_batch_back,
    a_listing_amid_pruning_shows_no_gap
);
