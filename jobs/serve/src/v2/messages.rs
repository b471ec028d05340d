//! The messages of the protocol, with the numbers of fields that its public specification gives them
//! (<https://github.com/kserve/open-inference-protocol>), and the repository that NVIDIA's clients know.
//!
//! They are written here and not generated from a `.proto` file, because a build would need protoc, or a compiler in Rust that
//! changes the features of Ballista's own build. A field that the service neither reads nor writes is left out; protobuf
//! skips it. Messages that are answers of REST, too, say here how they look in JSON.

use std::collections::HashMap;

use bytes::Bytes;
use prost::{Message, Oneof};
use serde::Serialize;
use utoipa::ToSchema;

/// A request that says nothing.
#[derive(Clone, Copy, PartialEq, Message)]
pub(crate) struct Empty {}

/// The process lives.
#[derive(Clone, Copy, PartialEq, Message, Serialize, ToSchema)]
pub(crate) struct ServerLive {
    /// Always `true`.
    #[prost(bool, tag = "1")]
    pub(crate) live: bool,
}

/// Whether the server can answer.
#[derive(Clone, Copy, PartialEq, Message, Serialize, ToSchema)]
pub(crate) struct ServerReady {
    /// Whether predictions can be asked.
    #[prost(bool, tag = "1")]
    pub(crate) ready: bool,
}

/// Whether a model can answer.
#[derive(Clone, Copy, PartialEq, Message)]
pub(crate) struct ModelReady {
    #[prost(bool, tag = "1")]
    pub(crate) ready: bool,
}

/// Asks about a version of a model.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct ModelRequest {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(string, tag = "2")]
    pub(crate) version: String,
}

/// What the server is.
#[derive(Clone, PartialEq, Message, Serialize, ToSchema)]
pub(crate) struct ServerMetadata {
    /// Always `gugus`.
    #[prost(string, tag = "1")]
    #[schema(examples("gugus"))]
    pub(crate) name: String,
    /// The version of the service.
    #[prost(string, tag = "2")]
    #[schema(examples("0.1.0"))]
    pub(crate) version: String,
    /// What the server knows beyond the protocol itself.
    #[prost(string, repeated, tag = "3")]
    pub(crate) extensions: Vec<String>,
}

/// What a model takes and gives.
#[derive(Clone, PartialEq, Message, Serialize, ToSchema)]
pub(crate) struct ModelMetadata {
    /// The model's name.
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    /// Its batches by number, its windows by key, and `all` for the model over all batches.
    #[prost(string, repeated, tag = "2")]
    pub(crate) versions: Vec<String>,
    /// The algorithm that fitted the model.
    #[prost(string, tag = "3")]
    #[schema(examples("gugus_kmeans"))]
    pub(crate) platform: String,
    /// The tensors that the model takes: one for each column, or `features` if its columns have no names.
    #[prost(message, repeated, tag = "4")]
    pub(crate) inputs: Vec<TensorMetadata>,
    /// The tensors that the model gives.
    #[prost(message, repeated, tag = "5")]
    pub(crate) outputs: Vec<TensorMetadata>,
}

/// What a tensor is.
#[derive(Clone, PartialEq, Message, Serialize, ToSchema)]
pub(crate) struct TensorMetadata {
    /// Its name.
    #[prost(string, tag = "1")]
    #[schema(examples("cluster"))]
    pub(crate) name: String,
    /// The type of its elements.
    #[prost(string, tag = "2")]
    #[schema(examples("INT32"))]
    pub(crate) datatype: String,
    /// The length of each dimension; -1 stands for the number of rows.
    #[prost(int64, repeated, tag = "3")]
    #[schema(examples(json!([-1])))]
    pub(crate) shape: Vec<i64>,
}

/// Asks for predictions.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct ModelInfer {
    #[prost(string, tag = "1")]
    pub(crate) model_name: String,
    #[prost(string, tag = "2")]
    pub(crate) model_version: String,
    #[prost(string, tag = "3")]
    pub(crate) id: String,
    #[prost(message, repeated, tag = "5")]
    pub(crate) inputs: Vec<InputTensor>,
    #[prost(message, repeated, tag = "6")]
    pub(crate) outputs: Vec<RequestedOutput>,
    /// The content of each input, in their order; none if the inputs have it.
    #[prost(bytes = "bytes", repeated, tag = "7")]
    pub(crate) raw_input_contents: Vec<Bytes>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct InputTensor {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(string, tag = "2")]
    pub(crate) datatype: String,
    #[prost(int64, repeated, tag = "3")]
    pub(crate) shape: Vec<i64>,
    #[prost(map = "string, message", tag = "4")]
    pub(crate) parameters: HashMap<String, Parameter>,
    #[prost(message, optional, tag = "5")]
    pub(crate) contents: Option<Contents>,
}

