//! Cases of models that are not Spark's, and of windows.

use std::num::NonZeroU64;

use gugus_clusters::{
    CorePoint, DbscanParams, Fitted, Gaussian, GmmParams, HotSpots, MiniBatch, MiniBatchParams,
    Mixture,
};
use gugus_files::{
    Store,
    conformance::{bytes_of, overwrite},
};
use gugus_models::{
    CarriedFrom, Existing, Extent, ListedModel, ModelDraft, ModelError, ModelStore, SavedWindow,
    WindowKey,
};
use gugus_spec::{Algorithm, BatchNumber, Period, Window};

use crate::models::{batch, json_of, keep, model, overwrite_json, refused};

/// A model that went on from the centers of batch 1.
pub(crate) fn moving() -> ModelDraft {
    let mut draft = model("moving", batch(2));
    draft.about.algorithm = Algorithm::MiniBatch(MiniBatchParams {
        k: 2,
        seed: 7,
        ..MiniBatchParams::default()
    });
    draft.about.carried_from = Some(CarriedFrom {
        batch: BatchNumber::FIRST,
        uid: "KMeans_0123456789ab".to_owned(),
    });
    draft.fitted = Fitted::MiniBatch(MiniBatch {
        centers: vec![vec![34.05, 1.0 / 3.0], vec![0.0, 1.0]],
        counts: vec![160, 39],
    });
    draft
}

/// Two hot spots, and noise.
pub(crate) fn spots() -> ModelDraft {
    let core = |cluster, at: [f64; 2]| CorePoint {
        cluster,
        at: at.to_vec(),
    };
    let core_points = vec![
        core(0, [34.0, 1.0]),
        core(1, [35.0, 2.0]),
        core(0, [34.1, 1.0]),
    ];
    hot_spots(1, core_points, vec![50, 40], 9)
}

/// Rows that are all noise.
pub(crate) fn quiet() -> ModelDraft {
    hot_spots(2, vec![], vec![], 99)
}

fn hot_spots(number: u64, core_points: Vec<CorePoint>, sizes: Vec<u64>, noise: u64) -> ModelDraft {
    let eps = 0.1 + 0.2;
    let mut draft = model("spots", batch(number));
    draft.about.algorithm = Algorithm::Dbscan(DbscanParams { eps, min_points: 3 });
    draft.fitted = Fitted::HotSpots(HotSpots {
        dimensions: 2,
        eps,
        clusters: sizes.len(),
        core_points,
    });
    let summary = &mut draft.about.summary;
    (summary.iterations, summary.training_cost) = (0, 0.0);
    (summary.sizes, summary.noise) = (sizes, noise);
    draft
}

/// Two Gaussians.
pub(crate) fn mixture() -> ModelDraft {
    let gaussian = |weight, mean: [f64; 2]| Gaussian {
        weight,
        mean: mean.to_vec(),
        covariance: vec![1.0, 0.1, 0.1, 1.0 / 3.0],
    };
    let mut draft = model("mixture", batch(1));
    draft.about.algorithm = Algorithm::Gmm(GmmParams {
        k: 2,
        seed: -1,
        ..GmmParams::default()
    });
    draft.about.summary.iterations = 0;
    draft.fitted = Fitted::Mixture(Mixture {
        gaussians: vec![gaussian(0.3, [34.0, 1.0]), gaussian(0.7, [35.0, 2.0])],
    });
    draft
}

/// One month of a model.
pub(crate) fn month(key: &str) -> ModelDraft {
    let by = Window::By {
        by: Period::Month,
        column: "DATE OCC".to_owned(),
    };
    of_window("monthly", key, by)
}

fn of_window(name: &str, key: &str, window: Window) -> ModelDraft {
    let mut draft = model(name, None);
    let key = key.parse().unwrap();
    draft.about.window = Some(SavedWindow { key, window });
    draft
}

