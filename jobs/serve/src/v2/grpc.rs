//! The protocol over gRPC.

use std::convert::Infallible;
use std::sync::Arc;

use prost::Message;
use tonic::codegen::{Body, BoxFuture, Context, Poll, Service, StdError, http};
use tonic::{Request, Response, Status};

use super::codec::Wire;
use super::grpc_infer::model_infer;
use super::grpc_status::{problem, status};
use super::grpc_stream::ModelStreamInfer;
use super::messages::{
    Empty, ModelMetadata, ModelReady, ModelRequest, RepositoryIndex, RepositoryIndexed,
    RepositoryModel, ServerLive, ServerMetadata, ServerReady,
};
use super::{metadata, repository};
use crate::api::health;
use crate::guards::service::Guard;
use crate::guards::sites::Sites;
use crate::problem::{Code, Problem, Told};
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
    pub(crate) sites: Arc<Sites>,
}

const NO_METHOD: &str = "there is no such method";

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
        let (guard, sites) = (Arc::clone(&self.guard), Arc::clone(&self.sites));
        let mut methods = METHODS.into_iter();
        let method = methods.find(|method| *method == request.uri().path());
        // An unknown path is no label of a metric: there are endlessly many.
        let method = method.unwrap_or("none");
        let answer = move |request| async move {
            let mut response = self.answer(method, request).await;
            // tonic leaves the status here if it is not that of a success.
            let told = response.extensions().get::<Status>().map(problem);
            if let Some(told) = told {
                response.extensions_mut().insert(Told(told));
            }
            response
        };
        let answered = guard.admit(method, request, &sites, answer).await;
        answered.unwrap_or_else(|problem| status(&problem).into_http())
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
                let method = ModelStreamInfer { state, guard };
                grpc.streaming(method, request).await
            }
            _ => status(&Problem::new(Code::UnknownPath, NO_METHOD)).into_http(),
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
