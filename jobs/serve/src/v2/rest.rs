//! The protocol over REST.
//!
//! Errors are `{"error": text}`, as the protocol wants them, and a wrong request is 400.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::openapi::RefOr;
use utoipa::{Modify, OpenApi, ToSchema};
use warp::http::StatusCode;
use warp::reply::Response;

use super::messages::{
    ModelIndex, ModelMetadata, ServerLive, ServerMetadata, ServerReady, TensorMetadata,
};
use super::object::ObjectOf;
use super::rest_infer::{InferRequest, InferResponse, Received};
use super::wrong::wrong;
use super::{metadata, repository};
use crate::api::health;
use crate::asked;
use crate::busy;
use crate::problem::{Problem, Told, cut};
use crate::reply;
use crate::request::Sent;
use crate::route::{Answer, Captures, Route};
use crate::state::State;

static SERVER: Route = Route::get("/v2");
static LIVE: Route = Route::get("/v2/health/live");
static READY: Route = Route::get("/v2/health/ready");
static MODEL: Route = Route::get("/v2/models/{model}");
static VERSION: Route = Route::get("/v2/models/{model}/versions/{version}");
static MODEL_READY: Route = Route::get("/v2/models/{model}/ready");
static VERSION_READY: Route = Route::get("/v2/models/{model}/versions/{version}/ready");
static INFER: Route = Route::post("/v2/models/{model}/infer");
static INFER_VERSION: Route = Route::post("/v2/models/{model}/versions/{version}/infer");
static INDEX: Route = Route::post("/v2/repository/index");
static LOAD: Route = Route::post("/v2/repository/models/{model}/load");
static UNLOAD: Route = Route::post("/v2/repository/models/{model}/unload");

#[derive(OpenApi)]
#[openapi(
    paths(
        server, live, ready, model, model_version, model_ready, version_ready, infer, infer_version, index, load, unload
    ),
    components(schemas(TensorMetadata)),
    modifiers(&MayBeAbsent),
    tags((name = "open inference", description = "The Open Inference Protocol, version 2"))
)]
pub(crate) struct Document;

/// The body of a request for the index may be absent. The macro would describe such a body as one that may be null.
struct MayBeAbsent;

impl Modify for MayBeAbsent {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let index = document.paths.paths.get_mut(INDEX.path);
        let operation = index.and_then(|path| path.post.as_mut());
        let body = operation.and_then(|operation| operation.request_body.as_mut());
        if let Some(RefOr::T(body)) = body {
            body.required = None;
        }
    }
}

pub(crate) fn answers(state: &Arc<State>) -> Vec<Answer> {
    vec![
        INFER.respond(state, name, infer),
        INFER_VERSION.respond(state, name_and_version, infer_version),
        LIVE.json(state, asked::nothing, live),
        READY.json(state, asked::nothing, ready),
        SERVER.json(state, asked::nothing, server),
        MODEL.json(state, name, model),
        VERSION.json(state, name_and_version, model_version),
        MODEL_READY.json(state, name, model_ready),
        VERSION_READY.json(state, name_and_version, version_ready),
        INDEX.respond(state, asked::nothing, index),
        LOAD.respond(state, name, load),
        UNLOAD.respond(state, name, unload),
    ]
}

/// A model by its name, and by its version if the path has one.
struct Named {
    model: String,
    version: String,
}

fn name(path: Captures) -> Result<Named, Problem> {
    let [model] = asked::segments(path)?;
    let version = String::new();
    Ok(Named { model, version })
}

fn name_and_version(path: Captures) -> Result<Named, Problem> {
    let [model, version] = asked::segments(path)?;
    Ok(Named { model, version })
}

/// A problem as the protocol tells it.
#[derive(Debug)]
struct Refusal(Problem);

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

impl warp::Reply for Refusal {
    fn into_response(self) -> Response {
        let error = self.0.detail().to_owned();
        let mut response = reply::json(self.0.protocol_status(), &Refused { error });
        response.extensions_mut().insert(Told(self.0));
        response
    }
}

/// The body of every answer that is no success.
#[derive(Serialize, ToSchema)]
struct Refused {
    /// What is wrong and where, for people.
    error: String,
}

/// Tells what the server is.
#[utoipa::path(
    get, path = SERVER.path, operation_id = "v2_server", tag = "open inference",
    responses((status = 200, description = "The server", body = ServerMetadata))
)]
async fn server((): (), _: Arc<State>) -> Result<ServerMetadata, Refusal> {
    Ok(metadata::server())
}

