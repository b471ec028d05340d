//! Batches with seeded damage: `verify` names each of them in time, no other rows are given than those that were written,
//! and nobody panics.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use bytes::Bytes;
use gugus_batches::{BatchLog, Verification, verify_footers};
use gugus_damage::{cases, damaged, in_time};
use gugus_files::{
    Store,
    conformance::{bytes_of, overwrite},
};
use gugus_spec::BatchNumber;

use crate::kit::{found, name, three_batches};

/// Cases of one seed: a few seconds in a debug build.
const CASES: u64 = 300;

/// The files of a folder, by their names in it.
type Files = BTreeMap<String, Bytes>;

/// What readers make of a folder.
struct Read {
    verified: Verification,
    quick: Verification,
    /// The rows of each batch that gives its rows.
    rows: BTreeMap<BatchNumber, RecordBatch>,
}

/// The batches of a store and their rejects.
async fn files_of(store: &Store, last: u64) -> Files {
    let log = BatchLog::read(store.clone()).await.unwrap();
    let mut files = Files::new();
    for number in 1..=last {
        let footer = log.footer(BatchNumber::new(number).unwrap()).await;
        let rejects = footer.unwrap().rejected.map(|rejected| rejected.file);
        for file in rejects.into_iter().chain([name(number)]) {
            files.insert(file.clone(), bytes_of(store, &file).await);
        }
    }
    files
}

#[tokio::main(flavor = "current_thread")]
async fn read(files: Files) -> Read {
    let store = Store::in_memory();
    for (file, bytes) in files {
        overwrite(&store, &file, bytes).await;
    }
    let log = BatchLog::unread(store.clone());
    let mut rows = BTreeMap::new();
    for number in log.numbers().await.unwrap() {
        if let Ok(of_batch) = log.rows(number).await {
            rows.insert(number, of_batch);
        }
        // An error is an answer.
        let _ = log.first_rows(number, 3).await;
        if let Ok(footer) = log.footer(number).await {
            let _ = log.rejected(&footer).await;
        }
    }
    let _ = BatchLog::read(store.clone()).await;
    Read {
        verified: found(&store).await,
        quick: verify_footers(&store, |_| ()).await.unwrap(),
        rows,
    }
}

/// One of the files with damage. `None` if the damage took itself back.
fn with_damage(files: &Files, draw: &mut gugus_damage::Draw) -> Option<(String, Files)> {
    let (file, whole) = files.iter().nth(draw.below(files.len()))?;
    let altered = damaged(whole, draw);
    let mut files = files.clone();
    (altered[..] != whole[..]).then(|| {
        files.insert(file.clone(), altered.into());
        (file.clone(), files)
    })
}

fn panicked(found: &Verification) -> Option<String> {
    let said = found.problems.join("\n");
    said.contains("panicked").then_some(said)
}

#[tokio::test]
async fn no_damage_passes() {
    let store = Store::in_memory();
    three_batches(&store).await;
    let files = files_of(&store, 3).await;
    tokio::task::spawn_blocking(move || {
        let whole = read(files.clone());
        assert_eq!(
            (whole.verified.problems.len(), whole.rows.len()),
            (0, 3),
            "{:?}",
            whole.verified
        );
        cases(CASES, 31, |draw| {
            let Some((file, files)) = with_damage(&files, draw) else {
                return Ok(());
            };
            let found = in_time(move || read(files)).map_err(|why| format!("{file}: {why}"))?;
            if found.verified.problems.is_empty() {
                return Err(format!("{file} passed"));
            }
            let mut given = found.rows.iter();
            if let Some((number, _)) = given.find(|(number, rows)| whole.rows[number] != **rows) {
                return Err(format!("batch {number} gave other rows; {file} is damaged"));
            }
            let said = panicked(&found.verified).or(panicked(&found.quick));
            said.map_or(Ok(()), |said| Err(format!("{file}: {said}")))
        });
    })
    .await
    .unwrap();
}

/// Batches of an earlier build have no hashes, so other rows can pass. But nobody panics, waits, or takes them for new ones.
#[tokio::test]
async fn damage_to_old_batches_stops_nobody() {
    let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/v1/batches");
    let files = files_of(&Store::open(fixtures).unwrap(), 2).await;
    tokio::task::spawn_blocking(move || {
        assert_eq!(read(files.clone()).verified.without_hash, 2);
        cases(CASES, 32, |draw| {
            let Some((file, files)) = with_damage(&files, draw) else {
                return Ok(());
            };
            let found = in_time(move || read(files)).map_err(|why| format!("{file}: {why}"))?;
            match panicked(&found.verified).or(panicked(&found.quick)) {
                Some(said) => Err(format!("{file}: {said}")),
                None if found.verified.problems.is_empty() && found.verified.without_hash < 2 => {
                    Err(format!("{file} passed as a batch with a hash"))
                }
                None => Ok(()),
            }
        });
    })
    .await
    .unwrap();
}
