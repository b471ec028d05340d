//! Bodies of the protocol over REST: JSON, and behind it the bytes of tensors.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use warp::http::HeaderValue;
use warp::http::header::HeaderName;
use warp::reply::Response;

use super::infer::{Answer, infer};
use super::messages::TensorMetadata;
use super::metadata::version;
use super::object::{self, ObjectOf};
use super::output::{self, Output};
use super::tensor::{Content, Tensor};
use super::wrong::wrong;
use crate::encoding::Encoding;
use crate::loaded::Loaded;
use crate::problem::{Code, Problem, cut};
use crate::request::Sent;
use crate::state::State;

/// The length of the JSON in a body that has the bytes of tensors behind it.
pub(crate) const JSON_LENGTH: HeaderName =
    HeaderName::from_static("inference-header-content-length");

/// A request for predictions.
#[derive(Deserialize, ToSchema)]
pub(crate) struct InferRequest<'a> {
    /// The answer has it, too.
    #[serde(default)]
    #[schema(examples("42"))]
    id: Option<String>,
    /// `binary_data_output`: whether outputs come as bytes unless they say otherwise. Others are ignored.
    #[serde(default)]
    #[schema(value_type = Object)]
    parameters: Map<String, Value>,
    /// The tensors, as the metadata of the model names them.
    #[serde(borrow, deserialize_with = "object::list")]
    inputs: Vec<InferInput<'a>>,
    /// The outputs that are wanted; absent: `cluster`.
    #[serde(default, deserialize_with = "object::list")]
    #[schema(max_items = 2)]
    outputs: Vec<InferOutput>,
}

/// A tensor.
#[derive(Deserialize, ToSchema)]
struct InferInput<'a> {
    /// The name of a column, or `features`.
    #[schema(examples("features"))]
    name: String,
    /// The type of the elements.
    #[schema(
        examples("FP64"),
        pattern = "^(BOOL|U?INT(8|16|32|64)|FP(32|64)|BYTES)$"
    )]
    datatype: String,
    /// The number of rows, and the number of elements in a row if there are more than one.
    #[schema(value_type = Vec<u64>, min_items = 1, max_items = 2)]
    shape: Vec<i64>,
    /// `binary_data_size`: how many bytes behind the JSON are this tensor.
    #[serde(default)]
    #[schema(value_type = Object)]
    parameters: Map<String, Value>,
    /// The elements, in one list or in a list for each row; absent if they come as bytes.
    #[serde(borrow, default)]
    #[schema(value_type = Vec<Value>, examples(json!([34.05, -118.25])))]
    data: Option<&'a RawValue>,
}

/// An output that is wanted.
#[derive(Deserialize, ToSchema)]
struct InferOutput {
    /// `cluster` or `distance`.
    #[schema(examples("cluster"), pattern = "^(cluster|distance)$")]
    name: String,
    /// `binary_data`: whether the output comes as bytes.
    #[serde(default)]
    #[schema(value_type = Object)]
    parameters: Map<String, Value>,
}

/// The predictions.
#[derive(Serialize, ToSchema)]
pub(crate) struct InferResponse {
    /// The model that answered.
    model_name: String,
    /// The version of the model that answered.
    #[schema(examples("7"))]
    model_version: String,
    /// The id of the request, if it had one.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    /// The outputs, in the order of the request.
    outputs: Vec<InferredOutput>,
}

/// An output.
#[derive(Serialize, ToSchema)]
struct InferredOutput {
    #[serde(flatten)]
    tensor: TensorMetadata,
    /// The elements; absent if they come as bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<f64>>)]
    data: Option<Answer>,
    /// How many bytes behind the JSON are this tensor; absent if it has data.
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters: Option<BinarySize>,
}

/// The length of a tensor that comes as bytes.
#[derive(Clone, Copy, Serialize, ToSchema)]
struct BinarySize {
    binary_data_size: usize,
}

/// A request whose headers were understood.
#[derive(Debug)]
pub(super) struct Received {
    encoding: Encoding,
    /// What the answer may be compressed by.
    accepted: Encoding,
    json_length: Option<usize>,
    body: Bytes,
    /// The longest body in bytes, before and after it is unpacked.
    limit: usize,
    max_rows: usize,
}

impl Received {
    pub(super) fn new(sent: Sent, state: &State) -> Result<Self, Problem> {
        let headers = &sent.headers;
        let length = headers.get(JSON_LENGTH).map(|length| {
            let length = length
                .to_str()
                .ok()
                .and_then(|length| length.trim().parse().ok());
            length.ok_or_else(|| {
                Problem::new(
                    Code::WrongHeader,
                    format!("header {JSON_LENGTH} is not a length"),
                )
            })
        });
        Ok(Self {
            encoding: Encoding::of_body(headers)?,
            accepted: Encoding::of_answer(headers),
            json_length: length.transpose()?,
            body: sent.body?,
            limit: state.body_limit,
            max_rows: state.max_rows,
        })
    }

    /// The length of the body as it came, if it need not be unpacked.
    pub(super) fn length(&self) -> Option<usize> {
        (self.encoding == Encoding::Identity).then_some(self.body.len())
    }