/// Each kind comes back with all its bits, and leaves the other kinds as they were.
#[tokio::test]
async fn every_kind_is_written_and_read() {
    let store = Store::in_memory();
    let models = ModelStore::new(store.clone());
    for draft in [moving(), spots(), quiet(), mixture()] {
        let about = keep(&models, &draft).await;
        let saved = models.read(&about.model, about.extent()).await.unwrap();
        assert_eq!(saved.fitted, draft.fitted);
        assert_eq!(saved.about.as_ref(), Some(&about));
        assert_eq!((saved.uid, saved.k), (about.uid.clone(), about.k));
        assert_eq!(about.algorithm, draft.about.algorithm);
        let (written, given) = (&about.summary, &draft.about.summary);
        assert_eq!((written.noise, &written.sizes), (given.noise, &given.sizes));
        assert_eq!(about.carried_from, draft.about.carried_from);
        let kept = models.write(&draft, Existing::Keep).await;
        assert!(matches!(kept, Err(ModelError::Exists { .. })), "{kept:?}");
        models.write(&draft, Existing::Replace).await.unwrap();
    }
    let moving = json_of(&store, "moving/batch_00000002/model.json").await;
    assert_eq!(moving["algorithm"], "minibatch");
    assert_eq!(moving["counts"], serde_json::json!([160, 39]));
    assert_eq!(moving["carried_from"]["batch"], 1);
    assert!(moving["uid"].as_str().unwrap().starts_with("KMeans_"));
    let metadata = json_of(&store, "moving/batch_00000002/metadata/part-00000").await;
    assert_eq!(
        metadata["paramMap"],
        serde_json::json!({"k": 2, "seed": 7}),
        "nothing that Spark would refuse"
    );
    let spots = json_of(&store, "spots/batch_00000001/model.json").await;
    assert_eq!(
        (&spots["params"]["min_points"], &spots["noise"], &spots["k"]),
        (&3.into(), &9.into(), &2.into())
    );
    let listed = models.list().await.unwrap();
    let there = listed.iter().map(|m| (m.model.as_str(), m.batches.len()));
    let expected = [("mixture", 1), ("moving", 1), ("spots", 2)];
    assert_eq!(there.collect::<Vec<_>>(), expected);
}

/// A file that was cut off is noticed in every kind. A file of another kind is named.
#[tokio::test]
async fn torn_kinds_count_as_not_there() {
    let store = Store::in_memory();
    let models = ModelStore::new(store.clone());
    for draft in [moving(), spots(), mixture()] {
        let about = models.write(&draft, Existing::Replace).await.unwrap();
        let (name, extent) = (about.model.parse().unwrap(), about.extent());
        let folder = ModelStore::folder(&name, &extent);
        for file in about.checksums.keys() {
            let path = format!("{folder}/{file}");
            let whole = bytes_of(&store, &path).await;
            overwrite(&store, &path, whole.slice(..whole.len() / 2)).await;
            let torn = models.read(&about.model, extent.clone()).await.unwrap_err();
            assert!(matches!(torn, ModelError::Torn { .. }), "{torn}");
            assert_eq!(models.about(&name, extent.clone()).await.unwrap(), None);
            overwrite(&store, &path, whole).await;
        }
        models.read(&about.model, extent).await.unwrap();
    }
    let path = "spots/batch_00000001/model.json";
    let text = String::from_utf8(bytes_of(&store, path).await.to_vec()).unwrap();
    let other = text.replace("\"dbscan\"", "\"kdbscan\"");
    overwrite_json(&store, "spots/batch_00000001", other.into_bytes()).await;
    let refused = refused(&models, "spots").await;
    assert!(refused.to_string().contains("kdbscan"), "{refused}");
}

/// Each window has a folder of its own, whatever its key is.
#[tokio::test]
async fn windows_are_written_listed_and_read() {
    let store = Store::in_memory();
    let models = ModelStore::new(store.clone());
    let keys = ["2024-05", "2024-04", "N/A", "../x", "a b_c", "Größe"];
    for key in keys {
        let mut draft = month(key);
        draft.about.summary.training_cost = key.len() as f64;
        let about = keep(&models, &draft).await;
        assert_eq!((about.batch, about.window), (None, draft.about.window));
    }
    keep(&models, &model("monthly", batch(1))).await;
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
        let stamp = models.stamp("monthly", extent).await.unwrap();
        assert_eq!(stamp, Some(saved.stamp));
    }
    let mut windows: Vec<WindowKey> = keys.iter().map(|key| key.parse().unwrap()).collect();
    windows.sort();
    let expected = ListedModel {
        model: "monthly".into(),
        batches: batch(1).into_iter().collect(),
        windows,
        all: false,
    };
    assert_eq!(models.list().await.unwrap(), [expected]);
    assert_eq!(
        json_of(&store, "monthly/window_2024-05/model.json").await["window"],
        serde_json::json!({"key": "2024-05", "by": "month", "column": "DATE OCC"})
    );
    let absent = Extent::Window("2024-06".parse().unwrap());
    let error = models.read("monthly", absent).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "there is no model \"monthly\" of window \"2024-06\"; list the models that are there"
    );
}

/// A model over the newest batches has one window, whose key comes from the window itself.
#[tokio::test]
async fn the_newest_batches_are_a_window() {
    let models = ModelStore::new(Store::in_memory());
    let last = NonZeroU64::new(100).unwrap();
    let window = Window::Last { last };
    let draft = of_window("m", &window.key().unwrap(), window);
    let extent = keep(&models, &draft).await.extent();
    let saved = models.read("m", extent).await.unwrap();
    assert_eq!(saved.folder, "m/window_last-100");
    assert_eq!(saved.about.unwrap().window, draft.about.window);
}
