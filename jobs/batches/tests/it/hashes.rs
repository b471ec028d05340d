//! Hashes of batches: no change of a file goes unnoticed, and batches without hashes stay readable.

use gugus_batches::{BatchLog, LogError, verify_footers};
use gugus_files::{
    HASH_KEY, Store,
    conformance::{bytes_of, overwrite},
};
use gugus_spec::BatchNumber;

use crate::kit::{commit, draft, found, name, open, problems, three_batches, verified};

#[tokio::test]
async fn the_footers_are_a_chain() {
    let store = Store::in_memory();
    three_batches(&store).await;
    let log = BatchLog::read(store.clone()).await.unwrap();
    let footers = log.footers(&log.numbers().await.unwrap()).await.unwrap();
    let mut before = String::new();
    for footer in &footers {
        assert_eq!(footer.previous_hash.as_ref(), Some(&before));
        before = footer.hash.clone().unwrap();
        assert_eq!(before.len(), 32, "{before}");
    }
    let all = found(&store).await;
    assert_eq!(all.without_hash, 0);
    let quick = verify_footers(&store, |_| ()).await.unwrap();
    assert_eq!(quick, all);
}

/// This proof reads only the footer, so only damage of the footer shows.
#[tokio::test]
async fn a_quick_proof_reads_footers() {
    let store = Store::in_memory();
    three_batches(&store).await;
    let whole = bytes_of(&store, &name(2)).await;
    let length = u32::from_le_bytes(whole[whole.len() - 8..whole.len() - 4].try_into().unwrap());
    let footer = whole.len() - 8 - length as usize;
    for (at, shows_at_once) in [(4, false), (footer - 1, false), (whole.len() - 40, true)] {
        let mut altered = whole.to_vec();
        altered[at] ^= 0x10;
        overwrite(&store, &name(2), altered).await;
        let quick = verify_footers(&store, |_| ()).await.unwrap().problems;
        assert_eq!(!quick.is_empty(), shows_at_once, "{at}: {quick:?}");
        let all = problems(&store).await;
        assert!(!all.is_empty() && all[0].contains(&name(2)), "{all:?}");
    }
}

/// Rows that `verify` would name are not read.
#[tokio::test]
async fn altered_rows_are_not_given() {
    let store = Store::in_memory();
    three_batches(&store).await;
    let mut altered = bytes_of(&store, &name(2)).await.to_vec();
    altered[20] ^= 1;
    overwrite(&store, &name(2), altered).await;
    let log = BatchLog::read(store.clone()).await.unwrap();
    let second = BatchNumber::new(2).unwrap();
    for rows in [log.rows(second).await, log.first_rows(second, 1).await] {
        let refused = rows.unwrap_err();
        assert!(matches!(refused, LogError::Altered { .. }), "{refused:?}");
        let text = refused.to_string();
        assert!(
            text.contains(&name(2)) && text.contains("from a copy"),
            "{text}"
        );
    }
    let found = problems(&store).await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].contains("is not as it was written"), "{found:?}");
}

/// A batch of an earlier build, and batches that follow it.
#[tokio::test]
async fn batches_without_hashes_are_counted() {
    let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/v1/batches");
    let old = Store::open(fixtures).unwrap();
    let store = Store::in_memory();
    for batch in [1, 2] {
        let file = old.get(&name(batch)).await.unwrap();
        overwrite(&store, &name(batch), file).await;
        let footer = BatchLog::read(old.clone()).await.unwrap();
        let footer = footer
            .footer(BatchNumber::new(batch).unwrap())
            .await
            .unwrap();
        let reject = footer.rejected.unwrap().file;
        overwrite(&store, &reject, old.get(&reject).await.unwrap()).await;
    }
    let mut log = open(&store).await;
    let end = log.end_of(0).unwrap();
    let third = commit(&mut log, &draft(0, end, end + 5)).await;
    assert_eq!(third.previous_hash.as_deref(), Some(""));
    let fourth = commit(&mut log, &draft(0, end + 5, end + 6)).await;
    assert_eq!(fourth.previous_hash, third.hash);
    verified(&store).await;
    assert_eq!(found(&store).await.without_hash, 2);
}

/// Without the entry, a new batch would look like one of an earlier build.
#[tokio::test]
async fn a_lost_entry_is_named() {
    let store = Store::in_memory();
    three_batches(&store).await;
    let mut altered = bytes_of(&store, &name(3)).await.to_vec();
    let key = HASH_KEY.as_bytes();
    let at = altered.windows(key.len()).rposition(|part| part == key);
    altered[at.unwrap()] ^= 1;
    overwrite(&store, &name(3), altered).await;
    let refused = BatchLog::read(store.clone()).await.unwrap_err();
    assert!(matches!(refused, LogError::Altered { .. }), "{refused:?}");
}
