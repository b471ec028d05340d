//! Predictions.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use gugus_records::{Columns, Layout};
use gugus_spec::{BatchNumber, Column, ColumnType, Nullability, OtherColumns, Source};
use utoipa::{IntoResponses, OpenApi, ToSchema};
use warp::reply::Response;

use crate::answers::{Cluster, Near, OneOrMany};
use crate::asked::{self, Asked};
use crate::busy;
use crate::config::UnknownColumns;
use crate::options::Strictness;
use crate::problem::{Code, Problem};
use crate::records;
use crate::request::{Request, Sent};
use crate::route::{Answer, Route};
use crate::rows::Shape;
use crate::state::State;
use crate::strict;

static CLUSTER: Route = Route::post("/predict_cluster/");
static BATCH: Route = Route::post("/models/{model}/batches/{batch}/predict");
static WINDOW: Route = Route::post("/models/{model}/windows/{window}/predict");
static ALL: Route = Route::post("/models/{model}/predict");

#[derive(OpenApi)]
#[openapi(
    paths(cluster, batch, window, all),
    components(schemas(Cluster<'static>, Near, OneOrMany<'static>))
)]
pub(crate) struct Document;

pub(crate) fn answers(state: &Arc<State>) -> Vec<Answer> {
    vec![
        CLUSTER.respond(state, asked::nothing, cluster),
        BATCH.respond(state, asked::batch, batch),
        ALL.respond(state, asked::model, all),
        WINDOW.respond(state, asked::window, window),
    ]
}

/// A point and the batch whose model is asked.
#[derive(ToSchema)]
#[expect(
    dead_code,
    reason = "it describes the body, which is parsed by the rules of records"
)]
pub(crate) struct Point {
    /// The first feature of the model.
    #[schema(examples(34.0141))]
    lat: f64,
    /// The second feature of the model.
    #[schema(examples(-118.2978))]
    lon: f64,
    /// The number of the batch.
    #[schema(minimum = 1, examples(1))]
    model: u64,
}

/// One record, or an array of them. A record holds the columns that the model's features read; a model that was saved
/// without names of columns takes `{"features": [numbers]}`.
#[derive(ToSchema)]
#[serde(untagged)]
#[expect(
    dead_code,
    reason = "it describes the body, which is parsed by the rules of records"
)]
pub(crate) enum Records {
    One(BTreeMap<String, serde_json::Value>),
    Many(Vec<BTreeMap<String, serde_json::Value>>),
}

/// The answers of all predictions that are no success.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "it describes answers that problems give")]
pub(crate) enum Refused {
    /// The body is not JSON, CSV or an Arrow IPC stream, whichever its type says, or a parameter is wrong
    #[response(status = 400)]
    Unreadable(Problem),
    /// There is no such model, batch or window
    #[response(status = 404)]
    Unknown(Problem),
    /// The body is too long
    #[response(status = 413)]
    TooLong(Problem),
    /// The body has a type or an encoding that is not read
    #[response(status = 415)]
    WrongType(Problem),
    /// A record is wrong; of several, none was answered
    #[response(status = 422)]
    Wrong(Problem),
    /// The model cannot be read
    #[response(status = 503)]
    Unavailable(Problem),
}

/// Predicts the cluster of a point, as the Python service did.
///
/// The model that is asked is chosen when the service is started.
#[utoipa::path(
    post, path = CLUSTER.path, operation_id = "predict_cluster", tag = "predictions", request_body = Point,
    params(
        ("explain" = Option<bool>, Query, description = "`true` adds distance, runner-up and model to each answer"),
        ("strict" = Option<bool>, Query, description = "`true` refuses columns that the model does not know, records that lack one that it reads, and values of another type than their column"),
    ),
    responses(
        (
            status = 200, description = "The cluster of the point", body = Cluster<'static>,
            headers(
                ("gugus-model" = String, description = "The name of the model that answered"),
                ("gugus-batch" = u64, description = "The batch of that model, if it is of a batch"),
                ("gugus-uid" = String, description = "The uid of that model"),
            )
        ),
        Refused,
    )
)]
async fn cluster((): (), state: Arc<State>, sent: Sent) -> Result<Response, Problem> {
    let request = Request::json(sent, &state)?;
    let options = request.options;
    let unknown_columns = match options.strictness {
        Strictness::Strict => UnknownColumns::Refuse,
        Strictness::Lenient => state.unknown_columns,
    };
    let body = request.body()?;
    let (lat, lon, batch) = point(&body, unknown_columns)?;
    if options.strictness == Strictness::Strict {
        strict::check_values(&body, &POINT_COLUMNS[..2])?;
    }
    let model = state.catalogue.predict_cluster(batch).await?;
    if model.predictor.dimensions() != 2 {
        let n = model.predictor.dimensions();
        return Err(Problem::new(
            Code::WrongModel,
            format!(
                "the model has {n} features, and a point has two; ask it by its name with a record"
            ),
        ));
    }
    let predicted = model
        .predictor
        .predict_columns(&[&[lat], &[lon]], options.explain);
    let predictions = predicted.map_err(|(_, error)| {
        Problem::of_point(&error, |d| {
            format!("field {:?}", if d == 0 { "lat" } else { "lon" })
        })
    })?;
    request.answered(predictions, Shape::One, &model)
}

