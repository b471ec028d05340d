//! The models that can be asked.

use std::collections::BTreeMap;
use std::sync::Arc;

use gugus_models::{ListedModel, UnusableFolder, WindowKey};
use gugus_spec::BatchNumber;
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};

use crate::asked::{self, Asked};
use crate::listing::Listing;
use crate::loaded::Loaded;
use crate::problem::Problem;
use crate::route::{Answer, Route};
use crate::state::State;

static MODELS: Route = Route::get("/models");
static MODEL: Route = Route::get("/models/{model}");
static BATCH: Route = Route::get("/models/{model}/batches/{batch}");
static WINDOW: Route = Route::get("/models/{model}/windows/{window}");

#[derive(OpenApi)]
#[openapi(paths(list, model, batch, window))]
pub(crate) struct Document;

pub(crate) fn answers(state: &Arc<State>) -> Vec<Answer> {
    vec![
        MODELS.json(state, asked::nothing, list),
        MODEL.json(state, asked::model, model),
        BATCH.json(state, asked::batch, batch),
        WINDOW.json(state, asked::window, window),
    ]
}

/// All models.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Models {
    /// By name.
    models: Vec<ModelBatches>,
    /// Folders that cannot be served, by name; left out where there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unusable: Vec<Unusable>,
}

/// A folder that looks like a model and cannot be served.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Unusable {
    /// The folder, relative to the store.
    #[schema(examples("location/batch_00000007"))]
    folder: String,
    /// The reason, and what to do.
    reason: String,
}

impl From<UnusableFolder> for Unusable {
    fn from(UnusableFolder { folder, reason, .. }: UnusableFolder) -> Self {
        Self { folder, reason }
    }
}

/// A model and its batches.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ModelBatches {
    /// Its name.
    model: String,
    /// The batches it was trained on, ascending; none for a model over all batches.
    batches: Vec<u64>,
    /// The keys of the windows it was trained on; left out where there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    windows: Vec<String>,
    /// The aliases of the model, each with the batch that it stands for; left out where there are none.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(example = json!({"production": 7}))]
    aliases: BTreeMap<String, u64>,
}

/// A model, its batches, and the model over all batches.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Model {
    #[serde(flatten)]
    listed: ModelBatches,
    /// The model over all batches, if there is one.
    all: Option<TrainedModel>,
    /// Folders of the model that cannot be served, by name; left out where there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unusable: Vec<Unusable>,
}

/// One trained model: the content of `model.json`, and the centers. A value is null if another program saved the model
/// without it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TrainedModel {
    /// Its name.
    model: String,
    /// The batch it was trained on; null for a model over all batches or over a window.
    batch: Option<u64>,
    /// The key of the window it was trained on; left out for others.
    #[serde(skip_serializing_if = "Option::is_none")]
    window: Option<String>,
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
    /// What fitted it: `kmeans`, `minibatch`, `dbscan` or `gmm`.
    algorithm: Option<&'static str>,
    /// All parameters of the fit, by their names in the job file.
    #[schema(value_type = Option<Object>)]
    params: Option<serde_json::Value>,
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
    /// Rows of no cluster.
    noise: Option<u64>,
    /// The model's uid, Spark's own where Spark wrote it.
    uid: String,
    /// When it was trained, RFC 3339.
    trained_at: Option<String>,
    /// A middle for each cluster, by its number: its center, its mean, the mean of its hot spot.
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

/// Lists the models.
#[utoipa::path(
    get, path = MODELS.path, operation_id = "models", tag = "models",
    responses((status = 200, description = "All models, as of the last time they could be listed", body = Models))
)]
async fn list((): (), state: Arc<State>) -> Result<Models, Problem> {
    let listing = state.catalogue.listing().await;
    let models = listing.models.values();
    let models = models.map(|listed| ModelBatches::of(listed, &listing));
    let models = models.collect();
    let unusable = state.catalogue.unusable(&listing, None).await;
    Ok(Models {
        models,
        unusable: unusable.into_iter().map(Unusable::from).collect(),
    })
}

