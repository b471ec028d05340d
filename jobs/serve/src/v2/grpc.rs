//! The protocol over gRPC.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;

use futures::StreamExt;
use prost::Message;
use tonic::codegen::{Body, BoxFuture, Context, Poll, Service, StdError, http};
use tonic::{Request, Response, Status, Streaming};

use super::codec::Wire;
use super::infer::{Answer, infer};
use super::messages::{
    Choice, Empty, InputTensor, ModelInfer, ModelInferred, ModelMetadata, ModelReady, ModelRequest,
    ModelStreamInferred, Parameter, RepositoryIndex, RepositoryIndexed, RepositoryModel,
    RequestedOutput, ServerLive, ServerMetadata, ServerReady,
};
use super::output::{self, Output};
use super::tensor::{Content, Tensor};
use super::wrong::wrong;
use super::{metadata, repository};
use crate::api::health;
use crate::busy;
use crate::guards::service::Guard;
use crate::problem::Problem;
use crate::state::State;

macro_rules! methods {
    ($($name:ident = $method:literal)*) => {
        $(const $name: &str = concat!("/inference.GRPCInferenceService/", $method);)*
        /// The paths of all methods.
        const METHODS: [&str; [$($method),*].len()] = [$($name),*];
    };
}

methods! {
    MODEL_INFER = "ModelInfer"
    MODEL_STREAM_INFER = "ModelStreamInfer"
    SERVER_LIVE = "ServerLive"
    SERVER_READY = "ServerReady"
    SERVER_METADATA = "ServerMetadata"
    MODEL_READY = "ModelReady"
    MODEL_METADATA = "ModelMetadata"
    REPOSITORY_INDEX = "RepositoryIndex"
    REPOSITORY_LOAD = "RepositoryModelLoad"
    REPOSITORY_UNLOAD = "RepositoryModelUnload"
}

/// The service.
#[derive(Clone)]
pub(crate) struct Grpc {
    pub(crate) state: Arc<State>,
    pub(crate) guard: Arc<Guard>,
}

type HttpAnswer = http::Response<tonic::body::Body>;

impl<B> Service<http::Request<B>> for Grpc
where
    B: Body + Send + 'static,
    B::Error: Into<StdError> + Send,
{
    type Response = HttpAnswer;
    type Error = Infallible;
    type Future = BoxFuture<HttpAnswer, Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        let grpc = self.clone();
        Box::pin(async move { Ok(grpc.guarded(request).await) })
    }
}

impl Grpc {
    /// The guard that stands before REST stands here, too.
    async fn guarded<B>(self, request: http::Request<B>) -> HttpAnswer
    where
        B: Body + Send + 'static,
        B::Error: Into<StdError> + Send,
    {
        let guard = Arc::clone(&self.guard);
        let mut methods = METHODS.into_iter();
        let method = methods.find(|method| *method == request.uri().path());
        // An unknown path is no label of a metric: there are endlessly many.
        let method = method.unwrap_or("none");
        let headers = request.headers().clone();
        let answer = guard.admit(method, &headers, self.answer(method, request));
        answer
            .await
            .unwrap_or_else(|problem| status(&problem).into_http())
    }

    async fn answer<B>(self, method: &'static str, request: http::Request<B>) -> HttpAnswer
    where
        B: Body + Send + 'static,
        B::Error: Into<StdError> + Send,
    {
        let state = self.state;
        match method {
            MODEL_INFER => unary(state, model_infer, request).await,
            SERVER_LIVE => unary(state, server_live, request).await,
            SERVER_READY => unary(state, server_ready, request).await,
            SERVER_METADATA => unary(state, server_metadata, request).await,
            MODEL_READY => unary(state, model_ready, request).await,
            MODEL_METADATA => unary(state, model_metadata, request).await,
            REPOSITORY_INDEX => unary(state, repository_index, request).await,
            REPOSITORY_LOAD => unary(state, repository_load, request).await,
            REPOSITORY_UNLOAD => unary(state, repository_unload, request).await,
            MODEL_STREAM_INFER => {
                let limit = state.body_limit;
                let guard = self.guard;
                let mut grpc =
                    tonic::server::Grpc::new(Wire::default()).max_decoding_message_size(limit);
                grpc.streaming(ModelStreamInfer { state, guard }, request)
                    .await
            }
            _ => Status::unimplemented("there is no such method").into_http(),
        }
    }
}

/// Answers a request of one message by one message.
async fn unary<B, Q, A, F>(
    state: Arc<State>,
    method: fn(Arc<State>, Q) -> F,
    request: http::Request<B>,
) -> HttpAnswer
where
    B: Body + Send + 'static,
    B::Error: Into<StdError> + Send,
    Q: Message + Default + 'static,
    A: Message + 'static,
    F: Future<Output = Result<A, Problem>> + Send + 'static,
{
    let limit = state.body_limit;
    let mut grpc =
        tonic::server::Grpc::new(Wire::<Q, A>::default()).max_decoding_message_size(limit);
    grpc.unary(Unary { state, method }, request).await
}

struct Unary<M> {
    state: Arc<State>,
    method: M,
}

impl<Q, A, F> tonic::server::UnaryService<Q> for Unary<fn(Arc<State>, Q) -> F>
where
    F: Future<Output = Result<A, Problem>> + Send + 'static,
{
    type Response = A;
    type Future = BoxFuture<Response<A>, Status>;

    fn call(&mut self, request: Request<Q>) -> Self::Future {
        let answer = (self.method)(Arc::clone(&self.state), request.into_inner());
        Box::pin(async {
            Ok(Response::new(
                answer.await.map_err(|problem| status(&problem))?,
            ))
        })
    }
}

/// One answer after the other. A wrong request does not end the stream.
struct ModelStreamInfer {
    state: Arc<State>,
    guard: Arc<Guard>,
}

impl tonic::server::StreamingService<ModelInfer> for ModelStreamInfer {
    type Response = ModelStreamInferred;
    type ResponseStream = tonic::codegen::BoxStream<ModelStreamInferred>;
    type Future = BoxFuture<Response<Self::ResponseStream>, Status>;