/// The elements of a tensor, in the field of their type.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Contents {
    #[prost(bool, repeated, tag = "1")]
    pub(crate) bools: Vec<bool>,
    #[prost(int32, repeated, tag = "2")]
    pub(crate) ints: Vec<i32>,
    #[prost(int64, repeated, tag = "3")]
    pub(crate) int64s: Vec<i64>,
    #[prost(uint32, repeated, tag = "4")]
    pub(crate) uints: Vec<u32>,
    #[prost(uint64, repeated, tag = "5")]
    pub(crate) uint64s: Vec<u64>,
    #[prost(float, repeated, tag = "6")]
    pub(crate) fp32s: Vec<f32>,
    #[prost(double, repeated, tag = "7")]
    pub(crate) fp64s: Vec<f64>,
    #[prost(bytes = "bytes", repeated, tag = "8")]
    pub(crate) texts: Vec<Bytes>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct RequestedOutput {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(map = "string, message", tag = "2")]
    pub(crate) parameters: HashMap<String, Parameter>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Parameter {
    #[prost(oneof = "Choice", tags = "1, 2, 3, 4, 5")]
    pub(crate) choice: Option<Choice>,
}

#[derive(Clone, PartialEq, Oneof)]
pub(crate) enum Choice {
    #[prost(bool, tag = "1")]
    Bool(bool),
    #[prost(int64, tag = "2")]
    Int64(i64),
    #[prost(string, tag = "3")]
    Text(String),
    #[prost(double, tag = "4")]
    Double(f64),
    #[prost(uint64, tag = "5")]
    Uint64(u64),
}

/// The predictions.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct ModelInferred {
    #[prost(string, tag = "1")]
    pub(crate) model_name: String,
    #[prost(string, tag = "2")]
    pub(crate) model_version: String,
    #[prost(string, tag = "3")]
    pub(crate) id: String,
    #[prost(message, repeated, tag = "5")]
    pub(crate) outputs: Vec<TensorMetadata>,
    /// The content of each output, in their order.
    #[prost(bytes = "bytes", repeated, tag = "6")]
    pub(crate) raw_output_contents: Vec<Bytes>,
}

/// An answer within a stream.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct ModelStreamInferred {
    /// Why there are no predictions; empty if there are.
    #[prost(string, tag = "1")]
    pub(crate) error_message: String,
    #[prost(message, optional, tag = "2")]
    pub(crate) infer_response: Option<ModelInferred>,
}

/// Asks for the index of the repository.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct RepositoryIndex {
    /// Whether to list only what can be asked.
    #[prost(bool, tag = "2")]
    pub(crate) ready: bool,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct RepositoryIndexed {
    #[prost(message, repeated, tag = "1")]
    pub(crate) models: Vec<ModelIndex>,
}

/// One version of a model.
#[derive(Clone, PartialEq, Message, Serialize, ToSchema)]
pub(crate) struct ModelIndex {
    /// The model's name.
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    /// The number of a batch, the key of a window, or `all`.
    #[prost(string, tag = "2")]
    #[schema(examples("7"))]
    pub(crate) version: String,
    /// `READY` or `UNAVAILABLE`.
    #[prost(string, tag = "3")]
    #[schema(examples("READY"))]
    pub(crate) state: String,
    /// Why the version cannot be asked; empty if it can be.
    #[prost(string, tag = "4")]
    pub(crate) reason: String,
}

/// Asks to load or to unload a model.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct RepositoryModel {
    #[prost(string, tag = "2")]
    pub(crate) model_name: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes that Google's own protobuf wrote for NVIDIA's client.
    #[test]
    fn a_request_of_another_implementation_is_read() {
        let mut bytes = b"\x0a\x08location\x12\x017\x1a\x02r1".to_vec();
        bytes.extend(b"\x2a\x0f\x0a\x03LAT\x12\x04FP64\x1a\x02\x02\x01\x3a\x10");
        bytes.extend([34.0_f64, 33.7].iter().flat_map(|x| x.to_le_bytes()));
        let request = ModelInfer::decode(&*bytes).unwrap();
        assert_eq!(
            (&*request.model_name, &*request.model_version, &*request.id),
            ("location", "7", "r1")
        );
        let input = &request.inputs[0];
        assert_eq!((&*input.name, &*input.datatype), ("LAT", "FP64"));
        assert_eq!(input.shape, [2, 1]);
        assert_eq!(request.raw_input_contents[0].len(), 16);
        assert_eq!(request.encode_to_vec(), bytes);
    }
}
