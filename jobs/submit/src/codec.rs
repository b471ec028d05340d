//! How plans with our functions and nodes travel.

use std::sync::Arc;

use datafusion::error::Result;
use datafusion::execution::TaskContext;
use datafusion::logical_expr::{AggregateUDF, ScalarUDF};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr_common::physical_expr::proto_decode::PhysicalExprDecodeCtx;
use datafusion::physical_expr_common::physical_expr::proto_encode::PhysicalExprEncodeCtx;
use datafusion::physical_plan::ExecutionPlan;
use datafusion_proto::physical_plan::{PhysicalExtensionCodec, PhysicalProtoConverterExtension};

/// Writes and reads what is ours: [`gugus_features::ModelFit`], [`gugus_features::AllPassExec`],
/// [`gugus_features::CheckedScanExec`], named expressions, and functions with a limit. All else goes to another codec.
#[derive(Debug, Default)]
pub struct PlanCodec<Other> {
    other: Other,
}

impl<Other> PlanCodec<Other> {
    /// Hands what is not ours to `other`.
    #[must_use]
    pub fn new(other: Other) -> Self {
        Self { other }
    }

    /// What this codec writes beside the other one, for the fingerprint that members of a cluster compare.
    pub const NAMES: &[&str] = &[
        gugus_features::ModelFit::NAME,
        gugus_features::AllPassExec::NAME,
        gugus_features::CheckedScanExec::NAME,
        gugus_features::NAMED,
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
        match gugus_features::decode_node(buffer, inputs) {
            Some(node) => node,
            None => self.other.try_decode(buffer, inputs, context, converter),
        }
    }

    fn try_encode(
        &self,
        node: Arc<dyn ExecutionPlan>,
        buffer: &mut Vec<u8>,
        converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<()> {
        match gugus_features::encode_node(&node, buffer) {
            Some(written) => written,
            None => self.other.try_encode(node, buffer, converter),
        }
    }

    fn try_decode_expr(
        &self,
        buffer: &[u8],
        inputs: &[Arc<dyn PhysicalExpr>],
        context: &PhysicalExprDecodeCtx<'_>,
    ) -> Result<Arc<dyn PhysicalExpr>> {
        match gugus_features::decode_expression(buffer, inputs) {
            Some(expression) => expression,
            None => self.other.try_decode_expr(buffer, inputs, context),
        }
    }

    fn try_encode_expr(
        &self,
        expression: &Arc<dyn PhysicalExpr>,
        buffer: &mut Vec<u8>,
        context: &PhysicalExprEncodeCtx<'_>,
    ) -> Result<()> {
        match gugus_features::encode_expression(expression, buffer) {
            Some(written) => written,
            None => self.other.try_encode_expr(expression, buffer, context),
        }
    }

    fn try_decode_udf(&self, name: &str, buffer: &[u8]) -> Result<Arc<ScalarUDF>> {
        match gugus_features::decode_function(name, buffer) {
            Some(function) => Ok(function),
            None => self.other.try_decode_udf(name, buffer),
        }
    }

    fn try_encode_udf(&self, function: &ScalarUDF, buffer: &mut Vec<u8>) -> Result<()> {
        gugus_features::encode_function(function, buffer);
        Ok(())
    }

    fn try_decode_udaf(&self, name: &str, buffer: &[u8]) -> Result<Arc<AggregateUDF>> {
        match gugus_features::decode_aggregate(name, buffer) {
            Some(function) => function,
            None => self.other.try_decode_udaf(name, buffer),
        }
    }

    fn try_encode_udaf(&self, function: &AggregateUDF, buffer: &mut Vec<u8>) -> Result<()> {
        gugus_features::encode_aggregate(function, buffer)
    }
}
