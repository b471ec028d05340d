//! Cases of the model store.

use gugus_clusters::{Centers, Fitted};
use gugus_files::{
    Sizes, Store,
    conformance::{bytes_of, overwrite, remove},
};
use gugus_kmeans::{DistanceMeasure, FitSummary, Params};
use gugus_models::{Existing, ListedModel, ModelDraft, ModelError, ModelJson, ModelStore};
use gugus_spec::{
    Algorithm, BatchNumber, Column, ColumnType, Feature, HandleInvalid, Nullability, OffsetRange,
};

use crate::kinds::{mixture, month, moving, spots};

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
        about: ModelJson {
            job: "conformance".to_owned(),
            model: name.to_owned(),
            batch: batch.map(BatchNumber::get),
            commit_id: Some("0b0e-1".to_owned()),
            features: vec![
                Feature::column("LAT"),
                Feature {
                    name: "hour".into(),
                    sql: "floor(\"TIME OCC\" / 100)".into(),
                },
            ],
            r#where: Some("\"LAT\" > 0".into()),
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
            rejected: 1,
            summary: FitSummary {
                rows: 99,
                iterations: 4,
                // A careless parser loses the last bit of this number.
                training_cost: 0.123_456_789_012_345_67,
                sizes: vec![60, 39],
                ..FitSummary::default()
            },
            ..ModelJson::default()
        },
        fitted: centers(vec![vec![34.05, 1.0 / 3.0], vec![0.0, -0.0]]),
    }
}

/// The same model with other centers, one row for each.
pub(crate) fn with_centers(draft: ModelDraft, others: Vec<Vec<f64>>) -> ModelDraft {
    let mut about = draft.about;
    about.summary.sizes = vec![1; others.len()];
    ModelDraft {
        about,
        fitted: centers(others),
    }
}

/// Writes a model where none is.
pub(crate) async fn keep(models: &ModelStore, draft: &ModelDraft) -> ModelJson {
    models.write(draft, Existing::Keep).await.unwrap()
}

/// Writes another `model.json` as if gugus had written it: with its checksum in `_SUCCESS`.
pub(crate) async fn overwrite_json(store: &Store, folder: &str, json: Vec<u8>) {
    let mark = gugus_files::sha256_hex(&json);
    overwrite(store, &format!("{folder}/model.json"), json).await;
    overwrite(store, &format!("{folder}/_SUCCESS"), mark.into_bytes()).await;
}

/// The error of reading batch 1 of a model.
pub(crate) async fn refused(models: &ModelStore, name: &str) -> ModelError {
    models.read(name, batch(1)).await.unwrap_err()
}

/// Centers under the Euclidean distance.
pub(crate) fn centers(centers: Vec<Vec<f64>>) -> Fitted {
    Fitted::Centers(Centers {
        centers,
        distance_measure: DistanceMeasure::Euclidean,
    })
}