/// Shows a model's batches, and the model over all batches.
#[utoipa::path(
    get, path = MODEL.path, operation_id = "model", tag = "models",
    params(("model" = String, Path, description = "The model's name")),
    responses(
        (status = 200, description = "The model", body = Model),
        (status = 404, description = "There is no such model", body = Problem),
        (status = 503, description = "The model cannot be read", body = Problem),
    )
)]
async fn model(asked: Asked, state: Arc<State>) -> Result<Model, Problem> {
    let listing = state.catalogue.listing().await;
    let listed = listing.model(&asked.model)?.1;
    let unusable = state.catalogue.unusable(&listing, Some(&asked.model)).await;
    let all = match listed.all {
        false => None,
        true => match trained(asked, &state).await {
            // The list of folders that cannot be served has the reason.
            Err(problem) if problem.allows_older() => None,
            all => Some(all?),
        },
    };
    Ok(Model {
        listed: ModelBatches::of(listed, &listing),
        all,
        unusable: unusable.into_iter().map(Unusable::from).collect(),
    })
}

/// Shows the model of a batch: what it was trained on, and its centers.
#[utoipa::path(
    get, path = BATCH.path, operation_id = "batch", tag = "models",
    params(
        ("model" = String, Path, description = "The model's name"),
        ("batch" = String, Path, description = "The batch's number, `latest`, or an alias", example = "latest"),
    ),
    responses(
        (status = 200, description = "The model of the batch", body = TrainedModel),
        (status = 404, description = "There is no such model or batch", body = Problem),
        (status = 503, description = "The model cannot be read", body = Problem),
    )
)]
async fn batch(asked: Asked, state: Arc<State>) -> Result<TrainedModel, Problem> {
    trained(asked, &state).await
}

/// Shows the model of a window: what it was trained on, and its centers.
#[utoipa::path(
    get, path = WINDOW.path, operation_id = "window", tag = "models",
    params(
        ("model" = String, Path, description = "The model's name"),
        ("window" = String, Path, description = "The window's key, percent-encoded", example = "2024-05"),
    ),
    responses(
        (status = 200, description = "The model of the window", body = TrainedModel),
        (status = 404, description = "There is no such model or window", body = Problem),
        (status = 503, description = "The model cannot be read", body = Problem),
    )
)]
async fn window(asked: Asked, state: Arc<State>) -> Result<TrainedModel, Problem> {
    trained(asked, &state).await
}

async fn trained(asked: Asked, state: &State) -> Result<TrainedModel, Problem> {
    let loaded = state.catalogue.model(&asked.model, &asked.wanted).await?;
    Ok(TrainedModel::from(&*loaded))
}

impl ModelBatches {
    fn of(listed: &ListedModel, listing: &Listing) -> Self {
        let key = |key: &WindowKey| key.as_str().to_owned();
        let aliases = listing.aliases(&listed.model);
        let aliases = aliases.iter().flat_map(|aliases| &aliases.aliases);
        Self {
            model: listed.model.clone(),
            batches: listed.batches.iter().map(|batch| batch.get()).collect(),
            windows: listed.windows.iter().map(key).collect(),
            aliases: aliases
                .map(|(alias, aliased)| (alias.to_string(), aliased.batch.get()))
                .collect(),
        }
    }
}

impl From<&Loaded> for TrainedModel {
    fn from(loaded: &Loaded) -> Self {
        let (saved, extent) = (&loaded.saved, &loaded.extent);
        let about = saved.about.as_ref();
        let features = about.iter().flat_map(|about| &about.features);
        Self {
            model: loaded.model.to_string(),
            batch: extent.batch().map(BatchNumber::get),
            window: extent.window().map(|key| key.as_str().to_owned()),
            job: about.map(|a| a.job.clone()),
            commit_id: about.and_then(|a| a.commit_id.clone()),
            features: features.map(Feature::from).collect(),
            r#where: about.and_then(|a| a.r#where.clone()),
            columns: loaded.columns().iter().map(Column::from).collect(),
            k: saved.k,
            seed: about.map(|a| a.seed),
            algorithm: about.map(|a| a.algorithm.name()),
            params: about.and_then(|a| {
                let written = serde_json::to_value(&a.algorithm).ok()?;
                written.get("params").cloned()
            }),
            distance_measure: saved.fitted.distance_measure().to_string(),
            rows: about.map(|a| a.summary.rows),
            iterations: about.map(|a| a.summary.iterations),
            training_cost: about.map(|a| a.summary.training_cost),
            sizes: about.map(|a| a.summary.sizes.clone()),
            noise: about.map(|a| a.summary.noise),
            uid: saved.uid.clone(),
            trained_at: about.map(|a| a.trained_at.clone()),
            centers: saved.fitted.middles(),
        }
    }
}

impl From<&gugus_spec::Feature> for Feature {
    fn from(feature: &gugus_spec::Feature) -> Self {
        Self {
            name: feature.name.clone(),
            sql: feature.sql.clone(),
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
