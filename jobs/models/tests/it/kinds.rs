//! Cases of models that are not Spark's, and of windows.

use std::num::NonZeroU64;

use gugus_clusters::{
    CorePoint, DbscanParams, Fitted, Gaussian, GmmParams, HotSpots, MiniBatch, MiniBatchParams,
    Mixture,
};
use gugus_spec::{Algorithm, Period, Window};

use gugus_files::{
    Store,
    conformance::{bytes_of, overwrite},
};
use gugus_kmeans::FitSummary;
use gugus_models::{
    CarriedFrom, Existing, Extent, ListedModel, ModelDraft, ModelError, ModelStore, SavedWindow,
    Whole, WindowKey,
};
use gugus_spec::BatchNumber;

use crate::models::{batch, centers, model};

/// Centers that went on from those of batch 1.
pub(crate) fn moving() -> ModelDraft {
    ModelDraft {
        algorithm: Algorithm::MiniBatch(MiniBatchParams {
            k: 2,
            seed: 7,
            ..MiniBatchParams::default()
        }),
        carried_from: Some(CarriedFrom {
            batch: BatchNumber::FIRST,
            uid: "KMeans_0123456789ab".to_owned(),
        }),
        fitted: Fitted::MiniBatch(MiniBatch {
            centers: vec![vec![34.05, 1.0 / 3.0], vec![0.0, 1.0]],
            counts: vec![160, 39],
        }),
        ..model("moving", batch(2))
    }
}

/// Two hot spots, and noise.
pub(crate) fn spots() -> ModelDraft {
    let core = |cluster, at: [f64; 2]| CorePoint {
        cluster,
        at: at.to_vec(),
    };
    ModelDraft {
        algorithm: Algorithm::Dbscan(DbscanParams {
            eps: 0.1 + 0.2,
            min_points: 3,
        }),
        summary: FitSummary {
            iterations: 0,
            training_cost: 0.0,
            sizes: vec![50, 40],
            noise: 9,
            ..model("spots", batch(1)).summary
        },
        fitted: Fitted::HotSpots(HotSpots {
            dimensions: 2,
            eps: 0.1 + 0.2,
            clusters: 2,
            core_points: vec![
                core(0, [34.0, 1.0]),
                core(1, [35.0, 2.0]),
                core(0, [34.1, 1.0]),
            ],
        }),
        ..model("spots", batch(1))
    }
}

/// Rows that are all noise.
pub(crate) fn quiet() -> ModelDraft {
    ModelDraft {
        summary: FitSummary {
            sizes: vec![],
            noise: 99,
            ..spots().summary
        },
        fitted: Fitted::HotSpots(HotSpots {
            dimensions: 2,
            eps: 0.1 + 0.2,
            clusters: 0,
            core_points: vec![],
        }),
        ..ModelDraft {
            extent: Extent::Batch(BatchNumber::FIRST.next()),
            ..spots()
        }
    }
}

/// Two Gaussians.
pub(crate) fn mixture() -> ModelDraft {
    let gaussian = |weight, mean: [f64; 2]| Gaussian {
        weight,
        mean: mean.to_vec(),
        covariance: vec![1.0, 0.1, 0.1, 1.0 / 3.0],
    };
    ModelDraft {
        algorithm: Algorithm::Gmm(GmmParams {
            k: 2,
            seed: -1,
            ..GmmParams::default()
        }),
        summary: FitSummary {
            iterations: 0,
            ..model("mixture", batch(1)).summary
        },
        fitted: Fitted::Mixture(Mixture {
            gaussians: vec![gaussian(0.3, [34.0, 1.0]), gaussian(0.7, [35.0, 2.0])],
        }),
        ..model("mixture", batch(1))
    }
}

/// One month of a model.
pub(crate) fn month(key: &str) -> ModelDraft {
    ModelDraft {
        extent: Extent::Window(key.parse().unwrap()),
        window: Some(Window::By {
            by: Period::Month,
            column: "DATE OCC".to_owned(),
        }),
        ..model("monthly", None)
    }
}

