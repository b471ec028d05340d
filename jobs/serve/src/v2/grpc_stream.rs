//! A stream of requests for predictions, which get one answer after the other.
//!
//! Invariant: a stream costs little while it is silent, and it is not silent for ever. It holds one request at a time, and
//! ends when no whole request comes in the time that a request may take.

use std::sync::Arc;

use futures::stream;
use tokio::sync::OwnedSemaphorePermit;
use tonic::codegen::{BoxFuture, BoxStream};
use tonic::{Request, Response, Status, Streaming};

use super::grpc_infer::model_infer;
use super::grpc_status::{problem, status};
use super::messages::{ModelInfer, ModelStreamInferred};
use crate::guards::service::Guard;
use crate::state::State;

/// A wrong request does not end the stream.
pub(super) struct ModelStreamInfer {
    pub(super) state: Arc<State>,
    pub(super) guard: Arc<Guard>,
}

impl tonic::server::StreamingService<ModelInfer> for ModelStreamInfer {
    type Response = ModelStreamInferred;
    type ResponseStream = BoxStream<ModelStreamInferred>;
    type Future = BoxFuture<Response<Self::ResponseStream>, Status>;

    fn call(&mut self, requests: Request<Streaming<ModelInfer>>) -> Self::Future {
        let opened = self.guard.stream().map(|place| Open {
            state: Arc::clone(&self.state),
            guard: Arc::clone(&self.guard),
            requests: requests.into_inner(),
            _place: place,
        });
        let answers = opened.map(|open| {
            let answers: Self::ResponseStream = Box::pin(stream::try_unfold(open, Open::next));
            Response::new(answers)
        });
        Box::pin(std::future::ready(
            answers.map_err(|problem| status(&problem)),
        ))
    }
}

/// An open stream.
struct Open {
    state: Arc<State>,
    guard: Arc<Guard>,
    requests: Streaming<ModelInfer>,
    /// Its place among the streams that may be open.
    _place: OwnedSemaphorePermit,
}

impl Open {
    /// The next answer; none when the client sends no more.
    async fn next(mut self) -> Result<Option<(ModelStreamInferred, Self)>, Status> {
        let came = self.guard.next(self.requests.message()).await;
        let came = came.unwrap_or_else(|problem| Err(status(&problem)));
        let request = came.inspect_err(|status| self.guard.refused(&problem(status)))?;
        let Some(request) = request else {
            return Ok(None);
        };
        let state = Arc::clone(&self.state);
        let inferred = self.guard.turn(model_infer(state, request)).await.flatten();
        let answer = match inferred {
            Ok(inferred) => ModelStreamInferred {
                error_message: String::new(),
                infer_response: Some(inferred),
            },
            Err(problem) => {
                self.guard.refused(&problem);
                ModelStreamInferred {
                    error_message: problem.detail().to_owned(),
                    infer_response: None,
                }
            }
        };
        Ok(Some((answer, self)))
    }
}
