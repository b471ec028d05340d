//! The requests of the scheduler to an executor.

use std::sync::Arc;

use ballista_core::JobId;
use ballista_core::serde::BallistaCodec;
use ballista_core::serde::protobuf::executor_grpc_server::ExecutorGrpc;
use ballista_core::serde::protobuf::{
    CancelTasksParams, CancelTasksResult, LaunchMultiTaskParams, LaunchMultiTaskResult,
    LaunchTaskParams, LaunchTaskResult, MultiTaskDefinition, RemoveJobDataParams,
    RemoveJobDataResult, StopExecutorParams, StopExecutorResult,
};
use ballista_core::serde::scheduler::from_proto::get_task_definition_vec;
use ballista_core::serde::scheduler::{TaskDefinition, TaskKey};
use datafusion_proto::protobuf::{LogicalPlanNode, PhysicalPlanNode};
use tonic::{Request, Response, Status};

use super::node::Node;
use crate::agreement::id;

/// Ballista's protocol in front of a [`Node`].
#[derive(Clone)]
pub(super) struct Service {
    pub(super) node: Arc<Node>,
    pub(super) codec: BallistaCodec<LogicalPlanNode, PhysicalPlanNode>,
}

impl Service {
    fn decode(
        &self,
        tasks: MultiTaskDefinition,
    ) -> ballista_core::error::Result<Vec<TaskDefinition>> {
        let executor = &self.node.parts.executor;
        let functions = &executor.function_registry;
        get_task_definition_vec(
            tasks,
            executor.runtime_producer.clone(),
            executor.produce_config(),
            functions.scalar_functions.clone(),
            functions.aggregate_functions.clone(),
            functions.window_functions.clone(),
            functions.higher_order_functions.clone(),
            self.codec.clone(),
        )
    }
}

#[tonic::async_trait]
impl ExecutorGrpc for Service {
    /// A scheduler of Ballista that pushes tasks launches them only by [`Self::launch_multi_task`].
    async fn launch_task(
        &self,
        _: Request<LaunchTaskParams>,
    ) -> Result<Response<LaunchTaskResult>, Status> {
        Err(Status::unimplemented(
            "tasks are launched by LaunchMultiTask",
        ))
    }

    async fn launch_multi_task(
        &self,
        request: Request<LaunchMultiTaskParams>,
    ) -> Result<Response<LaunchMultiTaskResult>, Status> {
        let LaunchMultiTaskParams { multi_tasks, .. } = request.into_inner();
        // The results of a task go into a folder that is called as its job.
        for tasks in &multi_tasks {
            id::check("Ballista job", &tasks.job_id)?;
            id::check("session", &tasks.session_id)?;
        }
        let mut failed_jobs = Vec::new();
        for tasks in multi_tasks {
            let job = tasks.job_id.clone();
            match self.decode(tasks) {
                Ok(tasks) => tasks.into_iter().for_each(|task| self.node.take(task)),
                Err(error) => {
                    tracing::warn!(job, %error, "tasks of a Ballista job could not be read; the job fails");
                    failed_jobs.push(job);
                }
            }
        }
        Ok(Response::new(LaunchMultiTaskResult { failed_jobs }))
    }

    /// The scheduler sends this when it missed heartbeats and gave this executor up. The executor has not ended, so it
    /// comes back under another id.
    async fn stop_executor(
        &self,
        request: Request<StopExecutorParams>,
    ) -> Result<Response<StopExecutorResult>, Status> {
        let StopExecutorParams {
            executor_id,
            reason,
            ..
        } = request.into_inner();
        id::check("executor", &executor_id)?;
        if executor_id == self.node.id() && !self.node.leaves() {
            tracing::warn!(
                reason,
                "the scheduler gave this executor up; registering again"
            );
            self.node.renew().await;
        }
        Ok(Response::new(StopExecutorResult {}))
    }

    async fn cancel_tasks(
        &self,
        request: Request<CancelTasksParams>,
    ) -> Result<Response<CancelTasksResult>, Status> {
        let CancelTasksParams { task_infos } = request.into_inner();
        for task in &task_infos {
            id::check("Ballista job", &task.job_id)?;
        }
        for task in task_infos {
            let key = TaskKey {
                job_id: JobId::from(task.job_id),
                stage_id: task.stage_id as usize,
                task_id: task.task_id as usize,
            };
            self.node.cancel(key).await;
        }
        Ok(Response::new(CancelTasksResult { cancelled: true }))
    }

    async fn remove_job_data(
        &self,
        request: Request<RemoveJobDataParams>,
    ) -> Result<Response<RemoveJobDataResult>, Status> {
        let RemoveJobDataParams {
            job_id,
            remove_stage_ids,
        } = request.into_inner();
        id::check("Ballista job", &job_id)?;
        let node = Arc::clone(&self.node);
        let removed = tokio::task::spawn_blocking(move || {
            node.parts.folder.remove_job(&job_id, &remove_stage_ids)
        });
        match removed.await {
            Ok(Ok(())) => Ok(Response::new(RemoveJobDataResult {})),
            Ok(Err(error)) => Err(Status::invalid_argument(error.to_string())),
            Err(error) => Err(Status::internal(error.to_string())),
        }
    }
}
