//! Files that the first version wrote. They stay readable for ever: a change of a format changes its version and adds
//! fixtures beside these.

use std::path::PathBuf;

use gugus_files::Store;
use gugus_kmeans::{DistanceMeasure, Params};
use gugus_models::{ModelDraft, ModelJson, ModelStore};
use gugus_spec::BatchNumber;
use serde_json::Value;

use crate::{kinds, models, sparks};

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
        models::keep(&kinds_store(), &draft).await;
    }
}

#[tokio::test]
async fn kinds_of_version_1_are_read() {
    let store = kinds_store();
    for draft in kinds() {
        let wanted = draft.about;
        let saved = store.read(&wanted.model, wanted.extent()).await.unwrap();
        assert_eq!(saved.fitted, draft.fitted);
        let about = saved.about.unwrap();
        let facts = |about: &ModelJson| {
            let (sizes, noise) = (about.summary.sizes.clone(), about.summary.noise);
            (about.algorithm.clone(), sizes, noise, about.window.clone())
        };
        assert_eq!(facts(&about), facts(&wanted));
        assert_eq!(about.carried_from, wanted.carried_from);
        assert_eq!(about.version, 1);
    }
    let listed = store.list().await.unwrap();
    let windows: Vec<_> = listed.iter().flat_map(|m| &m.windows).collect();
    assert_eq!(windows, [&"2024-05 ä".parse().unwrap()]);
}

fn store(name: &str) -> Store {
    Store::open(folder(name).to_str().unwrap()).unwrap()
}

/// Writes the fixtures of this version where there are none. Never run it over old ones.
#[tokio::test]
#[ignore = "writes the fixtures, once for each version of a format"]
async fn write_fixtures() {
    assert!(!folder("").exists(), "fixtures are frozen");
    let store_ = ModelStore::new(store("models"));
    let location = models::model("location", Some(BatchNumber::FIRST));
    models::keep(&store_, &location).await;
    sparks::write_like_spark(&store("models"), "made_up_batch_7").await;
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
    let facts = |about: &ModelJson| {
        let sizes = about.summary.sizes.clone();
        (about.features.clone(), about.columns.clone(), sizes)
    };
    assert_eq!(facts(&about), facts(&draft.about));
    assert_eq!(about.algorithm, draft.about.algorithm);
    assert_eq!(
        (&about.r#where, &about.offsets),
        (&draft.about.r#where, &draft.about.offsets)
    );
    let summary = &about.summary;
    let cost = draft.about.summary.training_cost;
    assert_eq!(summary.training_cost.to_bits(), cost.to_bits());
    assert_eq!((about.version, about.rejected), (1, 1));
    assert_eq!((summary.rows, summary.iterations), (99, 4));
    assert_eq!(about.uid, saved.uid);
    let text = std::fs::read(folder("models/location/batch_00000001/model.json")).unwrap();
    let json: Value = serde_json::from_slice(&text).unwrap();
    let keys = json.as_object().unwrap().keys();
    let expected = "version job model batch commit_id features where weight_col handle_invalid columns params k seed \
                    offsets rows rejected iterations training_cost sizes uid trained_at gugus_version checksums";
    assert!(keys.eq(expected.split(' ')), "{json}");

    let made_up = store.read("made_up", BatchNumber::new(7)).await.unwrap();
    assert_eq!(
        made_up.fitted.centers().unwrap(),
        [vec![1.0, 2.0, 3.0, 4.0], vec![0.0, 5.0, 0.0, 6.0]]
    );
    assert_eq!(made_up.fitted.distance_measure(), DistanceMeasure::Cosine);
    assert_ne!(Params::default().k, made_up.k);
}
