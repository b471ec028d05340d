//! How our functions, expressions and nodes are written into a plan and read from it.

use std::sync::Arc;

use datafusion::common::{DataFusionError, Result};
use datafusion::logical_expr::{AggregateUDF, ScalarUDF};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::ExecutionPlan;

use crate::all::{AllPassExec, Pass};
use crate::checked::CheckedScanExec;
use crate::fit::ModelFit;
use crate::growing;
use crate::named::{NAMED, Named};
use crate::settings::FitSettings;
use crate::tree::only_child;

/// The first bytes of our plan node. No message of Ballista begins with them: as the first byte of a Protobuf message,
/// `g` would announce a field of a wire type that does not exist.
const NODE_MARK: &[u8] = b"gugus all pass 2\n";

/// The first bytes of our scan, which has no settings; like [`NODE_MARK`].
const SCAN_MARK: &[u8] = b"gugus checked scan 1\n";

/// The first bytes of our expression; like [`NODE_MARK`].
const EXPRESSION_MARK: &[u8] = b"gugus named 1\n";

/// Marks a function that has a limit here.
const FUNCTION_MARK: &[u8] = b"gugus growing 1\n";

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
    if node.is::<CheckedScanExec>() {
        buffer.extend_from_slice(SCAN_MARK);
        return Some(Ok(()));
    }
    let node = node.downcast_ref::<AllPassExec>()?;
    buffer.extend_from_slice(NODE_MARK);
    // A pass has thousands of numbers, and each part of the cluster reads them. Text would take longer than the pass itself.
    let written = postcard::to_io(node.pass(), buffer);
    Some(written.map(drop).map_err(about(AllPassExec::NAME)))
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
    if buffer == SCAN_MARK {
        let scan = only_child(CheckedScanExec::NAME, inputs);
        return Some(scan.map(|scan| -> Arc<dyn ExecutionPlan> {
            Arc::new(CheckedScanExec::new(Arc::clone(scan)))
        }));
    }
    let settings = buffer.strip_prefix(NODE_MARK)?;
    let read = || {
        let input = only_child(AllPassExec::NAME, inputs)?;
        let pass: Pass = postcard::from_bytes(settings).map_err(about(AllPassExec::NAME))?;
        Ok(Arc::new(AllPassExec::new(Arc::clone(input), Arc::new(pass))) as _)
    };
    Some(read())
}

/// Writes one of our expressions; `None` when `expression` is not ours.
///
/// # Errors
/// When its name does not encode, which would be a fault of ours.
pub fn encode_expression(
    expression: &Arc<dyn PhysicalExpr>,
    buffer: &mut Vec<u8>,
) -> Option<Result<()>> {
    let named = expression.downcast_ref::<Named>()?;
    buffer.extend_from_slice(EXPRESSION_MARK);
    Some(serde_json::to_writer(buffer, named.name()).map_err(about(NAMED)))
}

/// Reads one of our expressions over its children; `None` when the bytes are not ours.
///
/// # Errors
/// When the bytes are not a name as this version writes it, or there is not one child: client and executor run different
/// versions.
pub fn decode_expression(
    buffer: &[u8],
    inputs: &[Arc<dyn PhysicalExpr>],
) -> Option<Result<Arc<dyn PhysicalExpr>>> {
    let name = buffer.strip_prefix(EXPRESSION_MARK)?;
    let read = || {
        let inner = only_child(NAMED, inputs)?;
        let name = serde_json::from_slice(name).map_err(about(NAMED))?;
        Ok(Arc::new(Named::new(name, Arc::clone(inner))) as _)
    };
    Some(read())
}

/// Writes a function of DataFusion that has a limit here. It writes nothing for other functions, which are found by name.
pub fn encode_function(function: &ScalarUDF, buffer: &mut Vec<u8>) {
    if growing::is_growing(function) {
        buffer.extend_from_slice(FUNCTION_MARK);
    }
}

/// Reads a function with a limit; `None` when it is not ours.
pub fn decode_function(name: &str, buffer: &[u8]) -> Option<Arc<ScalarUDF>> {
    (buffer == FUNCTION_MARK).then(|| growing::function(name))?
}

fn about<E>(name: &'static str) -> impl Fn(E) -> DataFusionError
where
    E: std::error::Error + Send + Sync + 'static,
{
    move |error| DataFusionError::External(Box::new(error)).context(format!("settings of {name}"))
}
