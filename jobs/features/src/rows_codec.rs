//! How plans that read rows travel: our scan, our expressions, and functions with a limit.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::execution::TaskContext;
use datafusion::logical_expr::{AggregateUDF, ScalarUDF};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr_common::physical_expr::proto_decode::PhysicalExprDecodeCtx;
use datafusion::physical_expr_common::physical_expr::proto_encode::PhysicalExprEncodeCtx;
use datafusion::physical_plan::ExecutionPlan;
use datafusion_proto::physical_plan::{PhysicalExtensionCodec, PhysicalProtoConverterExtension};

use crate::checked::CheckedScanExec;
use crate::error::settings_of;
use crate::growing;
use crate::named::{NAMED, Named};
use crate::tree::only_child;

/// The first bytes of our scan, which has no settings. No message of Ballista begins with them: as the first byte of a
/// Protobuf message, `g` would announce a field of a wire type that does not exist.
const SCAN_MARK: &[u8] = b"gugus checked scan 1\n";

/// The first bytes of our expression; like [`SCAN_MARK`].
const EXPRESSION_MARK: &[u8] = b"gugus named 1\n";

/// Marks a function that has a limit here.
const FUNCTION_MARK: &[u8] = b"gugus growing 1\n";

/// Writes and reads [`CheckedScanExec`], named expressions, and functions with a limit. All else goes to another codec.
#[derive(Debug, Default)]
pub(crate) struct RowsCodec<Other> {
    other: Other,
}

impl<Other> RowsCodec<Other> {
    /// Hands what is not of these to `other`.
    #[must_use]
    pub(crate) fn new(other: Other) -> Self {
        Self { other }
    }
}

impl<Other: PhysicalExtensionCodec> PhysicalExtensionCodec for RowsCodec<Other> {
    fn try_decode(
        &self,
        buffer: &[u8],
        inputs: &[Arc<dyn ExecutionPlan>],
        context: &TaskContext,
        converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        if buffer != SCAN_MARK {
            return self.other.try_decode(buffer, inputs, context, converter);
        }
        let scan = only_child(CheckedScanExec::NAME, inputs)?;
        Ok(Arc::new(CheckedScanExec::new(Arc::clone(scan))))
    }

    fn try_encode(
        &self,
        node: Arc<dyn ExecutionPlan>,
        buffer: &mut Vec<u8>,
        converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<()> {
        if !node.is::<CheckedScanExec>() {
            return self.other.try_encode(node, buffer, converter);
        }
        buffer.extend_from_slice(SCAN_MARK);
        Ok(())
    }

    fn try_decode_expr(
        &self,
        buffer: &[u8],
        inputs: &[Arc<dyn PhysicalExpr>],
        context: &PhysicalExprDecodeCtx<'_>,
    ) -> Result<Arc<dyn PhysicalExpr>> {
        let Some(name) = buffer.strip_prefix(EXPRESSION_MARK) else {
            return self.other.try_decode_expr(buffer, inputs, context);
        };
        let inner = only_child(NAMED, inputs)?;
        let name = serde_json::from_slice(name).map_err(settings_of(NAMED))?;
        Ok(Arc::new(Named::new(name, Arc::clone(inner))))
    }

    fn try_encode_expr(
        &self,
        expression: &Arc<dyn PhysicalExpr>,
        buffer: &mut Vec<u8>,
        context: &PhysicalExprEncodeCtx<'_>,
    ) -> Result<()> {
        let Some(named) = expression.downcast_ref::<Named>() else {
            return self.other.try_encode_expr(expression, buffer, context);
        };
        buffer.extend_from_slice(EXPRESSION_MARK);
        serde_json::to_writer(buffer, named.name()).map_err(settings_of(NAMED))
    }

    fn try_decode_udf(&self, name: &str, buffer: &[u8]) -> Result<Arc<ScalarUDF>> {
        let with_limit = (buffer == FUNCTION_MARK).then(|| growing::function(name));
        match with_limit.flatten() {
            Some(function) => Ok(function),
            None => self.other.try_decode_udf(name, buffer),
        }
    }

    /// Writes nothing for a function without a limit, which is found by its name.
    fn try_encode_udf(&self, function: &ScalarUDF, buffer: &mut Vec<u8>) -> Result<()> {
        if growing::is_growing(function) {
            buffer.extend_from_slice(FUNCTION_MARK);
        }
        Ok(())
    }

    fn try_decode_udaf(&self, name: &str, buffer: &[u8]) -> Result<Arc<AggregateUDF>> {
        self.other.try_decode_udaf(name, buffer)
    }
}