    /// Predicts. This may take long.
    pub(super) fn answer(self, model: &Loaded) -> Result<Response, Problem> {
        let body = self.encoding.decode(self.body, self.limit)?;
        let (json, bytes) = body
            .split_at_checked(self.json_length.unwrap_or(body.len()))
            .ok_or_else(|| {
                let detail = format!(
                    "header {JSON_LENGTH} is more than the {} bytes of the body",
                    body.len()
                );
                Problem::new(Code::WrongHeader, detail)
            })?;
        let ObjectOf(request): ObjectOf<InferRequest<'_>> =
            serde_json::from_slice(json).map_err(|error| {
                if error.is_data() {
                    return wrong(format!("the request cannot be read: {error}"));
                }
                Problem::not_json(&error)
            })?;
        let asked = request.asked()?;
        let outputs: Vec<Output> = asked.iter().map(|(output, _)| *output).collect();
        let binary = |at: usize| {
            asked
                .get(at)
                .map_or(request.is_binary(), |(_, binary)| *binary)
        };
        let binary: Vec<bool> = (0..asked.len().max(1)).map(binary).collect();
        let answers = infer(
            model,
            tensors(request.inputs, bytes)?,
            &outputs,
            self.max_rows,
        )?;
        let response = InferResponse {
            model_name: model.model.to_string(),
            model_version: version(&model.extent),
            id: request.id,
            outputs: Vec::new(),
        };
        let mut response = written(response, answers, &binary, self.accepted)?;
        model.names.put(&mut response);
        Ok(response)
    }
}

impl InferRequest<'_> {
    /// Whether outputs come as bytes unless they say otherwise.
    fn is_binary(&self) -> bool {
        self.parameters.get("binary_data_output") == Some(&Value::Bool(true))
    }

    /// The outputs that are named, and whether each comes as bytes.
    fn asked(&self) -> Result<Vec<(Output, bool)>, Problem> {
        let asked = |wanted: &InferOutput| {
            let parameter = |name| wanted.parameters.get(name);
            if parameter(output::SHARED_MEMORY).is_some() {
                return Err(output::no_shared_memory(&wanted.name));
            }
            let classes = parameter("classification").and_then(Value::as_u64);
            if classes.is_some_and(|classes| classes > 0) {
                return Err(output::no_classes());
            }
            let binary = parameter("binary_data").and_then(Value::as_bool);
            Ok((
                Output::parse(&wanted.name)?,
                binary.unwrap_or(self.is_binary()),
            ))
        };
        self.outputs.iter().map(asked).collect()
    }
}

/// The inputs. Those that come as bytes lie in `bytes`, one behind the other.
fn tensors(inputs: Vec<InferInput<'_>>, mut bytes: &[u8]) -> Result<Vec<Tensor>, Problem> {
    let mut tensors = Vec::with_capacity(inputs.len());
    for input in inputs {
        let name = cut(&input.name);
        if input.parameters.contains_key(output::SHARED_MEMORY) {
            return Err(output::no_shared_memory(&input.name));
        }
        let content = match (input.parameters.get("binary_data_size"), input.data) {
            (None, Some(data)) => Content::Json(data),
            (Some(size), None) => {
                let size = size.as_u64().and_then(|size| usize::try_from(size).ok());
                let split = size.and_then(|size| bytes.split_at_checked(size));
                let (content, rest) = split.ok_or_else(|| {
                    wrong(format!(
                        "input {name:?}: its binary_data_size is not a number of bytes in the body"
                    ))
                })?;
                bytes = rest;
                Content::Raw(content)
            }
            (None, None) => return Err(wrong(format!("input {name:?} has no data"))),
            (Some(_), Some(_)) => {
                return Err(wrong(format!(
                    "input {name:?} has data and a binary_data_size; send one of the two"
                )));
            }
        };
        tensors.push(Tensor::new(
            input.name,
            &input.datatype,
            &input.shape,
            content,
        )?);
    }
    match bytes.len() {
        0 => Ok(tensors),
        left => Err(wrong(format!(
            "{left} bytes behind the JSON belong to no input"
        ))),
    }
}

fn written(
    mut response: InferResponse,
    answers: Vec<Answer>,
    binary: &[bool],
    accepted: Encoding,
) -> Result<Response, Problem> {
    let mut bytes: Vec<u8> = Vec::new();
    for (answer, binary) in answers.into_iter().zip(binary) {
        let tensor = answer.metadata();
        let content = binary.then(|| answer.bytes());
        bytes.extend(content.iter().flatten());
        response.outputs.push(InferredOutput {
            tensor,
            data: content.is_none().then_some(answer),
            parameters: content.map(|content| BinarySize {
                binary_data_size: content.len(),
            }),
        });
    }
    let mut content = serde_json::to_vec(&response)
        .map_err(|error| Problem::not_written("JSON", &error.to_string()))?;
    let json_length = content.len();
    let is_binary = binary.contains(&true);
    content.extend(bytes);
    let kind = if is_binary {
        "application/octet-stream"
    } else {
        "application/json"
    };
    let mut response = accepted.answer(kind, content);
    if is_binary {
        let headers = response.headers_mut();
        headers.insert(JSON_LENGTH, HeaderValue::from(json_length));
    }
    Ok(response)
}
