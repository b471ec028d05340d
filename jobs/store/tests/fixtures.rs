//! Files that the first version wrote. They are read for ever: whoever changes a format changes its version, and
//! adds fixtures beside these.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "a test")]

use std::path::PathBuf;

use gugus_kmeans::{DistanceMeasure, Params};
use gugus_store::{
    Appended, BatchLog, BatchNumber, Draft, Existing, ModelDraft, ModelStore, OffsetRange, Store,
    conformance::{self, kinds, models, rows, sparks},
};
use serde_json::{Value, json};

fn folder(name: &str) -> PathBuf {
    fixtures().join("v1").join(name)
}

fn fixtures() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

/// Models that came to version 1 later: those that are not Spark's, and windows.
fn kinds_store() -> ModelStore {
    let folder = fixtures().join("v1_kinds");
    ModelStore::new(Store::open(folder.to_str().unwrap()).unwrap())
}

fn kinds() -> [ModelDraft; 5] {
    [
        kinds::moving(),
        kinds::spots(),
        kinds::quiet(),
        kinds::mixture(),
        kinds::month("2024-05 ä"),
    ]
}

/// As [`write_fixtures`].
#[tokio::test]
#[ignore = "writes the fixtures, once for each version of a format"]
async fn write_fixtures_of_kinds() {
    assert!(!fixtures().join("v1_kinds").exists(), "fixtures are frozen");
    for draft in kinds() {
        kinds_store().write(&draft, Existing::Keep).await.unwrap();
    }
}

#[tokio::test]
async fn kinds_of_version_1_are_read() {
    let store = kinds_store();
    for draft in kinds() {
        let name = draft.model.as_str();
        let saved = store.read(name, draft.extent.clone()).await.unwrap();
        assert_eq!(saved.fitted, draft.fitted);
        let about = saved.about.unwrap();
        assert_eq!(
            (about.algorithm, about.sizes, about.noise),
            (draft.algorithm, draft.sizes, draft.noise)
        );
        assert_eq!(about.carried_from, draft.carried_from);
        assert_eq!(about.window.map(|w| w.window), draft.window);
        assert_eq!(about.version, 1);
    }
    let listed = store.list().await.unwrap();
    let windows: Vec<_> = listed.iter().flat_map(|m| &m.windows).collect();
    assert_eq!(windows, [&"2024-05 ä".parse().unwrap()]);
}

fn store(name: &str) -> Store {
    Store::open(folder(name).to_str().unwrap()).unwrap()
}

fn drafts() -> [Draft; 2] {
    let range = |partition, first, next| OffsetRange {
        partition,
        first,
        next,
    };
    [
        Draft {
            rejects: vec![conformance::reject(0, 2)],
            ..Draft::new(
                rows(&[(0, 0), (0, 1), (0, 3), (1, 7)]),
                vec![range(0, 0, 5), range(1, 7, 8)],
            )
        },
        Draft {
            rejects: vec![conformance::reject(1, 8)],
            ..Draft::new(rows(&[]), vec![range(1, 8, 9)])
        },
    ]
}

/// Writes the fixtures of this version where there are none. Never run it over old ones.
#[tokio::test]
#[ignore = "writes the fixtures, once for each version of a format"]
async fn write_fixtures() {
    assert!(!folder("").exists(), "fixtures are frozen");
    let mut log = conformance::open(&store("batches")).await;
    for draft in drafts() {
        assert!(matches!(
            log.append(&draft).await.unwrap(),
            Appended::Committed(_)
        ));
    }
    let store_ = ModelStore::new(store("models"));
    store_
        .write(
            &models::model("location", Some(BatchNumber::FIRST)),
            Existing::Keep,
        )
        .await
        .unwrap();
    sparks::write_like_spark(&store("models"), "made_up_batch_7").await;
}

#[tokio::test]
async fn batches_of_version_1_are_read() {
    let log = BatchLog::read(store("batches")).await.unwrap();
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
    let topic = conformance::TOPIC;
    let expected = json!({
        "batches": 2, "records": 4, "rejected": 2, "replayed": 0, "jumps": [], "problems": [],
        "partitions": [{"topic": topic, "partition": 0, "first": 0, "next": 5}, {"topic": topic, "partition": 1, "first": 7, "next": 9}],
    });
    assert_eq!(found, expected);
}

#[tokio::test]
async fn models_of_version_1_are_read() {
    let store = ModelStore::new(store("models"));
    let saved = store
        .read("location", Some(BatchNumber::FIRST))
        .await
        .unwrap();
    let draft = models::model("location", Some(BatchNumber::FIRST));
    let about = saved.about.unwrap();
    assert_eq!(saved.fitted, draft.fitted);
    assert_eq!(
        (about.features, about.columns, about.algorithm),
        (draft.features, draft.columns, draft.algorithm)
    );
    assert_eq!(
        (about.r#where, about.offsets, about.sizes),
        (draft.condition, draft.offsets, draft.sizes)
    );
    assert_eq!(about.training_cost.to_bits(), draft.training_cost.to_bits());
    assert_eq!(
        (about.version, about.rows, about.rejected, about.iterations),
        (1, 99, 1, 4)
    );
    assert_eq!(about.uid, saved.uid);
    let text = std::fs::read(folder("models/location/batch_00000001/model.json")).unwrap();
    let json: Value = serde_json::from_slice(&text).unwrap();
    let keys: Vec<_> = json
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    let expected = [
        "version",
        "job",
        "model",
        "batch",
        "commit_id",
        "features",
        "where",
        "weight_col",
        "handle_invalid",
        "columns",
        "params",
        "k",
        "seed",
        "offsets",
        "rows",
        "rejected",
        "iterations",
        "training_cost",
        "sizes",
        "uid",
        "trained_at",
        "gugus_version",
        "checksums",
    ];
    assert_eq!(keys, expected);

    let made_up = store.read("made_up", BatchNumber::new(7)).await.unwrap();
    assert_eq!(
        made_up.fitted.centers().unwrap(),
        [vec![1.0, 2.0, 3.0, 4.0], vec![0.0, 5.0, 0.0, 6.0]]
    );
    assert_eq!(made_up.fitted.distance_measure(), DistanceMeasure::Cosine);
    assert_ne!(Params::default().k, made_up.k);
}
