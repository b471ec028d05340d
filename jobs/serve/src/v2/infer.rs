//! Tensors in, tensors out.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, RecordBatch, RecordBatchOptions};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Float64Type, Schema};
use bytes::Bytes;
use gugus_clusters::{Explain, Predictions};
use serde::Serialize;

use super::messages::TensorMetadata;
use super::metadata::FEATURES;
use super::output::Output;
use super::tensor::Tensor;
use super::wrong::wrong;
use crate::formats;
use crate::input::Kind;
use crate::loaded::Loaded;
use crate::options::Strictness;
use crate::problem::{Code, Problem, cut};
use crate::reading::Reading;
use crate::rows::{Rows, Shape};

/// The answer to an output.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Answer {
    Clusters(Vec<i32>),
    Distances(Vec<f64>),
}

impl Answer {
    fn new(output: Output, predictions: &Predictions) -> Self {
        match output {
            Output::Cluster => Self::Clusters(predictions.labels.clone()),
            Output::Distance => {
                Self::Distances(predictions.explained.iter().map(|it| it.distance).collect())
            }
        }
    }

    fn output(&self) -> Output {
        match self {
            Self::Clusters(_) => Output::Cluster,
            Self::Distances(_) => Output::Distance,
        }
    }

    /// The tensor without its elements.
    pub(crate) fn metadata(&self) -> TensorMetadata {
        let output = self.output();
        let rows = match self {
            Self::Clusters(clusters) => clusters.len(),
            Self::Distances(distances) => distances.len(),
        };
        TensorMetadata {
            name: output.name().to_owned(),
            datatype: output.datatype().name().to_owned(),
            shape: vec![i64::try_from(rows).unwrap_or(i64::MAX)],
        }
    }

    /// The elements in little-endian bytes.
    pub(crate) fn bytes(&self) -> Bytes {
        let bytes: Vec<u8> = match self {
            Self::Clusters(clusters) => clusters.iter().flat_map(|x| x.to_le_bytes()).collect(),
            Self::Distances(distances) => distances.iter().flat_map(|x| x.to_le_bytes()).collect(),
        };
        bytes.into()
    }
}

/// Predicts the rows of the inputs, `max_rows` at most. It gives the outputs in their order; the clusters if none is named.
pub(crate) fn infer(
    model: &Loaded,
    inputs: Vec<Tensor>,
    outputs: &[Output],
    max_rows: usize,
) -> Result<Vec<Answer>, Problem> {
    if inputs.iter().any(|input| input.rows > max_rows) {
        return Err(Problem::too_many_records(max_rows));
    }
    // Without this bound a short request could ask for a very long answer.
    if outputs.len() > Output::ALL.len() {
        return Err(wrong("an output is asked for twice"));
    }
    let rows = rows(model, inputs)?;
    let outputs = if outputs.is_empty() {
        &[Output::Cluster]
    } else {
        outputs
    };
    let explain = match outputs.contains(&Output::Distance) {
        true => Explain::Yes,
        false => Explain::No,
    };
    let predictions = model.predict(rows, explain)?;
    let labels = predictions.labels.iter();
    model.tally.count(labels.map(|label| i64::from(*label)));
    let answer = |output: &Output| Answer::new(*output, &predictions);
    Ok(outputs.iter().map(answer).collect())
}

fn rows(model: &Loaded, inputs: Vec<Tensor>) -> Result<Rows<'static>, Problem> {
    let dimensions = model.predictor.dimensions();
    match &model.input.kind {
        Kind::Numbers => Ok(Rows {
            batch: features(inputs, dimensions)?,
            texts: Vec::new(),
            shape: Shape::Many,
            wrong: None,
        }),
        Kind::Columns { .. } => {
            let reading = Reading {
                input: &model.input,
                dimensions,
                strictness: Strictness::Lenient,
                limit: usize::MAX,
                // The tensors are there, and were counted.
                max_rows: usize::MAX,
            };
            formats::of_batch(&columns(model, inputs)?, reading)
        }
    }
}

/// The columns of a model with named columns, one tensor for each. A column without a tensor is null in every row.
fn columns(model: &Loaded, inputs: Vec<Tensor>) -> Result<RecordBatch, Problem> {
    let columns = model.columns();
    let rows = inputs.first().map_or(0, |input| input.rows);
    let mut fields = Vec::with_capacity(inputs.len());
    let mut arrays = Vec::with_capacity(inputs.len());
    for input in inputs {
        let name = cut(&input.name);
        if !columns.iter().any(|column| column.name == input.name) {
            let known: Vec<&str> = columns.iter().map(|column| &*column.name).collect();
            return Err(Problem::unknown_columns(&[input.name], &known));
        }
        if input.width != 1 {
            let detail = format!(
                "input {name:?} has {} elements in a row, and takes one",
                input.width
            );
            return Err(wrong(detail));
        }
        if input.rows != rows {
            let detail = format!(
                "input {name:?} has {} rows, and the first input {rows}",
                input.rows
            );
            return Err(wrong(detail));
        }
        fields.push(Field::new(
            input.name,
            input.values.data_type().clone(),
            true,
        ));
        arrays.push(input.values);
    }
    batch(fields, arrays, rows)
}

/// The features of a model without names of columns: one tensor with a row for each point.
fn features(inputs: Vec<Tensor>, dimensions: usize) -> Result<RecordBatch, Problem> {
    let takes = format!("this model takes one input, {FEATURES:?} of shape [rows, {dimensions}]");
    let [input]: [Tensor; 1] = inputs
        .try_into()
        .ok()
        .filter(|[input]: &[Tensor; 1]| input.name == FEATURES)
        .ok_or_else(|| Problem::new(Code::MissingField, takes.clone()))?;
    if input.width != dimensions {
        return Err(wrong(format!(
            "a row has {} features; {takes}",
            input.width
        )));
    }
    if !input.values.data_type().is_numeric() {
        return Err(wrong(format!(
            "features are FP64 or other numbers; {takes}"
        )));
    }
    let values =
        cast(&input.values, &DataType::Float64).map_err(|error| wrong(error.to_string()))?;
    let values = values.as_primitive::<Float64Type>();
    let column = |dimension: usize| -> ArrayRef {
        let column = (0..input.rows).map(|row| {
            let at = row * dimensions + dimension;
            values.is_valid(at).then(|| values.value(at))
        });
        Arc::new(Float64Array::from_iter(column))
    };
    let field = |dimension: usize| Field::new(dimension.to_string(), DataType::Float64, true);
    let fields = (0..dimensions).map(field).collect();
    batch(fields, (0..dimensions).map(column).collect(), input.rows)
}

fn batch(fields: Vec<Field>, arrays: Vec<ArrayRef>, rows: usize) -> Result<RecordBatch, Problem> {
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &options)
        .map_err(|error| wrong(error.to_string()))
}
