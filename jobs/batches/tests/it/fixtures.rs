//! Files that earlier builds wrote. They stay readable for ever: a change of a format adds fixtures beside these. `v1` is
//! of the first build, and `v1_hashes` of the first one that wrote hashes.

use std::path::PathBuf;

use gugus_batches::{BatchLog, TopicDraft};
use gugus_files::Store;
use serde_json::json;

use crate::kit::{self, commit, range, rows};

fn folder(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(name)
}

fn store(name: &str) -> Store {
    Store::open(folder(name).to_str().unwrap()).unwrap()
}

fn drafts() -> [TopicDraft; 2] {
    [
        TopicDraft {
            rejects: vec![kit::reject(0, 2)],
            ..TopicDraft::new(
                rows(&[(0, 0), (0, 1), (0, 3), (1, 7)]),
                vec![range(0, 0, 5), range(1, 7, 8)],
            )
        },
        TopicDraft {
            rejects: vec![kit::reject(1, 8)],
            ..TopicDraft::new(rows(&[]), vec![range(1, 8, 9)])
        },
    ]
}

/// Writes the fixtures of this version where there are none. Never run it over old ones.
#[tokio::test]
#[ignore = "writes the fixtures, once for each version of a format"]
async fn write_fixtures() {
    const NEWEST: &str = "v1_hashes/batches";
    assert!(!folder(NEWEST).exists(), "fixtures are frozen");
    let mut log = kit::open(&store(NEWEST)).await;
    for draft in drafts() {
        commit(&mut log, &draft).await;
    }
}

#[tokio::test]
async fn batches_of_version_1_are_read() {
    let log = BatchLog::read(store("v1/batches")).await.unwrap();
    let footers = log.footers(&log.numbers().await.unwrap()).await.unwrap();
    let [first, second] = footers.as_slice() else {
        panic!("{footers:?}")
    };
    let expected = json!({
        "version": 1, "job": "conformance", "topic": "conformance-topic", "number": 1, "rows": 4,
        "ranges": [{"partition": 0, "first": 0, "next": 5}, {"partition": 1, "first": 7, "next": 8}],
        "ends": [{"partition": 0, "next": 5}, {"partition": 1, "next": 8}],
        "commit_id": first.commit_id, "previous": null, "imported": [],
        "rejected": {"file": format!("rejected/{}.parquet", first.commit_id), "rows": 1,
            "sha256": first.rejected.as_ref().unwrap().sha256},
        "schema": [{"name": "LAT", "type": "float64"}, {"name": "text", "type": "utf8"}, {"name": "_partition", "type": "int32"},
            {"name": "_offset", "type": "int64"}, {"name": "_timestamp", "type": "timestamp"}],
    });
    assert_eq!(serde_json::to_value(first).unwrap(), expected);
    assert_eq!(
        (second.previous.as_ref(), second.rows, second.end_of(1)),
        (Some(&first.commit_id), 0, Some(9))
    );
    assert_eq!(log.rows(first.number).await.unwrap(), drafts()[0].rows);
    let refused = log.rejected(second).await.unwrap();
    assert_eq!(refused.num_rows(), 1);
    let found = serde_json::to_value(log.verify(|_| ()).await.unwrap()).unwrap();
    let topic = kit::TOPIC;
    let expected = json!({
        "batches": 2, "records": 4, "rejected": 2, "replayed": 0, "jumps": [], "problems": [],
        "partitions": [{"topic": topic, "partition": 0, "first": 0, "next": 5}, {"topic": topic, "partition": 1, "first": 7, "next": 9}],
        "without_hash": 2,
    });
    assert_eq!(found, expected);
}

#[tokio::test]
async fn batches_with_hashes_are_read() {
    let log = BatchLog::read(store("v1_hashes/batches")).await.unwrap();
    let footers = log.footers(&log.numbers().await.unwrap()).await.unwrap();
    let [first, second] = footers.as_slice() else {
        panic!("{footers:?}")
    };
    assert_eq!(first.previous_hash.as_deref(), Some(""));
    assert_eq!(
        first.hash.as_deref(),
        Some("982160e9ddb6c3ad7e22e7fe2aaa93e4")
    );
    assert_eq!(second.previous_hash, first.hash);
    assert_eq!(
        second.hash.as_deref(),
        Some("975535560792ab3f1d848ea0ce11f167")
    );
    assert_eq!(log.rows(first.number).await.unwrap(), drafts()[0].rows);
    let found = log.verify(|_| ()).await.unwrap();
    assert_eq!((found.problems, found.without_hash), (vec![], 0));
}
