//! What there is to ask.

use std::sync::Arc;

use gugus_kmeans::Params;
use gugus_store::{BatchNumber, ListedModel, Whole};
use serde::Serialize;
use utoipa::ToSchema;
use warp::http::StatusCode;
use warp::reply::Response;

use super::State;
use crate::catalogue::BatchWanted;
use crate::loaded::Loaded;
use crate::problem::{Code, Problem};
use crate::{reply, routes};

/// All models.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Models {
    /// By name.
    models: Vec<ModelBatches>,
}

/// A model and its batches.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ModelBatches {
    /// Its name.
    model: String,
    /// The batches it was trained on, ascending; none for a model over everything.
    batches: Vec<u64>,
}

/// A model, its batches, and the model over everything.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Model {
    /// Its name.
    model: String,
    /// The batches it was trained on, ascending.
    batches: Vec<u64>,
    /// The model over everything, if there is one.
    all: Option<TrainedModel>,
}

/// One trained model: what `model.json` says, and the centers. What is null is not known of a model that another
/// program saved.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TrainedModel {
    /// Its name.
    model: String,
    /// The batch it was trained on; null for a model over everything.
    batch: Option<u64>,
    /// The job that trained it.
    job: Option<String>,
    /// The commit of the batch.
    commit_id: Option<String>,
    /// What it clusters by; empty for a model that takes `{"features": [numbers]}`.
    features: Vec<Feature>,
    /// The condition that rows had to meet.
    r#where: Option<String>,
    /// The columns that a record may have, with their types.
    columns: Vec<Column>,
    /// Clusters asked for; there may be fewer centers.
    k: usize,
    /// The seed.
    seed: Option<i64>,
    /// All parameters of the fit.
    params: Option<Parameters>,
    /// What "near" means: `euclidean` or `cosine`.
    distance_measure: String,
    /// Rows that were fitted.
    rows: Option<u64>,
    /// Passes over the points.
    iterations: Option<u32>,
    /// The sum of squared distances in the last pass.
    training_cost: Option<f64>,
    /// Rows of each cluster.
    sizes: Option<Vec<u64>>,
    /// Spark's uid of the model.
    uid: String,
    /// When it was trained, RFC 3339.
    trained_at: Option<String>,
    /// One center a cluster, by its number.
    centers: Vec<Vec<f64>>,
}

/// One dimension.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Feature {
    /// Its name.
    name: String,
    /// The expression over the record's columns.
    sql: String,
}

/// A column of a record.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Column {
    /// Its name.
    name: String,
    /// Its type as in the job file.
    r#type: &'static str,
    /// Whether a record without it is refused.
    required: bool,
}

/// Spark's parameters of k-means.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Parameters {
    /// Clusters.
    k: usize,
    /// The seed.
    seed: i64,
    /// Passes at most.
    max_iter: u32,
    /// The move of the centers below which no further pass is made.
    tol: f64,
    /// `k-means||` or `random`.
    init_mode: String,
    /// Steps of `k-means||`.
    init_steps: u32,
    /// `euclidean` or `cosine`.
    distance_measure: String,
    /// `auto`, `row` or `block`.
    solver: String,
}

/// Lists the models.
#[utoipa::path(
    get, path = routes::MODELS.path, operation_id = "models", tag = "models",
    responses((status = 200, description = "All models, as of the last time they could be listed", body = Models))
)]
pub(crate) async fn list(_: Vec<String>, state: Arc<State>) -> Response {
    let listing = state.catalogue.listing().await;
    let entry = |listed: &ListedModel| ModelBatches {
        model: listed.model.clone(),
        batches: numbers(listed),
    };
    reply::json(
        StatusCode::OK,
        &Models {
            models: listing.models.values().map(entry).collect(),
        },
    )
}

