//! Models to serve.

use std::fs;
use std::path::Path;

use gugus_clusters::{
    Centers, CorePoint, DbscanParams, Fitted, Gaussian, GmmParams, HotSpots, Mixture,
};
use gugus_files::Store;
use gugus_kmeans::{DistanceMeasure, FitSummary, Params};
use gugus_models::{Direction, Existing, ModelDraft, ModelJson, ModelStore, SavedWindow};
use gugus_spec::{
    Algorithm, BatchNumber, Column, ColumnType, Feature, Nullability, Period, Window,
};

/// Centers in latitude and longitude, far from each other.
pub(crate) const CENTERS: [[f64; 2]; 3] = [[34.0, -118.5], [34.1, -118.2], [33.7, -118.3]];

pub(crate) fn batch(number: u64) -> Option<BatchNumber> {
    Some(BatchNumber::new(number).unwrap())
}

pub(crate) fn column(name: &str, data_type: ColumnType, nullability: Nullability) -> Column {
    Column {
        name: name.to_owned(),
        data_type,
        nullability,
    }
}

pub(crate) fn feature(name: &str, sql: &str) -> Feature {
    Feature {
        name: name.to_owned(),
        sql: sql.to_owned(),
    }
}

/// A model of two required columns LAT and LON.
pub(crate) fn location(
    model: &str,
    number: Option<BatchNumber>,
    centers: &[[f64; 2]],
) -> ModelDraft {
    let mut draft = of_centers(model, number, centers.iter().map(|c| c.to_vec()).collect());
    draft.about.features = vec![Feature::column("LAT"), Feature::column("LON")];
    draft.about.columns = vec![
        column("LAT", ColumnType::Float64, Nullability::Required),
        column("LON", ColumnType::Float64, Nullability::Required),
    ];
    draft
}

/// A model of a month.
pub(crate) fn month(model: &str, key: &str, centers: &[[f64; 2]]) -> ModelDraft {
    let mut draft = location(model, None, centers);
    draft.about.window = Some(SavedWindow {
        key: key.parse().unwrap(),
        window: Window::By {
            by: Period::Month,
            column: "DATE OCC".to_owned(),
        },
    });
    draft
}

/// Two hot spots and noise.
pub(crate) fn spots(model: &str, number: Option<BatchNumber>) -> ModelDraft {
    let core = |cluster, at: [f64; 2]| CorePoint {
        cluster,
        at: at.to_vec(),
    };
    let mut draft = location(model, number, &[]);
    draft.about.algorithm = Algorithm::Dbscan(DbscanParams {
        eps: 0.5,
        min_points: 2,
    });
    draft.about.summary.sizes = vec![60, 30];
    draft.about.summary.noise = 10;
    draft.fitted = Fitted::HotSpots(HotSpots {
        dimensions: 2,
        eps: 0.5,
        clusters: 2,
        core_points: vec![core(0, [34.0, -118.0]), core(1, [36.0, -118.0])],
    });
    draft
}

/// Two Gaussians around 34 and 36 degrees north.
pub(crate) fn mixture(model: &str, number: Option<BatchNumber>) -> ModelDraft {
    let gaussian = |lat: f64| Gaussian {
        weight: 0.5,
        mean: vec![lat, -118.0],
        covariance: vec![1.0, 0.0, 0.0, 1.0],
    };
    let mut draft = location(model, number, &[]);
    draft.about.algorithm = Algorithm::Gmm(GmmParams::default());
    draft.about.summary.sizes = vec![50, 50];
    draft.fitted = Fitted::Mixture(Mixture {
        gaussians: vec![gaussian(34.0), gaussian(36.0)],
    });
    draft
}

/// A model of an SQL feature over a whole number and one over a text column.
pub(crate) fn by_sql(model: &str, number: Option<BatchNumber>) -> ModelDraft {
    let centers = vec![vec![3.0, 0.0], vec![20.0, 0.0], vec![3.0, 100.0]];
    let mut draft = of_centers(model, number, centers);
    draft.about.r#where = Some("\"AREA\" IS NOT NULL AND \"Vict Age\" > 0".to_owned());
    let night = "CASE WHEN \"PART\" = '1.50' THEN 100.0 ELSE 0.0 END";
    draft.about.features = vec![
        feature("hour", "floor(\"TIME OCC\" / 100)"),
        feature("night", night),
    ];
    draft.about.columns = vec![
        column("TIME OCC", ColumnType::Int32, Nullability::Optional),
        column("AREA", ColumnType::Int32, Nullability::Required),
        column("Vict Age", ColumnType::Int32, Nullability::Optional),
        column("PART", ColumnType::Utf8, Nullability::Optional),
    ];
    draft
}

fn of_centers(model: &str, number: Option<BatchNumber>, centers: Vec<Vec<f64>>) -> ModelDraft {
    ModelDraft {
        about: ModelJson {
            job: "crime".to_owned(),
            model: model.to_owned(),
            batch: number.map(BatchNumber::get),
            algorithm: Algorithm::KMeans(Params {
                k: centers.len().max(2),
                seed: 1,
                ..Params::default()
            }),
            summary: summary(centers.len()),
            ..ModelJson::default()
        },
        fitted: Fitted::Centers(Centers {
            centers,
            distance_measure: DistanceMeasure::Euclidean,
        }),
    }
}

fn summary(clusters: usize) -> FitSummary {
    FitSummary {
        rows: 100,
        dropped: 0,
        iterations: 7,
        training_cost: 1.25,
        sizes: vec![1; clusters],
        noise: 0,
    }
}

/// The same under the cosine distance.
pub(crate) fn cosine(mut draft: ModelDraft) -> ModelDraft {
    if let (Algorithm::KMeans(params), Fitted::Centers(model)) =
        (&mut draft.about.algorithm, &mut draft.fitted)
    {
        params.distance_measure = DistanceMeasure::Cosine;
        model.distance_measure = DistanceMeasure::Cosine;
    }
    draft
}

/// Runs work of a store to its end.
pub(crate) fn block_on<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(work)
}

pub(crate) fn write(folder: &Path, draft: &ModelDraft) {
    let models = ModelStore::new(Store::open(folder.to_str().unwrap()).unwrap());
    block_on(models.write(draft, Existing::Replace)).unwrap();
}

/// Lets an alias stand for a batch of a model.
pub(crate) async fn set_alias(models: &ModelStore, model: &str, alias: &str, number: u64) {
    let (model, alias) = (model.parse().unwrap(), alias.parse().unwrap());
    let number = BatchNumber::new(number).unwrap();
    let moved = models.set_alias(&model, &alias, number, Direction::Any);
    moved.await.unwrap();
}

/// A folder as Spark itself leaves it: right in the store, without anything of ours.
pub(crate) fn write_as_spark(folder: &Path, name: &str, centers: &[[f64; 2]]) {
    let away = tempfile::tempdir().unwrap();
    write(away.path(), &location("m", batch(1), centers));
    let (from, to) = (away.path().join("m/batch_00000001"), folder.join(name));
    for part in ["metadata", "data"] {
        fs::create_dir_all(to.join(part)).unwrap();
        for file in fs::read_dir(from.join(part)).unwrap() {
            let file = file.unwrap();
            fs::copy(file.path(), to.join(part).join(file.file_name())).unwrap();
        }
        fs::write(to.join(part).join("_SUCCESS"), b"").unwrap();
    }
    assert!(!to.join("model.json").exists() && !to.join("_SUCCESS").exists());
}
