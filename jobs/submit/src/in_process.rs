//! A cluster of nothing but this process.

use std::sync::Arc;

use arrow::array::RecordBatch;
use async_trait::async_trait;
use datafusion::error::Result;
use datafusion::object_store::ObjectStore;
use datafusion::physical_plan::{ExecutionPlan, collect_partitioned};
use datafusion::prelude::{SessionConfig, SessionContext};
use datafusion_proto::physical_plan::{AsExecutionPlan, DefaultPhysicalExtensionCodec};
use datafusion_proto::protobuf::PhysicalPlanNode;
use gugus_features::{PlanCodec, Stop, heeding};
use tokio::task::JoinError;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::data_or_machine::Fault;
use crate::error::SubmitError;
use crate::submit::Submit;

/// Runs plans on DataFusion in this process: for tests, and for work that needs no cluster.
///
/// A plan is encoded and decoded before it runs, so that what runs is what an executor would run.
pub struct InProcess {
    session: SessionContext,
    slots: usize,
}

impl InProcess {
    /// Says that so many tasks run at the same time: plans are cut accordingly. It reads local files.
    #[must_use]
    pub fn new(slots: usize) -> Self {
        let config = SessionConfig::new()
            .set_bool("datafusion.execution.collect_statistics", false)
            // Which task reads which file must not depend on who is faster.
            .set_bool(
                "datafusion.execution.enable_file_stream_work_stealing",
                false,
            );
        Self {
            session: SessionContext::new_with_config(config),
            slots,
        }
    }

    /// Also reads what plans find under this url.
    #[must_use]
    pub fn with_store(self, url: &Url, store: Arc<dyn ObjectStore>) -> Self {
        self.session.register_object_store(url, store);
        self
    }

    /// The plan as an executor would get it.
    fn sent(&self, plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
        let codec = PlanCodec::new(DefaultPhysicalExtensionCodec {});
        let message = PhysicalPlanNode::try_from_physical_plan(plan, &codec)?;
        let mut bytes = Vec::new();
        message.try_encode(&mut bytes)?;
        let message = PhysicalPlanNode::try_decode(&bytes)?;
        message.try_into_physical_plan(&self.session.task_ctx(), &codec)
    }
}

impl std::fmt::Debug for InProcess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("InProcess")
            .field("slots", &self.slots)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Submit for InProcess {
    async fn run(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        name: &str,
        stop: &CancellationToken,
    ) -> Result<Vec<RecordBatch>, SubmitError> {
        let end = Stop::default();
        // Its tasks run on threads of the runtime, where nothing else ends them.
        let _ends_with_this_call = end.on_drop();
        let plan = self
            .sent(plan)
            .and_then(|plan| heeding(plan, &end))
            .map_err(|error| SubmitError::Cluster(error.into()))?;
        // A fit does not pause. On a thread of its own it does not keep this call from hearing `stop`.
        let rows = tokio::spawn(collect_partitioned(plan, self.session.task_ctx()));
        let rows = tokio::select! {
            biased;
            () = stop.cancelled() => return Err(SubmitError::Cancelled),
            rows = rows => rows.map_err(JoinError::try_into_panic),
        };
        let fault = match rows {
            Ok(Ok(rows)) => return Ok(rows.concat()),
            Ok(Err(error)) => Fault::of(&error),
            Err(Ok(panic)) => Fault::of_panic(&*panic),
            Err(Err(ended)) => return Err(SubmitError::Cluster(ended.into())),
        };
        // In the form in which a cluster hands errors on.
        Err(SubmitError::failed(name.to_owned(), fault.as_text()))
    }

    async fn task_slots(&self) -> Option<usize> {
        Some(self.slots)
    }
}