/// Shows a model's batches, and the model over everything.
#[utoipa::path(
    get, path = routes::MODEL.path, operation_id = "model", tag = "models",
    params(("model" = String, Path, description = "The model's name")),
    responses(
        (status = 200, description = "The model", body = Model),
        (status = 404, description = "There is no such model", body = Problem),
        (status = 503, description = "The model cannot be read", body = Problem),
    )
)]
pub(crate) async fn model(path: Vec<String>, state: Arc<State>) -> Response {
    let name = path.first().map_or("", String::as_str);
    let answer = async {
        let listing = state.catalogue.listing().await;
        let listed = listing
            .models
            .get(name)
            .ok_or_else(|| Problem::unknown_model(name))?;
        let all = match listed.whole {
            Whole::Absent => None,
            Whole::Present => {
                let (loaded, batch) = state.catalogue.model(name, BatchWanted::Whole).await?;
                Some(TrainedModel::new(name, batch, &loaded))
            }
        };
        Ok(Model {
            model: listed.model.clone(),
            batches: numbers(listed),
            all,
        })
    };
    reply::ok_or_problem(answer.await)
}

/// Shows the model of a batch: what it was trained on, and its centers.
#[utoipa::path(
    get, path = routes::BATCH.path, operation_id = "batch", tag = "models",
    params(
        ("model" = String, Path, description = "The model's name"),
        ("batch" = String, Path, description = "The batch's number, or `latest`", example = "latest"),
    ),
    responses(
        (status = 200, description = "The model of the batch", body = TrainedModel),
        (status = 404, description = "There is no such model or batch", body = Problem),
        (status = 503, description = "The model cannot be read", body = Problem),
    )
)]
pub(crate) async fn batch(path: Vec<String>, state: Arc<State>) -> Response {
    let answer = async {
        let [name, batch] = path.as_slice() else {
            return Err(Problem::new(Code::UnknownPath, "there is no such path"));
        };
        let (loaded, batch) = state
            .catalogue
            .model(name, BatchWanted::parse(name, batch)?)
            .await?;
        Ok(TrainedModel::new(name, batch, &loaded))
    };
    reply::ok_or_problem(answer.await)
}

fn numbers(listed: &ListedModel) -> Vec<u64> {
    listed.batches.iter().map(|batch| batch.get()).collect()
}

impl TrainedModel {
    fn new(model: &str, batch: Option<BatchNumber>, loaded: &Loaded) -> Self {
        let saved = &loaded.saved;
        let about = saved.about.as_ref();
        let feature = |f: &gugus_spec::Feature| Feature {
            name: f.name.clone(),
            sql: f.sql.clone(),
        };
        Self {
            model: model.to_owned(),
            batch: batch.map(BatchNumber::get),
            job: about.map(|a| a.job.clone()),
            commit_id: about.and_then(|a| a.commit_id.clone()),
            features: about
                .iter()
                .flat_map(|a| &a.features)
                .map(feature)
                .collect(),
            r#where: about.and_then(|a| a.r#where.clone()),
            columns: loaded.columns().iter().map(Column::from).collect(),
            k: saved.k,
            seed: about.map(|a| a.seed),
            params: about.map(|a| Parameters::from(&a.params)),
            distance_measure: saved.distance_measure.to_string(),
            rows: about.map(|a| a.rows),
            iterations: about.map(|a| a.iterations),
            training_cost: about.map(|a| a.training_cost),
            sizes: about.map(|a| a.sizes.clone()),
            uid: saved.uid.clone(),
            trained_at: about.map(|a| a.trained_at.clone()),
            centers: loaded.predictor.centers().to_vec(),
        }
    }
}

impl From<&gugus_spec::Column> for Column {
    fn from(column: &gugus_spec::Column) -> Self {
        let required = column.nullability == gugus_spec::Nullability::Required;
        Self {
            name: column.name.clone(),
            r#type: column.data_type.name(),
            required,
        }
    }
}

impl From<&Params> for Parameters {
    fn from(params: &Params) -> Self {
        Self {
            k: params.k,
            seed: params.seed,
            max_iter: params.max_iter,
            tol: params.tol,
            init_mode: params.init_mode.to_string(),
            init_steps: params.init_steps,
            distance_measure: params.distance_measure.to_string(),
            solver: params.solver.to_string(),
        }
    }
}
