//! What the protocol tells of the server and of a model.

use gugus_models::{Extent, ListedModel};

use super::datatype::Datatype;
use super::messages::{ModelMetadata, ServerMetadata, TensorMetadata};
use super::output::Output;
use crate::input::Kind;
use crate::loaded::Loaded;

/// The input of a model whose columns have no names.
pub(super) const FEATURES: &str = "features";

/// The version of a model over all batches.
pub(super) const ALL: &str = "all";

pub(super) fn server() -> ServerMetadata {
    let extensions = ["binary_tensor_data", "model_repository"];
    ServerMetadata {
        name: "gugus".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        extensions: extensions.map(str::to_owned).to_vec(),
    }
}

/// The version that an extent is in the protocol.
pub(super) fn version(extent: &Extent) -> String {
    match extent {
        Extent::Batch(batch) => batch.to_string(),
        Extent::Window(key) => key.as_str().to_owned(),
        Extent::All => ALL.to_owned(),
    }
}

pub(super) fn model(model: &Loaded, listed: &ListedModel) -> ModelMetadata {
    let algorithm = model
        .saved
        .about
        .as_ref()
        .map_or("kmeans", |about| about.algorithm.name());
    ModelMetadata {
        name: model.model.to_string(),
        versions: listed.extents().map(|extent| version(&extent)).collect(),
        platform: format!("gugus_{algorithm}"),
        inputs: inputs(model),
        outputs: Output::ALL.map(output).to_vec(),
    }
}

fn inputs(model: &Loaded) -> Vec<TensorMetadata> {
    let dimensions = i64::try_from(model.predictor.dimensions()).unwrap_or(i64::MAX);
    match model.input.kind {
        Kind::Numbers => vec![tensor(FEATURES, Datatype::Fp64, vec![-1, dimensions])],
        Kind::Columns { .. } => {
            let columns = model.columns().iter();
            let input =
                columns.map(|column| tensor(&column.name, (&column.data_type).into(), vec![-1]));
            input.collect()
        }
    }
}

fn output(output: Output) -> TensorMetadata {
    tensor(output.name(), output.datatype(), vec![-1])
}

fn tensor(name: &str, datatype: Datatype, shape: Vec<i64>) -> TensorMetadata {
    TensorMetadata {
        name: name.to_owned(),
        datatype: datatype.name().to_owned(),
        shape,
    }
}
