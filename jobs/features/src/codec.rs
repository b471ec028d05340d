//! How plans with our functions and nodes travel.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::execution::TaskContext;
use datafusion::logical_expr::{AggregateUDF, ScalarUDF};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr_common::physical_expr::proto_decode::PhysicalExprDecodeCtx;
use datafusion::physical_expr_common::physical_expr::proto_encode::PhysicalExprEncodeCtx;
use datafusion::physical_plan::ExecutionPlan;
use datafusion_proto::physical_plan::{PhysicalExtensionCodec, PhysicalProtoConverterExtension};

use crate::all::{AllPassExec, Pass};
use crate::checked::CheckedScanExec;
use crate::error::settings_of;
use crate::fit::ModelFit;
use crate::named::NAMED;
use crate::rows_codec::RowsCodec;
use crate::settings::FitSettings;
use crate::tree::only_child;

/// The first bytes of the node of a pass. No message of Ballista begins with them: as the first byte of a Protobuf message,
/// `g` would announce a field of a wire type that does not exist.
const PASS_MARK: &[u8] = b"gugus all pass 3\n";

/// Writes and reads what is ours: [`ModelFit`], [`AllPassExec`], [`CheckedScanExec`], named expressions, and functions with a
/// limit. All else goes to another codec.
#[derive(Debug, Default)]
pub struct PlanCodec<Other> {
    rows: RowsCodec<Other>,
}

impl<Other> PlanCodec<Other> {
    /// Hands what is not ours to `other`.
    #[must_use]
    pub fn new(other: Other) -> Self {
        let rows = RowsCodec::new(other);
        Self { rows }
    }

    /// What this codec writes beside the other one, for the fingerprint that members of a cluster compare.
    pub const NAMES: &[&str] = &[
        ModelFit::NAME,
        AllPassExec::NAME,
        CheckedScanExec::NAME,
        NAMED,
    ];
}

impl<Other: PhysicalExtensionCodec> PhysicalExtensionCodec for PlanCodec<Other> {
    fn try_decode(
        &self,
        buffer: &[u8],
        inputs: &[Arc<dyn ExecutionPlan>],
        context: &TaskContext,
        converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let Some(pass) = buffer.strip_prefix(PASS_MARK) else {
            return self.rows.try_decode(buffer, inputs, context, converter);
        };
        let files = only_child(AllPassExec::NAME, inputs)?;
        let pass: Pass = postcard::from_bytes(pass).map_err(settings_of(AllPassExec::NAME))?;
        let pass = AllPassExec::new(Arc::clone(files), Arc::new(pass));
        Ok(Arc::new(pass))
    }

    fn try_encode(
        &self,
        node: Arc<dyn ExecutionPlan>,
        buffer: &mut Vec<u8>,
        converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<()> {
        let Some(pass) = node.downcast_ref::<AllPassExec>() else {
            return self.rows.try_encode(node, buffer, converter);
        };
        buffer.extend_from_slice(PASS_MARK);
        // A pass has thousands of numbers, and each part of the cluster reads them. Text would take longer than the pass itself.
        let written = postcard::to_io(pass.pass(), buffer);
        written.map(drop).map_err(settings_of(AllPassExec::NAME))
    }

    fn try_decode_expr(
        &self,
        buffer: &[u8],
        inputs: &[Arc<dyn PhysicalExpr>],
        context: &PhysicalExprDecodeCtx<'_>,
    ) -> Result<Arc<dyn PhysicalExpr>> {
        self.rows.try_decode_expr(buffer, inputs, context)
    }

    fn try_encode_expr(
        &self,
        expression: &Arc<dyn PhysicalExpr>,
        buffer: &mut Vec<u8>,
        context: &PhysicalExprEncodeCtx<'_>,
    ) -> Result<()> {
        self.rows.try_encode_expr(expression, buffer, context)
    }

    fn try_decode_udf(&self, name: &str, buffer: &[u8]) -> Result<Arc<ScalarUDF>> {
        self.rows.try_decode_udf(name, buffer)
    }

    fn try_encode_udf(&self, function: &ScalarUDF, buffer: &mut Vec<u8>) -> Result<()> {
        self.rows.try_encode_udf(function, buffer)
    }

    fn try_decode_udaf(&self, name: &str, buffer: &[u8]) -> Result<Arc<AggregateUDF>> {
        if name != ModelFit::NAME {
            return self.rows.try_decode_udaf(name, buffer);
        }
        let settings: FitSettings =
            serde_json::from_slice(buffer).map_err(settings_of(ModelFit::NAME))?;
        Ok(Arc::new(AggregateUDF::from(ModelFit::new(settings))))
    }

    /// Writes nothing for a function that is found by its name.
    fn try_encode_udaf(&self, function: &AggregateUDF, buffer: &mut Vec<u8>) -> Result<()> {
        let inner: &dyn std::any::Any = function.inner().as_ref();
        let Some(fit) = inner.downcast_ref::<ModelFit>() else {
            return Ok(());
        };
        serde_json::to_writer(buffer, fit.settings()).map_err(settings_of(ModelFit::NAME))
    }
}
