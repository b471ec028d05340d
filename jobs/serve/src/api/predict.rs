//! Predictions.

use std::collections::BTreeMap;
use std::sync::Arc;

use utoipa::{IntoResponses, OpenApi, ToSchema};
use warp::reply::Response;

use crate::answers::{Cluster, Near, OneOrMany};
use crate::asked::{self, Asked};
use crate::busy;
use crate::config::UnknownColumns;
use crate::options::Strictness;
use crate::point::{self, BatchOf, Coordinate, CoordinateText, NameOfBatch, NumberOfBatch, Point};
use crate::problem::{Code, Problem};
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
    components(schemas(
        BatchOf,
        Cluster<'static>,
        Coordinate,
        CoordinateText,
        NameOfBatch,
        Near,
        NumberOfBatch,
        OneOrMany<'static>
    ))
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
/// The model that is asked is chosen when the service is started. The query `strict=true` refuses other fields than these, and
/// numbers that stand as text.
#[utoipa::path(
    post, path = CLUSTER.path, operation_id = "predict_cluster", tag = "predictions", request_body = Point,
    params(
        ("explain" = Option<bool>, Query, description = "`true` adds distance, runner-up and model to each answer"),
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
    let (lat, lon, batch) = point::read(&body, unknown_columns)?;
    if options.strictness == Strictness::Strict {
        strict::check_values(&body, &point::COLUMNS[..2])?;
    }
    let model = state.catalogue.predict_cluster(&batch).await?;
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

/// Defines the handler of a route that takes records. All of these routes take and give the same. Only the part of the path
/// behind the model's name differs.
macro_rules! takes_records {
    ($(#$doc:tt)* $handler:ident = $route:ident, $id:tt $(, $part:tt)?) => {
        $(#$doc)*
        #[utoipa::path(
            post, path = $route.path, operation_id = $id, tag = "predictions",
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
                $($part,)?
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
        async fn $handler(asked: Asked, state: Arc<State>, sent: Sent) -> Result<Response, Problem> {
            predict(asked, &state, sent).await
        }
    };
}

takes_records! {
    /// Predicts the clusters of records by the model of a batch.
    batch = BATCH, "predict_batch",
    ("batch" = String, Path, description = "The batch's number, `latest`, or an alias", example = "latest")
}

takes_records! {
    /// Predicts the clusters of records by the model of a window.
    window = WINDOW, "predict_window",
    ("window" = String, Path, description = "The window's key, percent-encoded", example = "2024-05")
}

takes_records! {
    /// Predicts the clusters of records by a model over all batches.
    all = ALL, "predict"
}

async fn predict(asked: Asked, state: &State, sent: Sent) -> Result<Response, Problem> {
    let model = state.catalogue.model(&asked.model, &asked.wanted).await?;
    let request = Request::new(sent, state)?;
    busy::run(request.work(), move || request.predict(&model)).await
}
