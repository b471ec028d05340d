//! What a cluster has to do for us.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use async_trait::async_trait;
use datafusion::physical_plan::ExecutionPlan;
use tokio_util::sync::CancellationToken;

use crate::error::SubmitError;

/// Runs physical plans.
#[async_trait]
pub trait Submit: Debug + Send + Sync {
    /// Runs a plan once, as one job called `name`, and gives its result in no particular order.
    ///
    /// When `stop` is cancelled, or the returned future is dropped, the job is cancelled; [`Self::settle`] waits for that.
    ///
    /// # Errors
    /// [`SubmitError`].
    async fn run(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        name: &str,
        stop: &CancellationToken,
    ) -> Result<Vec<RecordBatch>, SubmitError>;

    /// How many tasks the cluster runs at the same time: 0 while it has no executor, `None` when it does not say.
    async fn task_slots(&self) -> Option<usize>;

    /// How long the cluster was away so far, all times added up. A job waits meanwhile, and cannot be blamed for it.
    fn away(&self) -> Duration {
        Duration::ZERO
    }

    /// Waits, for some seconds at most, until jobs that were dropped or stopped are cancelled: a process that ends before
    /// would leave them running. Call it when no [`Self::run`] is under way any more.
    async fn settle(&self) {}
}
