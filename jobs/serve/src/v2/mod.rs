//! The Open Inference Protocol, version 2, over REST and gRPC.
//!
//! A request becomes [`tensor::Tensor`]s, whichever way it came. [`infer`] makes columns of them, and the model answers column by
//! column, by the code that answers Arrow streams. [`repository`] finds models by the protocol's names and versions.

mod codec;
mod datatype;
pub(crate) mod grpc;
mod grpc_infer;
mod grpc_status;
mod grpc_stream;
mod infer;
mod json;
mod messages;
mod metadata;
mod object;
mod output;
pub(crate) mod repository;
pub(crate) mod rest;
pub(crate) mod rest_infer;
mod tensor;
mod wrong;
