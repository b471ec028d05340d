//! A request for predictions over gRPC.

use std::collections::HashMap;
use std::sync::Arc;

use prost::Message;

use super::infer::{Answer, infer};
use super::messages::{Choice, InputTensor, ModelInfer, ModelInferred, Parameter, RequestedOutput};
use super::output::{self, Output};
use super::tensor::{Content, Tensor};
use super::wrong::wrong;
use super::{metadata, repository};
use crate::busy;
use crate::problem::Problem;
use crate::state::State;

/// Predicts by the model that a request names.
pub(super) async fn model_infer(
    state: Arc<State>,
    request: ModelInfer,
) -> Result<ModelInferred, Problem> {
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
