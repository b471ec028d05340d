//! How plans with our functions travel.

use std::sync::Arc;

use ballista_core::serde::BallistaPhysicalExtensionCodec;
use datafusion::error::Result;
use datafusion::execution::TaskContext;
use datafusion::logical_expr::AggregateUDF;
use datafusion::physical_plan::ExecutionPlan;
use datafusion_proto::physical_plan::{PhysicalExtensionCodec, PhysicalProtoConverterExtension};

/// Ballista's codec, and ours for [`gugus_features::ModelFit`] and [`gugus_features::AllPassExec`].
#[derive(Debug, Default)]
pub struct PlanCodec {
    ballista: BallistaPhysicalExtensionCodec,
}

impl PlanCodec {
    /// What this codec writes beside Ballista's own, for the fingerprint that members of a cluster compare.
    pub(crate) const NAMES: &[&str] = &[
        gugus_features::ModelFit::NAME,
        gugus_features::AllPassExec::NAME,
    ];
}

impl PhysicalExtensionCodec for PlanCodec {
    fn try_decode(
        &self,
        buffer: &[u8],
        inputs: &[Arc<dyn ExecutionPlan>],
        context: &TaskContext,
        converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        match gugus_features::decode_node(buffer, inputs) {
            Some(node) => node,
            None => self.ballista.try_decode(buffer, inputs, context, converter),
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
            None => self.ballista.try_encode(node, buffer, converter),
        }
    }

    fn try_decode_udaf(&self, name: &str, buffer: &[u8]) -> Result<Arc<AggregateUDF>> {
        match gugus_features::decode_aggregate(name, buffer) {
            Some(function) => function,
            None => self.ballista.try_decode_udaf(name, buffer),
        }
    }

    fn try_encode_udaf(&self, function: &AggregateUDF, buffer: &mut Vec<u8>) -> Result<()> {
        gugus_features::encode_aggregate(function, buffer)
    }
}