/// Predicts the clusters of records by the model of a batch.
#[utoipa::path(
    post, path = BATCH.path, operation_id = "predict_batch", tag = "predictions", 
    request_body(
        description = "Records. `Content-Encoding` may be gzip or deflate.",
        content(
            (Records = "application/json"),
            (String = "text/csv", example = "LAT,LON\n34.0141,-118.2978\n"),
            (Vec<u8> = "application/vnd.apache.arrow.stream"),
        )
    ),
    params(
        ("model" = String, Path, description = "The model's name"),
        ("batch" = String, Path, description = "The batch's number, or `latest`", example = "latest"),
        ("explain" = Option<bool>, Query, description = "`true` adds distance, runner-up and model to each answer"),
        ("strict" = Option<bool>, Query, description = "`true` refuses columns that the model does not know, records that lack one that it reads, and values of another type than their column"),
    ),
    responses(
        (
            status = 200,
            description = "The cluster of the record, or those of the records in their order. `Accept` chooses the form: JSON \
                           for JSON, and that of the body otherwise. CSV and Arrow have a column `cluster`; with `explain` \
                           also `distance`, `second_cluster`, `second_distance`, `model`, `batch`, `uid`, and `window` for \
                           a model of a window. `Accept-Encoding: gzip` compresses long answers.",
            content(
                (OneOrMany<'static> = "application/json"),
                (String = "text/csv", example = "cluster\n3\n"),
                (Vec<u8> = "application/vnd.apache.arrow.stream"),
            ),
            headers(
                ("gugus-model" = String, description = "The name of the model that answered"),
                ("gugus-batch" = u64, description = "The batch of that model, if it is of a batch"),
                ("gugus-window" = String, description = "The window of that model, if it is of a window; percent-encoded"),
                ("gugus-uid" = String, description = "The uid of that model"),
            )
        ),
        Refused,
    )
)]
async fn batch(asked: Asked, state: Arc<State>, sent: Sent) -> Result<Response, Problem> {
    predict(asked, &state, sent).await
}

/// Predicts the clusters of records by the model of a window.
#[utoipa::path(
    post, path = WINDOW.path, operation_id = "predict_window", tag = "predictions", 
    request_body(
        description = "Records. `Content-Encoding` may be gzip or deflate.",
        content(
            (Records = "application/json"),
            (String = "text/csv", example = "LAT,LON\n34.0141,-118.2978\n"),
            (Vec<u8> = "application/vnd.apache.arrow.stream"),
        )
    ),
    params(
        ("model" = String, Path, description = "The model's name"),
        ("window" = String, Path, description = "The window's key, percent-encoded", example = "2024-05"),
        ("explain" = Option<bool>, Query, description = "`true` adds distance, runner-up and model to each answer"),
        ("strict" = Option<bool>, Query, description = "`true` refuses columns that the model does not know, records that lack one that it reads, and values of another type than their column"),
    ),
    responses(
        (
            status = 200,
            description = "The cluster of the record, or those of the records in their order. `Accept` chooses the form: JSON \
                           for JSON, and that of the body otherwise. CSV and Arrow have a column `cluster`; with `explain` \
                           also `distance`, `second_cluster`, `second_distance`, `model`, `batch`, `uid`, and `window` for \
                           a model of a window. `Accept-Encoding: gzip` compresses long answers.",
            content(
                (OneOrMany<'static> = "application/json"),
                (String = "text/csv", example = "cluster\n3\n"),
                (Vec<u8> = "application/vnd.apache.arrow.stream"),
            ),
            headers(
                ("gugus-model" = String, description = "The name of the model that answered"),
                ("gugus-batch" = u64, description = "The batch of that model, if it is of a batch"),
                ("gugus-window" = String, description = "The window of that model, if it is of a window; percent-encoded"),
                ("gugus-uid" = String, description = "The uid of that model"),
            )
        ),
        Refused,
    )
)]
async fn window(asked: Asked, state: Arc<State>, sent: Sent) -> Result<Response, Problem> {
    predict(asked, &state, sent).await
}

