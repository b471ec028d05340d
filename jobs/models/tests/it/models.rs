//! Cases of the model store.

use gugus_clusters::{Centers, Fitted};
use gugus_files::{
    Store,
    conformance::{bytes_of, overwrite, remove},
};
use gugus_kmeans::{DistanceMeasure, FitSummary, Params};
use gugus_models::{Existing, ListedModel, ModelDraft, ModelError, ModelStore, Whole};
use gugus_spec::{
    Algorithm, BatchNumber, Column, ColumnType, CommitId, Feature, HandleInvalid, Nullability,
    OffsetRange,
};

pub(crate) fn batch(number: u64) -> Option<BatchNumber> {
    BatchNumber::new(number)
}

/// A fit of two features.
pub(crate) fn model(name: &str, batch: Option<BatchNumber>) -> ModelDraft {
    let column = |name: &str, data_type| Column {
        name: name.to_owned(),
        data_type,
        nullability: Nullability::Required,
    };
    ModelDraft {
        job: "conformance".parse().unwrap(),
        model: name.parse().unwrap(),
        extent: batch.into(),
        window: None,
        commit_id: Some("0b0e-1".parse::<CommitId>().unwrap()),
        features: vec![
            Feature::column("LAT"),
            Feature {
                name: "hour".into(),
                sql: "floor(\"TIME OCC\" / 100)".into(),
            },
        ],
        condition: Some("\"LAT\" > 0".into()),
        weight_col: None,
        handle_invalid: HandleInvalid::Skip,
        columns: vec![
            column("LAT", ColumnType::Float64),
            column("TIME OCC", ColumnType::Int32),
        ],
        algorithm: Algorithm::KMeans(Params {
            k: 3,
            seed: 1,
            tol: 1e-7,
            ..Params::default()
        }),
        offsets: vec![OffsetRange {
            partition: 0,
            first: 0,
            next: 100,
        }],
        summary: FitSummary {
            rows: 99,
            dropped: 1,
            iterations: 4,
            // A number that loses its last bit in a careless parser.
            training_cost: 0.123_456_789_012_345_67,
            sizes: vec![60, 39],
            noise: 0,
        },
        carried_from: None,
        fitted: centers(vec![vec![34.05, 1.0 / 3.0], vec![0.0, -0.0]]),
    }
}

/// Centers under the Euclidean distance.
pub(crate) fn centers(centers: Vec<Vec<f64>>) -> Fitted {
    Fitted::Centers(Centers {
        centers,
        distance_measure: DistanceMeasure::Euclidean,
    })
}

