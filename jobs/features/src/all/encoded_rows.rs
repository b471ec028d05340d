//! The plan that reads one file, in bytes.
//!
//! *Why bytes?* Mostly only the first of many passes reads files. The plan has an expression for each column, and client,
//! scheduler and executors would build it anew for each pass. With 64 columns that takes one to two milliseconds a pass.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::datasource::physical_plan::FileGroup;
use datafusion::execution::TaskContext;
use datafusion::physical_plan::ExecutionPlan;
use datafusion_proto::physical_plan::{AsExecutionPlan, DefaultPhysicalExtensionCodec};
use datafusion_proto::protobuf::PhysicalPlanNode;
use serde::{Deserialize, Serialize};

use crate::error::WaveError;
use crate::plan::FeaturePlan;
use crate::rows::{BATCH_COLUMN, Beside, OFFSET_COLUMN, PARTITION_COLUMN, Rows};
use crate::rows_codec::RowsCodec;

/// The scan column that tells apart files of the same name. It holds a number made of the commit id of the batch.
const COMMIT_COLUMN: &str = "_commit";

/// The scan column that tells how many points a file gives at most; 0 if nobody knows.
const POINTS_COLUMN: &str = "_points";

/// The columns that each file carries.
pub(super) const CARRIED: [&str; 3] = [BATCH_COLUMN, COMMIT_COLUMN, POINTS_COLUMN];

/// Scan → filter → features and identity, over no file yet, in bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EncodedRows(Vec<u8>);

impl EncodedRows {
    /// The plan that reads the rows and expressions of `plan` from files of `store`.
    ///
    /// # Errors
    /// [`WaveError::Plan`] when DataFusion refuses the plan.
    pub fn new(plan: &FeaturePlan, store: &str) -> Result<Self, WaveError> {
        let no_file = vec![FileGroup::new(Vec::new())];
        let rows = Rows::scan(plan, store, no_file, Beside::Identity, &CARRIED)?
            .with_features()
            .with_appended(PARTITION_COLUMN)?
            .with_appended(OFFSET_COLUMN)?
            .project()?;
        let mut bytes = Vec::new();
        PhysicalPlanNode::try_from_physical_plan(rows, &codec())?.try_encode(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// The plan, over no file yet.
    pub(super) fn decode(&self, context: &TaskContext) -> Result<Arc<dyn ExecutionPlan>> {
        PhysicalPlanNode::try_decode(&self.0)?.try_into_physical_plan(context, &codec())
    }
}

fn codec() -> RowsCodec<DefaultPhysicalExtensionCodec> {
    RowsCodec::new(DefaultPhysicalExtensionCodec {})
}