/// Each kind comes back with all its bits, and leaves others as they were.
#[tokio::test]
async fn every_kind_is_written_and_read() {
    let store = Store::in_memory();
    let models = ModelStore::new(store.clone());
    for draft in [moving(), spots(), quiet(), mixture()] {
        let about = models.write(&draft, Existing::Keep).await.unwrap();
        let name = draft.model.as_str();
        let saved = models.read(name, draft.extent.clone()).await.unwrap();
        assert_eq!(saved.fitted, draft.fitted);
        assert_eq!(saved.about.as_ref(), Some(&about));
        assert_eq!((saved.uid, saved.k), (about.uid.clone(), about.k));
        assert_eq!(about.algorithm, draft.algorithm);
        assert_eq!(
            (about.summary.noise, &about.summary.sizes),
            (draft.summary.noise, &draft.summary.sizes)
        );
        assert_eq!(about.carried_from, draft.carried_from);
        let kept = models.write(&draft, Existing::Keep).await;
        assert!(matches!(kept, Err(ModelError::Exists { .. })), "{kept:?}");
        models.write(&draft, Existing::Replace).await.unwrap();
    }
    let json = async |file: &str| -> serde_json::Value {
        serde_json::from_slice(&bytes_of(&store, file).await).unwrap()
    };
    let moving = json("moving/batch_00000002/model.json").await;
    assert_eq!(moving["algorithm"], "minibatch");
    assert_eq!(moving["counts"], serde_json::json!([160, 39]));
    assert_eq!(moving["carried_from"]["batch"], 1);
    assert!(moving["uid"].as_str().unwrap().starts_with("KMeans_"));
    let metadata = json("moving/batch_00000002/metadata/part-00000").await;
    assert_eq!(
        metadata["paramMap"],
        serde_json::json!({"k": 2, "seed": 7}),
        "nothing that Spark would refuse"
    );
    let spots = json("spots/batch_00000001/model.json").await;
    assert_eq!(
        (&spots["params"]["min_points"], &spots["noise"], &spots["k"]),
        (&3.into(), &9.into(), &2.into())
    );
    let listed = models.list().await.unwrap();
    let there: Vec<_> = listed
        .iter()
        .map(|m| (m.model.as_str(), m.batches.len()))
        .collect();
    assert_eq!(there, [("mixture", 1), ("moving", 1), ("spots", 2)]);
}

/// A file that was cut off shows whatever the kind; one of another content says what it is.
#[tokio::test]
async fn torn_kinds_count_as_not_there() {
    let store = Store::in_memory();
    let models = ModelStore::new(store.clone());
    for draft in [moving(), spots(), mixture()] {
        let name = draft.model.as_str();
        let about = models.write(&draft, Existing::Replace).await.unwrap();
        let folder = ModelStore::folder(&draft.model, &draft.extent);
        for file in about.checksums.keys() {
            let path = format!("{folder}/{file}");
            let whole = bytes_of(&store, &path).await;
            overwrite(&store, &path, whole.slice(..whole.len() / 2)).await;
            let torn = models.read(name, draft.extent.clone()).await.unwrap_err();
            assert!(matches!(torn, ModelError::Torn { .. }), "{torn}");
            let about = models.about(&draft.model, draft.extent.clone()).await;
            assert_eq!(about.unwrap(), None);
            overwrite(&store, &path, whole).await;
        }
        models.read(name, draft.extent.clone()).await.unwrap();
    }
    // Of one kind by its json, of another by its files.
    let path = "spots/batch_00000001/model.json";
    let text = String::from_utf8(bytes_of(&store, path).await.to_vec()).unwrap();
    let other = text.replace("\"dbscan\"", "\"kdbscan\"");
    overwrite(&store, path, other.into_bytes()).await;
    let refused = models.read("spots", batch(1)).await.unwrap_err();
    assert!(refused.to_string().contains("kdbscan"), "{refused}");
}

