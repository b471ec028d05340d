//! How plans with our functions and nodes travel.

use std::sync::Arc;

use datafusion::error::Result;
use datafusion::execution::TaskContext;
use datafusion::logical_expr::AggregateUDF;
use datafusion::physical_plan::ExecutionPlan;
use datafusion_proto::physical_plan::{PhysicalExtensionCodec, PhysicalProtoConverterExtension};

/// Writes and reads [`gugus_features::ModelFit`] and [`gugus_features::AllPassExec`], and hands all else to another codec.
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