/// Says that the process lives, without looking at anything.
#[utoipa::path(
    get, path = LIVE.path, operation_id = "v2_live", tag = "open inference",
    responses((status = 200, description = "The process lives", body = ServerLive))
)]
async fn live((): (), _: Arc<State>) -> Result<ServerLive, Refusal> {
    Ok(ServerLive { live: true })
}

/// Says whether predictions can be asked.
#[utoipa::path(
    get, path = READY.path, operation_id = "v2_ready", tag = "open inference",
    responses(
        (status = 200, description = "Predictions can be asked", body = ServerReady),
        (status = 503, description = "The models cannot be listed, or the service is ending", body = Refused),
    )
)]
async fn ready((): (), state: Arc<State>) -> Result<ServerReady, Refusal> {
    health::models(&state).await?;
    Ok(ServerReady { ready: true })
}

/// Tells what the newest version of a model takes and gives.
#[utoipa::path(
    get, path = MODEL.path, operation_id = "v2_model", tag = "open inference",
    params(("model" = String, Path, description = "The model's name")),
    responses(
        (status = 200, description = "The model", body = ModelMetadata),
        (status = 404, description = "There is no such model", body = Refused),
        (status = 503, description = "The model cannot be read", body = Refused),
    )
)]
async fn model(named: Named, state: Arc<State>) -> Result<ModelMetadata, Refusal> {
    Ok(repository::metadata(&state, &named.model, &named.version).await?)
}

/// Tells what a version of a model takes and gives.
#[utoipa::path(
    get, path = VERSION.path, operation_id = "v2_model_version", tag = "open inference",
    params(
        ("model" = String, Path, description = "The model's name"),
        ("version" = String, Path, description = "A batch's number, an alias, `latest`, a window's key, or `all`", example = "latest"),
    ),
    responses(
        (status = 200, description = "The model", body = ModelMetadata),
        (status = 404, description = "There is no such model or version", body = Refused),
        (status = 503, description = "The model cannot be read", body = Refused),
    )
)]
async fn model_version(named: Named, state: Arc<State>) -> Result<ModelMetadata, Refusal> {
    model(named, state).await
}

/// A model that can answer.
#[derive(Serialize, ToSchema)]
struct ReadyModel {
    /// The model's name.
    name: String,
    /// Always `true`.
    ready: bool,
}

/// Says whether the newest version of a model can answer.
#[utoipa::path(
    get, path = MODEL_READY.path, operation_id = "v2_model_ready", tag = "open inference",
    params(("model" = String, Path, description = "The model's name")),
    responses(
        (status = 200, description = "The model can answer", body = ReadyModel),
        (status = 404, description = "There is no such model, or it was unloaded", body = Refused),
        (status = 503, description = "The model cannot be read", body = Refused),
    )
)]
async fn model_ready(named: Named, state: Arc<State>) -> Result<ReadyModel, Refusal> {
    repository::model(&state, &named.model, &named.version).await?;
    let (name, ready) = (named.model, true);
    Ok(ReadyModel { name, ready })
}

/// Says whether a version of a model can answer.
#[utoipa::path(
    get, path = VERSION_READY.path, operation_id = "v2_model_version_ready", tag = "open inference",
    params(
        ("model" = String, Path, description = "The model's name"),
        ("version" = String, Path, description = "A batch's number, an alias, `latest`, a window's key, or `all`", example = "latest"),
    ),
    responses(
        (status = 200, description = "The model can answer", body = ReadyModel),
        (status = 404, description = "There is no such model or version, or it was unloaded", body = Refused),
        (status = 503, description = "The model cannot be read", body = Refused),
    )
)]
async fn version_ready(named: Named, state: Arc<State>) -> Result<ReadyModel, Refusal> {
    model_ready(named, state).await
}

/// Predicts by the newest version of a model.
///
/// Tensors may come as bytes behind the JSON. Then the header `Inference-Header-Content-Length` has the length of the JSON.
/// Bodies and answers may be compressed by gzip or deflate.
#[utoipa::path(
    post, path = INFER.path, operation_id = "v2_infer", tag = "open inference",
    params(("model" = String, Path, description = "The model's name")),
    request_body = InferRequest<'_>,
    responses(
        (status = 200, description = "The predictions", body = InferResponse),
        (status = 400, description = "The request is wrong", body = Refused),
        (status = 404, description = "There is no such model, or it was unloaded", body = Refused),
        (status = 413, description = "The body is too long", body = Refused),
        (status = 415, description = "The encoding of the body is not read", body = Refused),
        (status = 503, description = "The model cannot be read", body = Refused),
    )
)]
async fn infer(named: Named, state: Arc<State>, sent: Sent) -> Result<Response, Refusal> {
    let model = repository::model(&state, &named.model, &named.version).await?;
    let received = Received::new(sent, &state)?;
    let length = received.length();
    Ok(busy::run(length, move || received.answer(&model)).await?)
}