/// Windows have folders of their own, whatever their keys are.
#[tokio::test]
async fn windows_are_written_listed_and_read() {
    let store = Store::in_memory();
    let models = ModelStore::new(store.clone());
    let keys = ["2024-05", "2024-04", "N/A", "../x", "a b_c", "Größe"];
    for key in keys {
        let draft = ModelDraft {
            summary: FitSummary {
                training_cost: key.len() as f64,
                ..month(key).summary
            },
            ..month(key)
        };
        let about = models.write(&draft, Existing::Keep).await.unwrap();
        let window = SavedWindow {
            key: key.parse().unwrap(),
            window: draft.window.clone().unwrap(),
        };
        assert_eq!((about.batch, about.window), (None, Some(window)));
    }
    models
        .write(&model("monthly", batch(1)), Existing::Keep)
        .await
        .unwrap();
    for key in keys {
        let extent = Extent::Window(key.parse().unwrap());
        let saved = models.read("monthly", extent.clone()).await.unwrap();
        let about = saved.about.unwrap();
        assert_eq!(about.summary.training_cost, key.len() as f64);
        assert_eq!(about.window.unwrap().key.as_str(), key);
        assert!(
            saved.folder.starts_with("monthly/window_"),
            "{}",
            saved.folder
        );
        assert_eq!(
            models.stamp("monthly", extent).await.unwrap(),
            Some(saved.stamp)
        );
    }
    let mut windows: Vec<WindowKey> = keys.iter().map(|key| key.parse().unwrap()).collect();
    windows.sort();
    let expected = ListedModel {
        model: "monthly".into(),
        batches: batch(1).into_iter().collect(),
        windows,
        whole: Whole::Absent,
    };
    assert_eq!(models.list().await.unwrap(), [expected]);
    let json: serde_json::Value =
        serde_json::from_slice(&bytes_of(&store, "monthly/window_2024-05/model.json").await)
            .unwrap();
    assert_eq!(
        json["window"],
        serde_json::json!({"key": "2024-05", "by": "month", "column": "DATE OCC"})
    );
    let absent = Extent::Window("2024-06".parse().unwrap());
    let error = models.read("monthly", absent).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "there is no model \"monthly\" of window \"2024-06\"; list the models that are there"
    );
}

/// Fits that nobody should save.
#[tokio::test]
async fn contradictory_kinds_are_refused() {
    let store = Store::in_memory();
    let models = ModelStore::new(store);
    let mut counts = moving();
    if let Fitted::MiniBatch(model) = &mut counts.fitted {
        model.counts.pop();
    }
    let mut stray = spots();
    if let Fitted::HotSpots(model) = &mut stray.fitted {
        model.core_points[0].cluster = 2;
    }
    let mut reach = spots();
    if let Fitted::HotSpots(model) = &mut reach.fitted {
        model.eps = 1.0;
    }
    let mut flat = mixture();
    if let Fitted::Mixture(model) = &mut flat.fitted {
        model.gaussians[1].covariance = vec![0.0; 4];
    }
    let narrow = ModelDraft {
        features: spots().features[..1].to_vec(),
        ..spots()
    };
    let keyless = ModelDraft {
        extent: Extent::All,
        ..month("2024-05")
    };
    let windowless = ModelDraft {
        window: None,
        ..month("2024-05")
    };
    let mixed = ModelDraft {
        fitted: spots().fitted,
        ..model("m", batch(1))
    };
    let sizes = ModelDraft {
        summary: FitSummary {
            sizes: vec![99],
            ..spots().summary
        },
        ..spots()
    };
    let other_way = ModelDraft {
        fitted: centers(vec![vec![1.0, 2.0], vec![3.0, 4.0]]),
        ..spots()
    };
    for draft in [
        counts, stray, reach, flat, narrow, keyless, windowless, mixed, sizes, other_way,
    ] {
        let refused = models.write(&draft, Existing::Replace).await;
        assert!(
            matches!(refused, Err(ModelError::Draft { .. })),
            "{refused:?}"
        );
    }
    assert!(models.is_empty().await.unwrap());
}

/// A model over the newest batches, whose one window has a key of its own.
#[tokio::test]
async fn the_newest_batches_are_a_window() {
    let store = Store::in_memory();
    let models = ModelStore::new(store);
    let window = Window::Last {
        last: NonZeroU64::new(100).unwrap(),
    };
    let draft = ModelDraft {
        extent: Extent::Window(window.key().unwrap().parse().unwrap()),
        window: Some(window),
        ..model("m", None)
    };
    models.write(&draft, Existing::Keep).await.unwrap();
    let saved = models.read("m", draft.extent.clone()).await.unwrap();
    assert_eq!(saved.folder, "m/window_last-100");
    assert_eq!(
        saved.about.unwrap().window.unwrap().window,
        draft.window.unwrap()
    );
}
