//! How our functions and nodes are written into a plan and read from it.

use std::sync::Arc;

use datafusion::common::{DataFusionError, Result, internal_err};
use datafusion::logical_expr::AggregateUDF;
use datafusion::physical_plan::ExecutionPlan;

use crate::all::{AllPassExec, Pass};
use crate::fit::ModelFit;
use crate::settings::FitSettings;

/// The first bytes of our plan node. No message of Ballista begins with them: read as Protobuf, `g` would be a field of a
/// wire type that does not exist.
const NODE_MARK: &[u8] = b"gugus whole pass 1\n";

/// Writes the settings of one of our functions. It writes nothing for other functions, which are found by name.
///
/// # Errors
/// When the settings do not encode, which would be a fault of ours.
pub fn encode_aggregate(function: &AggregateUDF, buffer: &mut Vec<u8>) -> Result<()> {
    let inner: &dyn std::any::Any = function.inner().as_ref();
    match inner.downcast_ref::<ModelFit>() {
        Some(fit) => serde_json::to_writer(buffer, fit.settings()).map_err(about(ModelFit::NAME)),
        None => Ok(()),
    }
}

/// Reads one of our functions; `None` when `name` is not ours.
///
/// # Errors
/// When the bytes are not settings as this version writes them: client and executor run different versions.
pub fn decode_aggregate(name: &str, buffer: &[u8]) -> Option<Result<Arc<AggregateUDF>>> {
    (name == ModelFit::NAME).then(|| {
        let settings: FitSettings =
            serde_json::from_slice(buffer).map_err(about(ModelFit::NAME))?;
        Ok(Arc::new(AggregateUDF::from(ModelFit::new(settings))))
    })
}

/// Writes one of our plan nodes; `None` when `node` is not ours.
///
/// # Errors
/// When its settings do not encode, which would be a fault of ours.
pub fn encode_node(node: &Arc<dyn ExecutionPlan>, buffer: &mut Vec<u8>) -> Option<Result<()>> {
    let node = node.downcast_ref::<AllPassExec>()?;
    buffer.extend_from_slice(NODE_MARK);
    Some(serde_json::to_writer(buffer, node.pass()).map_err(about(AllPassExec::NAME)))
}

/// Reads one of our plan nodes over its children; `None` when the bytes are not ours.
///
/// # Errors
/// When the bytes are not settings as this version writes them, or there is not one child: client and executor run
/// different versions.
pub fn decode_node(
    buffer: &[u8],
    inputs: &[Arc<dyn ExecutionPlan>],
) -> Option<Result<Arc<dyn ExecutionPlan>>> {
    let settings = buffer.strip_prefix(NODE_MARK)?;
    let read = || {
        let [input] = inputs else {
            return internal_err!("{} has one child, not {}", AllPassExec::NAME, inputs.len());
        };
        let pass: Pass = serde_json::from_slice(settings).map_err(about(AllPassExec::NAME))?;
        Ok(Arc::new(AllPassExec::new(Arc::clone(input), Arc::new(pass))) as _)
    };
    Some(read())
}

fn about(name: &'static str) -> impl Fn(serde_json::Error) -> DataFusionError {
    move |error| DataFusionError::External(Box::new(error)).context(format!("settings of {name}"))
}