/// What is written is read: by us whole, and as `model.json` alone.
#[tokio::test]
async fn models_are_written_and_read() {
    let store = Store::in_memory();
    let models = ModelStore::new(store.clone());
    let draft = model("location", batch(3));
    let about = models.write(&draft, Existing::Keep).await.unwrap();
    assert_eq!(
        ModelStore::folder(&draft.model, &draft.extent),
        "location/batch_00000003"
    );
    assert_eq!(
        (about.version, about.batch, about.k, about.seed),
        (1, Some(3), 3, 1)
    );
    assert_eq!(
        (about.r#where.as_deref(), about.checksums.len()),
        (Some("\"LAT\" > 0"), 2)
    );
    assert_eq!(
        models.about(&draft.model, batch(3)).await.unwrap().as_ref(),
        Some(&about)
    );
    let saved = models.read("location", batch(3)).await.unwrap();
    assert_eq!(saved.about.as_ref(), Some(&about));
    assert_eq!(
        (&saved.fitted, saved.k, &saved.uid),
        (&draft.fitted, 3, &about.uid)
    );
    assert_eq!(saved.folder, "location/batch_00000003");
    assert_eq!(
        about.summary.training_cost.to_bits(),
        draft.summary.training_cost.to_bits()
    );
    let text = bytes_of(&store, "location/batch_00000003/model.json").await;
    let json: serde_json::Value = serde_json::from_slice(&text).unwrap();
    assert_eq!(json["features"][1]["sql"], "floor(\"TIME OCC\" / 100)");
    assert_eq!(json["params"]["tol"], 1e-7);
    assert_eq!(json["algorithm"], "kmeans");
    assert!(json["weight_col"].is_null() && json.get("where").is_some());
    assert_eq!(
        bytes_of(&store, "location/batch_00000003/_SUCCESS")
            .await
            .len(),
        0
    );

    let whole = models
        .write(&model("location", None), Existing::Keep)
        .await
        .unwrap();
    assert_eq!(whole.batch, None);
    assert_eq!(
        models.read("location", None).await.unwrap().folder,
        "location/all"
    );
    let listed = models.list().await.unwrap();
    let expected = ListedModel {
        model: "location".into(),
        batches: batch(3).into_iter().collect(),
        windows: Vec::new(),
        whole: Whole::Present,
    };
    assert_eq!(listed, [expected]);
}

/// Keeping, replacing, and noticing that a model was replaced.
#[tokio::test]
async fn models_are_kept_or_replaced() {
    let store = Store::in_memory();
    let models = ModelStore::new(store.clone());
    let name = "m".parse().unwrap();
    assert_eq!(models.stamp("m", batch(1)).await.unwrap(), None);
    models
        .write(&model("m", batch(1)), Existing::Replace)
        .await
        .unwrap();
    let before = models.stamp("m", batch(1)).await.unwrap().unwrap();
    assert_eq!(models.stamp("m", batch(1)).await.unwrap().unwrap(), before);
    assert_eq!(models.read("m", batch(1)).await.unwrap().stamp, before);
    let other = ModelDraft {
        fitted: centers(vec![vec![1.0, 2.0]]),
        summary: FitSummary {
            sizes: vec![99],
            ..model("m", batch(1)).summary
        },
        ..model("m", batch(1))
    };
    let kept = models.write(&other, Existing::Keep).await;
    assert!(matches!(kept, Err(ModelError::Exists { .. })), "{kept:?}");
    assert_eq!(
        models.read("m", batch(1)).await.unwrap().fitted.clusters(),
        2
    );
    let about = models.write(&other, Existing::Replace).await.unwrap();
    let read = models.read("m", batch(1)).await.unwrap();
    assert_eq!(
        (read.about.unwrap(), read.fitted),
        (about.clone(), other.fitted)
    );
    assert_eq!(models.about(&name, batch(1)).await.unwrap(), Some(about));
    assert_ne!(models.stamp("m", batch(1)).await.unwrap().unwrap(), before);
    let names: Vec<_> = data_files(&store, "m/batch_00000001").await;
    assert_eq!(names.len(), 2, "one data file and its mark: {names:?}");
}

async fn data_files(store: &Store, folder: &str) -> Vec<String> {
    let listed = store
        .list(&format!("{folder}/data"), gugus_files::Sizes::Skip)
        .await
        .unwrap()
        .unwrap_or_default();
    listed.files.into_iter().map(|entry| entry.name).collect()
}

/// What a crash may leave of a folder that was finished: it counts as not there, and may be written over.
#[tokio::test]
async fn torn_models_count_as_not_there() {
    let store = Store::in_memory();
    let models = ModelStore::new(store.clone());
    let draft = model("m", batch(1));
    for file in ["data", "metadata/part-00000", "model.json"] {
        let about = models.write(&draft, Existing::Replace).await.unwrap();
        let file = about
            .checksums
            .keys()
            .find(|name| name.starts_with(file))
            .map_or(file, String::as_str);
        let path = format!("m/batch_00000001/{file}");
        let whole = bytes_of(&store, &path).await;
        for cut in [whole.slice(..0), whole.slice(..whole.len() / 2)] {
            overwrite(&store, &path, cut).await;
            assert_eq!(
                models.about(&draft.model, batch(1)).await.unwrap(),
                None,
                "{path}"
            );
            let torn = models.read("m", batch(1)).await.unwrap_err();
            assert!(matches!(torn, ModelError::Torn { .. }), "{torn}");
        }
        if file != "model.json" {
            remove(&store, &path).await;
            assert!(matches!(
                models.read("m", batch(1)).await,
                Err(ModelError::Torn { .. })
            ));
        }
        models.write(&draft, Existing::Keep).await.unwrap();
        models.read("m", batch(1)).await.unwrap();
    }
}

/// What a killed writer leaves: everything but the last mark.
#[tokio::test]
async fn unfinished_models_are_not_there() {
    let store = Store::in_memory();
    let models = ModelStore::new(store.clone());
    models
        .write(&model("m", batch(1)), Existing::Keep)
        .await
        .unwrap();
    remove(&store, "m/batch_00000001/_SUCCESS").await;
    assert!(matches!(
        models.read("m", batch(1)).await,
        Err(ModelError::NotFound { .. })
    ));
    assert_eq!(
        models.about(&"m".parse().unwrap(), batch(1)).await.unwrap(),
        None
    );
    assert_eq!(models.stamp("m", batch(1)).await.unwrap(), None);
    assert_eq!(models.list().await.unwrap(), []);
    models
        .write(&model("m", batch(1)), Existing::Keep)
        .await
        .unwrap();
    assert_eq!(models.list().await.unwrap().len(), 1);
}

/// Fits that nobody should save.
#[tokio::test]
async fn contradictory_models_are_refused() {
    let store = Store::in_memory();
    let models = ModelStore::new(store);
    let base = model("m", batch(1));
    for (what, draft) in [
        (
            "no centers",
            ModelDraft {
                fitted: centers(vec![]),
                summary: FitSummary {
                    sizes: vec![],
                    ..base.summary.clone()
                },
                ..base.clone()
            },
        ),
        (
            "sizes",
            ModelDraft {
                summary: FitSummary {
                    sizes: vec![1],
                    ..base.summary.clone()
                },
                ..base.clone()
            },
        ),
        (
            "dimensions",
            ModelDraft {
                fitted: centers(vec![vec![1.0], vec![2.0]]),
                ..base.clone()
            },
        ),
        (
            "not finite",
            ModelDraft {
                fitted: centers(vec![vec![1.0, f64::NAN], vec![2.0, 1.0]]),
                ..base.clone()
            },
        ),
        (
            "cost",
            ModelDraft {
                summary: FitSummary {
                    training_cost: f64::INFINITY,
                    ..base.summary.clone()
                },
                ..base.clone()
            },
        ),
    ] {
        let refused = models.write(&draft, Existing::Replace).await;
        assert!(
            matches!(refused, Err(ModelError::Draft { .. })),
            "{what}: {refused:?}"
        );
    }
    assert_eq!(models.list().await.unwrap(), []);
    assert!(models.is_empty().await.unwrap());
}