    fn call(&mut self, requests: Request<Streaming<ModelInfer>>) -> Self::Future {
        let (state, guard) = (Arc::clone(&self.state), Arc::clone(&self.guard));
        let answers = requests.into_inner().then(move |request| {
            let (state, guard) = (Arc::clone(&state), Arc::clone(&guard));
            async move {
                let inferred = guard.turn(model_infer(state, request?)).await;
                Ok(match inferred.flatten() {
                    Ok(inferred) => ModelStreamInferred {
                        error_message: String::new(),
                        infer_response: Some(inferred),
                    },
                    Err(problem) => ModelStreamInferred {
                        error_message: problem.detail().to_owned(),
                        infer_response: None,
                    },
                })
            }
        });
        let answers: Self::ResponseStream = Box::pin(answers);
        Box::pin(std::future::ready(Ok(Response::new(answers))))
    }
}

/// A problem by the codes of gRPC.
fn status(problem: &Problem) -> Status {
    let detail = problem.detail();
    match problem.status().as_u16() {
        401 => Status::unauthenticated(detail),
        404 => Status::not_found(detail),
        413 => Status::resource_exhausted(detail),
        503 => Status::unavailable(detail),
        _ => Status::invalid_argument(detail),
    }
}

async fn server_live(_: Arc<State>, _: Empty) -> Result<ServerLive, Problem> {
    Ok(ServerLive { live: true })
}

async fn server_ready(state: Arc<State>, _: Empty) -> Result<ServerReady, Problem> {
    let ready = health::models(&state).await.is_ok();
    Ok(ServerReady { ready })
}

async fn server_metadata(_: Arc<State>, _: Empty) -> Result<ServerMetadata, Problem> {
    Ok(metadata::server())
}

async fn model_ready(state: Arc<State>, asked: ModelRequest) -> Result<ModelReady, Problem> {
    let model = repository::model(&state, &asked.name, &asked.version).await;
    // The protocol has no reason here: a model that is not there is not ready either.
    let ready = model.is_ok();
    Ok(ModelReady { ready })
}

async fn model_metadata(state: Arc<State>, asked: ModelRequest) -> Result<ModelMetadata, Problem> {
    repository::metadata(&state, &asked.name, &asked.version).await
}

async fn repository_index(
    state: Arc<State>,
    asked: RepositoryIndex,
) -> Result<RepositoryIndexed, Problem> {
    let models = repository::index(&state, asked.ready).await;
    Ok(RepositoryIndexed { models })
}

async fn repository_load(state: Arc<State>, asked: RepositoryModel) -> Result<Empty, Problem> {
    repository::load(&state, &asked.model_name).await?;
    Ok(Empty {})
}

async fn repository_unload(state: Arc<State>, asked: RepositoryModel) -> Result<Empty, Problem> {
    repository::unload(&state, &asked.model_name).await?;
    Ok(Empty {})
}

async fn model_infer(state: Arc<State>, request: ModelInfer) -> Result<ModelInferred, Problem> {
    let model = repository::model(&state, &request.model_name, &request.model_version).await?;
    let (length, max_rows) = (request.encoded_len(), state.max_rows);
    let id = request.id.clone();
    let answering = Arc::clone(&model);
    let answers = busy::run(Some(length), move || {
        let outputs = outputs(&request)?;
        infer(&answering, inputs(request)?, &outputs, max_rows)
    });
    let answers = answers.await?;
    Ok(ModelInferred {
        model_name: model.model.to_string(),
        model_version: metadata::version(&model.extent),
        id,
        outputs: answers.iter().map(Answer::metadata).collect(),
        raw_output_contents: answers.iter().map(Answer::bytes).collect(),
    })
}

fn inputs(request: ModelInfer) -> Result<Vec<Tensor>, Problem> {
    let (inputs, raw) = (request.inputs, request.raw_input_contents);
    if !raw.is_empty() && raw.len() != inputs.len() {
        return Err(wrong(format!(
            "there are {} inputs and {} raw contents",
            inputs.len(),
            raw.len()
        )));
    }
    let mut raw = raw.iter();
    let tensor = |input: InputTensor| {
        refuse_memory(&input.name, &input.parameters)?;
        let content = match (raw.next(), input.contents) {
            (Some(bytes), None) => Content::Raw(bytes),
            (None, contents) => Content::Typed(contents.unwrap_or_default()),
            (Some(_), Some(_)) => {
                return Err(wrong(
                    "an input has contents, and the request raw contents; send one of the two",
                ));
            }
        };
        Tensor::new(input.name, &input.datatype, &input.shape, content)
    };
    inputs.into_iter().map(tensor).collect()
}

fn outputs(request: &ModelInfer) -> Result<Vec<Output>, Problem> {
    let output = |wanted: &RequestedOutput| {
        refuse_memory(&wanted.name, &wanted.parameters)?;
        if let Some(Parameter {
            choice: Some(Choice::Int64(1..)),
        }) = wanted.parameters.get("classification")
        {
            return Err(output::no_classes());
        }
        Output::parse(&wanted.name)
    };
    request.outputs.iter().map(output).collect()
}

fn refuse_memory(tensor: &str, parameters: &HashMap<String, Parameter>) -> Result<(), Problem> {
    match parameters.contains_key(output::SHARED_MEMORY) {
        true => Err(output::no_shared_memory(tensor)),
        false => Ok(()),
    }
}