#[tokio::test]
async fn models_are_written_and_read() {
    let store = Store::in_memory();
    let models = ModelStore::new(store.clone());
    let draft = model("location", batch(3));
    let about = keep(&models, &draft).await;
    assert_eq!(
        ModelStore::folder(&"location".parse().unwrap(), &about.extent()),
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
    let alone = models.about(&"location".parse().unwrap(), batch(3)).await;
    assert_eq!(alone.unwrap().as_ref(), Some(&about));
    let saved = models.read("location", batch(3)).await.unwrap();
    assert_eq!(saved.about.as_ref(), Some(&about));
    assert_eq!(
        (&saved.fitted, saved.k, &saved.uid),
        (&draft.fitted, 3, &about.uid)
    );
    assert_eq!(saved.folder, "location/batch_00000003");
    let bits = |about: &ModelJson| about.summary.training_cost.to_bits();
    assert_eq!(bits(&about), bits(&draft.about));
    let json = json_of(&store, "location/batch_00000003/model.json").await;
    assert_eq!(json["features"][1]["sql"], "floor(\"TIME OCC\" / 100)");
    assert_eq!(json["params"]["tol"], 1e-7);
    assert_eq!(json["algorithm"], "kmeans");
    assert!(json["weight_col"].is_null() && json.get("where").is_some());
    let written = bytes_of(&store, "location/batch_00000003/model.json").await;
    assert_eq!(
        bytes_of(&store, "location/batch_00000003/_SUCCESS").await,
        gugus_files::sha256_hex(&written)
    );

    assert_eq!(keep(&models, &model("location", None)).await.batch, None);
    let all = models.read("location", None).await.unwrap();
    assert_eq!(all.folder, "location/all");
    let expected = ListedModel {
        model: "location".into(),
        batches: batch(3).into_iter().collect(),
        windows: Vec::new(),
        all: true,
    };
    assert_eq!(models.list().await.unwrap(), [expected]);
}

/// The JSON in a file.
pub(crate) async fn json_of(store: &Store, file: &str) -> serde_json::Value {
    serde_json::from_slice(&bytes_of(store, file).await).unwrap()
}

#[tokio::test]
async fn models_are_kept_or_replaced() {
    let store = Store::in_memory();
    let models = ModelStore::new(store.clone());
    let stamp = async || models.stamp("m", batch(1)).await.unwrap();
    assert_eq!(stamp().await, None);
    let draft = model("m", batch(1));
    models.write(&draft, Existing::Replace).await.unwrap();
    let before = stamp().await.unwrap();
    assert_eq!(stamp().await.unwrap(), before);
    assert_eq!(models.read("m", batch(1)).await.unwrap().stamp, before);
    let other = with_centers(draft, vec![vec![1.0, 2.0]]);
    let kept = models.write(&other, Existing::Keep).await;
    assert!(matches!(kept, Err(ModelError::Exists { .. })), "{kept:?}");
    assert_eq!(
        models.read("m", batch(1)).await.unwrap().fitted.clusters(),
        2
    );
    let about = models.write(&other, Existing::Replace).await.unwrap();
    let read = models.read("m", batch(1)).await.unwrap();
    assert_eq!(
        (read.about.as_ref(), read.fitted),
        (Some(&about), other.fitted)
    );
    let alone = models.about(&"m".parse().unwrap(), batch(1)).await.unwrap();
    assert_eq!(alone, Some(about));
    assert_ne!(stamp().await.unwrap(), before);
    let listed = store.list("m/batch_00000001/data", Sizes::Skip).await;
    let files = listed.unwrap().unwrap().files;
    assert_eq!(files.len(), 2, "one data file and its mark: {files:?}");
}

/// A crash may tear a folder that was finished. The folder counts as absent and may be replaced.
#[tokio::test]
async fn torn_models_count_as_not_there() {
    let store = Store::in_memory();
    let models = ModelStore::new(store.clone());
    let draft = model("m", batch(1));
    let name = "m".parse().unwrap();
    for file in ["data", "metadata/part-00000", "model.json"] {
        let about = models.write(&draft, Existing::Replace).await.unwrap();
        let mut files = about.checksums.keys();
        let file = files
            .find(|name| name.starts_with(file))
            .map_or(file, String::as_str);
        let path = format!("m/batch_00000001/{file}");
        let whole = bytes_of(&store, &path).await;
        for cut in [whole.slice(..0), whole.slice(..whole.len() / 2)] {
            overwrite(&store, &path, cut).await;
            assert_eq!(models.about(&name, batch(1)).await.unwrap(), None, "{path}");
            let torn = refused(&models, "m").await;
            assert!(matches!(torn, ModelError::Torn { .. }), "{torn}");
        }
        if file != "model.json" {
            remove(&store, &path).await;
            let torn = refused(&models, "m").await;
            assert!(matches!(torn, ModelError::Torn { .. }), "{torn}");
        }
        keep(&models, &draft).await;
        models.read("m", batch(1)).await.unwrap();
    }
}

/// A `model.json` that was changed and stayed valid is found by its checksum. Folders of earlier versions have none.
#[tokio::test]
async fn a_changed_model_json_counts_as_not_there() {
    let store = Store::in_memory();
    let models = ModelStore::new(store.clone());
    let about = keep(&models, &model("m", batch(1))).await;
    let name = "m".parse().unwrap();
    let (json, mark) = ("m/batch_00000001/model.json", "m/batch_00000001/_SUCCESS");
    let text = String::from_utf8(bytes_of(&store, json).await.to_vec()).unwrap();
    let other = text.replace("/ 100", "/ 900");
    assert_ne!(text, other);
    overwrite(&store, json, other.into_bytes()).await;
    let torn = refused(&models, "m").await;
    assert!(torn.to_string().contains("model.json"), "{torn}");
    assert_eq!(models.about(&name, batch(1)).await.unwrap(), None);
    overwrite(&store, mark, Vec::new()).await;
    models.read("m", batch(1)).await.unwrap();

    overwrite(&store, json, text.into_bytes()).await;
    let found = models.about(&name, batch(1)).await.unwrap();
    assert_eq!(found, Some(about.clone()));
    overwrite(&store, mark, b"0123".to_vec()).await;
    let torn = refused(&models, "m").await;
    assert!(matches!(torn, ModelError::Torn { .. }), "{torn}");
    keep(&models, &model("m", batch(1))).await;
    models.read("m", batch(1)).await.unwrap();
}

/// A killed writer leaves everything but the last mark.
#[tokio::test]
async fn unfinished_models_are_not_there() {
    let store = Store::in_memory();
    let models = ModelStore::new(store.clone());
    keep(&models, &model("m", batch(1))).await;
    remove(&store, "m/batch_00000001/_SUCCESS").await;
    let absent = refused(&models, "m").await;
    assert!(matches!(absent, ModelError::NotFound { .. }), "{absent}");
    assert_eq!(
        models.about(&"m".parse().unwrap(), batch(1)).await.unwrap(),
        None
    );
    assert_eq!(models.stamp("m", batch(1)).await.unwrap(), None);
    assert_eq!(models.list().await.unwrap(), []);
    keep(&models, &model("m", batch(1))).await;
    assert_eq!(models.list().await.unwrap().len(), 1);
}

/// Changes one thing of a draft.
type Change = fn(&mut ModelDraft);

#[tokio::test]
async fn contradictory_models_are_refused() {
    let models = ModelStore::new(Store::in_memory());
    let k_means = || model("m", batch(1));
    let cases: [(ModelDraft, Change); 14] = [
        (with_centers(k_means(), vec![]), |_| ()),
        (k_means(), |m| m.about.summary.sizes = vec![1]),
        (k_means(), |m| {
            m.fitted = centers(vec![vec![1.0], vec![2.0]])
        }),
        (k_means(), |m| {
            m.fitted = centers(vec![vec![1.0, f64::NAN], vec![2.0, 1.0]])
        }),
        (k_means(), |m| m.about.summary.training_cost = f64::INFINITY),
        (k_means(), |m| m.about.model = "no/name".to_owned()),
        (k_means(), |m| m.fitted = spots().fitted),
        (moving(), |m| match &mut m.fitted {
            Fitted::MiniBatch(fitted) => drop(fitted.counts.pop()),
            _ => unreachable!(),
        }),
        (spots(), |m| match &mut m.fitted {
            Fitted::HotSpots(fitted) => fitted.core_points[0].cluster = 2,
            _ => unreachable!(),
        }),
        (spots(), |m| match &mut m.fitted {
            Fitted::HotSpots(fitted) => fitted.eps = 1.0,
            _ => unreachable!(),
        }),
        (mixture(), |m| match &mut m.fitted {
            Fitted::Mixture(fitted) => fitted.gaussians[1].covariance = vec![0.0; 4],
            _ => unreachable!(),
        }),
        (spots(), |m| m.about.features.truncate(1)),
        (spots(), |m| m.about.summary.sizes = vec![99]),
        (month("2024-05"), |m| m.about.batch = Some(1)),
    ];
    for (number, (mut draft, change)) in cases.into_iter().enumerate() {
        change(&mut draft);
        let refused = models.write(&draft, Existing::Replace).await;
        assert!(
            matches!(refused, Err(ModelError::Draft { .. })),
            "case {number}: {refused:?}"
        );
    }
    let mut other_way = spots();
    other_way.fitted = centers(vec![vec![1.0, 2.0], vec![3.0, 4.0]]);
    let refused = models.write(&other_way, Existing::Replace).await;
    assert_is!(refused, Err(ModelError::Draft { .. }));
    assert_eq!(models.list().await.unwrap(), []);
    assert!(models.is_empty().await.unwrap());
}