/// Predicts by a version of a model.
#[utoipa::path(
    post, path = INFER_VERSION.path, operation_id = "v2_infer_version", tag = "open inference",
    params(
        ("model" = String, Path, description = "The model's name"),
        ("version" = String, Path, description = "A batch's number, an alias, `latest`, a window's key, or `all`", example = "latest"),
    ),
    request_body = InferRequest<'_>,
    responses(
        (status = 200, description = "The predictions", body = InferResponse),
        (status = 400, description = "The request is wrong", body = Refused),
        (status = 404, description = "There is no such model or version, or it was unloaded", body = Refused),
        (status = 413, description = "The body is too long", body = Refused),
        (status = 415, description = "The encoding of the body is not read", body = Refused),
        (status = 503, description = "The model cannot be read", body = Refused),
    )
)]
async fn infer_version(named: Named, state: Arc<State>, sent: Sent) -> Result<Response, Refusal> {
    infer(named, state, sent).await
}

/// What to list.
#[derive(Default, Deserialize, ToSchema)]
struct IndexRequest {
    /// Whether to list only what can be asked.
    #[serde(default)]
    ready: bool,
}

/// Lists all versions of all models.
#[utoipa::path(
    post, path = INDEX.path, operation_id = "v2_index", tag = "open inference",
    request_body(content = IndexRequest, description = "May be absent"),
    responses(
        (status = 200, description = "The versions", body = Vec<ModelIndex>),
        (status = 400, description = "The request is wrong", body = Refused),
        (status = 413, description = "The body is too long", body = Refused),
    )
)]
async fn index((): (), state: Arc<State>, sent: Sent) -> Result<Response, Refusal> {
    let body = sent.body?;
    let request: IndexRequest = match body.trim_ascii() {
        b"" => IndexRequest::default(),
        json => {
            let ObjectOf(request) =
                serde_json::from_slice(json).map_err(|error| Problem::not_json(&error))?;
            request
        }
    };
    let index = repository::index(&state, request.ready).await;
    Ok(reply::json(StatusCode::OK, &index))
}

/// Reads the newest version of a model now. An unloaded model answers again.
#[utoipa::path(
    post, path = LOAD.path, operation_id = "v2_load", tag = "open inference",
    params(("model" = String, Path, description = "The model's name")),
    responses(
        (status = 200, description = "The model can answer", body = Object),
        (status = 400, description = "The request has parameters: models come from their folder alone", body = Refused),
        (status = 404, description = "There is no such model", body = Refused),
        (status = 503, description = "The model cannot be read, and why", body = Refused),
    )
)]
async fn load(named: Named, state: Arc<State>, sent: Sent) -> Result<Response, Refusal> {
    refuse_contents(&sent.body?)?;
    repository::load(&state, &named.model).await?;
    Ok(reply::json(StatusCode::OK, &json!({})))
}

/// A request to load a model may bring a configuration and files. The models of this service come from their folder alone.
fn refuse_contents(body: &[u8]) -> Result<(), Problem> {
    let request: Value = match body.trim_ascii() {
        b"" => return Ok(()),
        json => serde_json::from_slice(json).map_err(|error| Problem::not_json(&error))?,
    };
    let parameters = request.get("parameters").and_then(Value::as_object);
    match parameters.and_then(|parameters| parameters.keys().next()) {
        Some(name) => Err(wrong(format!(
            "parameter {:?} is not taken: a model is what its folder holds",
            cut(name)
        ))),
        None => Ok(()),
    }
}

/// Drops a model from memory. By this protocol the model does not answer until it is loaded again.
#[utoipa::path(
    post, path = UNLOAD.path, operation_id = "v2_unload", tag = "open inference",
    params(("model" = String, Path, description = "The model's name")),
    responses(
        (status = 200, description = "The model was unloaded", body = Object),
        (status = 404, description = "There is no such model", body = Refused),
    )
)]
async fn unload(named: Named, state: Arc<State>, _: Sent) -> Result<Response, Refusal> {
    repository::unload(&state, &named.model).await?;
    Ok(reply::json(StatusCode::OK, &json!({})))
}