/// Predicts the clusters of records by a model over all batches.
#[utoipa::path(
    post, path = ALL.path, operation_id = "predict", tag = "predictions", 
    request_body(
        description = "Records. `Content-Encoding` may be gzip or deflate.",
        content(
            (Records = "application/json"),
            (String = "text/csv", example = "LAT,LON\n34.0141,-118.2978\n"),
            (Vec<u8> = "application/vnd.apache.arrow.stream"),
        )
    ),
    params(
        ("model" = String, Path, description = "The model's name"),
        ("explain" = Option<bool>, Query, description = "`true` adds distance, runner-up and model to each answer"),
        ("strict" = Option<bool>, Query, description = "`true` refuses columns that the model does not know, records that lack one that it reads, and values of another type than their column"),
    ),
    responses(
        (
            status = 200,
            description = "The cluster of the record, or those of the records in their order. `Accept` chooses the form: JSON \
                           for JSON, and that of the body otherwise. CSV and Arrow have a column `cluster`; with `explain` \
                           also `distance`, `second_cluster`, `second_distance`, `model`, `batch`, `uid`, and `window` for \
                           a model of a window. `Accept-Encoding: gzip` compresses long answers.",
            content(
                (OneOrMany<'static> = "application/json"),
                (String = "text/csv", example = "cluster\n3\n"),
                (Vec<u8> = "application/vnd.apache.arrow.stream"),
            ),
            headers(
                ("gugus-model" = String, description = "The name of the model that answered"),
                ("gugus-batch" = u64, description = "The batch of that model, if it is of a batch"),
                ("gugus-window" = String, description = "The window of that model, if it is of a window; percent-encoded"),
                ("gugus-uid" = String, description = "The uid of that model"),
            )
        ),
        Refused,
    )
)]
async fn all(asked: Asked, state: Arc<State>, sent: Sent) -> Result<Response, Problem> {
    predict(asked, &state, sent).await
}

async fn predict(asked: Asked, state: &State, sent: Sent) -> Result<Response, Problem> {
    let model = state.catalogue.model(&asked.model, &asked.wanted).await?;
    let request = Request::new(sent, state)?;
    busy::run(request.length(), move || request.predict(&model)).await
}

/// The fields of a point are columns of a record, so that text and numbers mean the same everywhere.
static POINT_COLUMNS: LazyLock<[Column; 3]> = LazyLock::new(|| {
    let column = |name: &str, data_type| Column {
        name: name.to_owned(),
        data_type,
        nullability: Nullability::Required,
    };
    [
        column("lat", ColumnType::Float64),
        column("lon", ColumnType::Float64),
        column("model", ColumnType::Int64),
    ]
});

static POINT: LazyLock<Arc<Layout>> = LazyLock::new(|| {
    Layout::new(&Source {
        columns: POINT_COLUMNS.to_vec(),
        other_columns: OtherColumns::Drop,
        ..Source::default()
    })
});

fn point(body: &[u8], unknown_columns: UnknownColumns) -> Result<(f64, f64, BatchNumber), Problem> {
    let mut columns = Columns::new(Arc::clone(&POINT));
    columns.push_json(body)?;
    if unknown_columns == UnknownColumns::Refuse {
        let known = ["lat", "lon", "model"];
        let mut unknown = records::keys(body);
        unknown.retain(|key| !known.contains(&key.as_str()));
        if !unknown.is_empty() {
            return Err(Problem::unknown_columns(&unknown, &known));
        }
    }
    let row = columns
        .finish()
        .map_err(|error| Problem::new(Code::WrongValue, error.to_string()))?;
    let missing =
        |name: &str| Problem::new(Code::MissingField, format!("field {name:?} has no value"));
    let number = |index, name| float(&row, index).ok_or_else(|| missing(name));
    let (lat, lon) = (number(0, "lat")?, number(1, "lon")?);
    for (value, name) in [(lat, "lat"), (lon, "lon")] {
        if !value.is_finite() {
            return Err(Problem::new(
                Code::NotFinite,
                format!("field {name:?} is not a finite number"),
            ));
        }
    }
    let model = whole_number(&row, 2).ok_or_else(|| missing("model"))?;
    let batch = u64::try_from(model).ok().and_then(BatchNumber::new);
    let batch = batch.ok_or_else(|| {
        Problem::new(
            Code::WrongValue,
            format!("field \"model\" is {model}; batches are numbered 1, 2, 3 and so on"),
        )
    })?;
    Ok((lat, lon, batch))
}

fn float(row: &RecordBatch, index: usize) -> Option<f64> {
    let column = row
        .columns()
        .get(index)
        .filter(|c| c.data_type() == &DataType::Float64 && c.is_valid(0))?;
    Some(column.as_primitive::<Float64Type>().value(0))
}

fn whole_number(row: &RecordBatch, index: usize) -> Option<i64> {
    let column = row
        .columns()
        .get(index)
        .filter(|c| c.data_type() == &DataType::Int64 && c.is_valid(0))?;
    Some(column.as_primitive::<Int64Type>().value(0))
}
