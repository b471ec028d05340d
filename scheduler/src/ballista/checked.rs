//! Checks what members and clients send before Ballista's scheduler sees it.
//!
//! Ballista trusts the fields of a message. It panics at a registration without an optional field, at the end of a task that
//! does not exist, and at statistics that do not decode. The last two panics would end the loop that drives all Ballista
//! jobs. Then the scheduler would answer and do nothing. So each call comes here first.

use std::sync::Arc;

use ballista_core::JobId;
use ballista_core::serde::protobuf::executor_resource::Resource;
use ballista_core::serde::protobuf::scheduler_grpc_server::SchedulerGrpc;
use ballista_core::serde::protobuf::task_status::Status as End;
use ballista_core::serde::protobuf::{
    CancelJobParams, CancelJobResult, CleanJobDataParams, CleanJobDataResult,
    CreateUpdateSessionParams, CreateUpdateSessionResult, ExecuteQueryParams, ExecuteQueryResult,
    ExecutorRegistration, ExecutorStoppedParams, ExecutorStoppedResult, GetJobMetricsParams,
    GetJobMetricsResult, GetJobStatusParams, GetJobStatusResult, HeartBeatParams, HeartBeatResult,
    PollWorkParams, PollWorkResult, RegisterExecutorParams, RegisterExecutorResult,
    RemoveSessionParams, RemoveSessionResult, SuccessfulTask, TaskStatus, UpdateTaskStatusParams,
    UpdateTaskStatusResult,
};
use ballista_scheduler::state::execution_stage::ExecutionStage;
use gugus_engine::check_id;
use tonic::{Request, Response, Status};

use super::view::Scheduler;

/// What ids are of, for refusals.
const EXECUTOR: &str = "executor";
const JOB: &str = "Ballista job";
const SESSION: &str = "session";

/// The most task slots that one executor may have. No machine has so many cores. Ballista prefers the executor with the most
/// free slots, so one that claims any number would be sent all tasks.
const MOST_SLOTS: u32 = 4096;

/// Ballista's scheduler behind the checks.
pub(crate) struct Checked(pub(crate) Arc<Scheduler>);

/// Checks that an executor says everything about itself that Ballista reads.
fn check_registration(about: &ExecutorRegistration) -> Result<(), Status> {
    check_id(EXECUTOR, &about.id)?;
    let lacks = |what: &str| {
        let id = &about.id;
        let why = format!("the registration of executor {id} has no valid {what}");
        Err(Status::invalid_argument(why))
    };
    let is_host = |host: &str| {
        let part_of_a_host = |c: char| c.is_ascii_alphanumeric() || "-._:[]".contains(c);
        !host.is_empty() && host.chars().all(part_of_a_host)
    };
    let is_port = |port: u32| u16::try_from(port).is_ok_and(|port| port != 0);
    if !about.host.as_deref().is_some_and(is_host) {
        return lacks("host");
    }
    if !is_port(about.port) {
        return lacks("port");
    }
    if !is_port(about.grpc_port) {
        return lacks("grpc_port");
    }
    let Some(specification) = &about.specification else {
        return lacks("specification");
    };
    for resource in &specification.resources {
        if let Some(Resource::Vcores(slots)) = resource.resource
            && slots > MOST_SLOTS
        {
            let id = &about.id;
            let why = format!(
                "executor {id} claims {slots} task slots, and the most is {MOST_SLOTS}: start it with fewer"
            );
            return Err(Status::invalid_argument(why));
        }
    }
    if about.os_info.is_none() {
        return lacks("os_info");
    }
    Ok(())
}

/// Whether a stage has, or had, the task that a status is about. Later attempts of a stage have no tasks yet.
fn has_task(stage: &ExecutionStage, status: &TaskStatus) -> bool {
    let (attempt, task) = (status.stage_attempt_num as usize, status.task_id as usize);
    match stage {
        ExecutionStage::UnResolved(stage) => attempt < stage.stage_attempt_num,
        ExecutionStage::Resolved(stage) => attempt < stage.stage_attempt_num,
        ExecutionStage::Running(stage) => {
            attempt < stage.stage_attempt_num
                || (attempt == stage.stage_attempt_num && task < stage.task_infos.len())
        }
        ExecutionStage::Successful(stage) => attempt <= stage.stage_attempt_num,
        ExecutionStage::Failed(stage) => attempt <= stage.stage_attempt_num,
    }
}

/// Removes the statistics of a task. Only adaptive planning needs them, and `gugus_engine::session_config` turns that off.
/// Ballista decodes them all the same, in the loop that drives all Ballista jobs. Arrow's decoder panics at some bytes.
fn drop_statistics(task: &mut SuccessfulTask) {
    task.runtime_stats.clear();
}

impl Checked {
    /// The statuses of tasks that exist. A Ballista job that does not run yet has no tasks, but it may begin before Ballista
    /// looks. Ballista ignores the tasks of a Ballista job that has ended. So this leaves out both.
    async fn existing(&self, executor: &str, told: Vec<TaskStatus>) -> Vec<TaskStatus> {
        let running = self.0.state.task_manager.get_running_job_cache();
        let mut existing = Vec::with_capacity(told.len());
        for status in told {
            let Some(job) = running.get(&JobId::from(status.job_id.as_str())) else {
                let job = status.job_id;
                tracing::debug!(
                    executor,
                    job,
                    "a task of a Ballista job that does not run ended"
                );
                continue;
            };
            let graph = job.execution_graph.read().await;
            let stage = graph.stages().get(&(status.stage_id as usize));
            if stage.is_some_and(|stage| has_task(stage, &status)) {
                existing.push(status);
            } else {
                let TaskStatus {
                    job_id: job,
                    stage_id: stage,
                    task_id: task,
                    ..
                } = status;
                tracing::warn!(
                    executor,
                    job,
                    stage,
                    task,
                    "an executor told of the end of a task that does not exist; ignored"
                );
            }
        }
        existing
    }
}

#[tonic::async_trait]
impl SchedulerGrpc for Checked {
    type ExecuteQueryPushStream = <Scheduler as SchedulerGrpc>::ExecuteQueryPushStream;

    /// Executors of Gugus do not ask for work. They are sent it.
    async fn poll_work(
        &self,
        _: Request<PollWorkParams>,
    ) -> Result<Response<PollWorkResult>, Status> {
        Err(Status::unimplemented("tasks are pushed to executors"))
    }

    async fn register_executor(
        &self,
        request: Request<RegisterExecutorParams>,
    ) -> Result<Response<RegisterExecutorResult>, Status> {
        if let Some(about) = &request.get_ref().metadata {
            check_registration(about)?;
        }
        SchedulerGrpc::register_executor(&*self.0, request).await
    }

    async fn heart_beat_from_executor(
        &self,
        request: Request<HeartBeatParams>,
    ) -> Result<Response<HeartBeatResult>, Status> {
        let beat = request.get_ref();
        check_id(EXECUTOR, &beat.executor_id)?;
        if let Some(about) = &beat.metadata {
            check_registration(about)?;
            if about.id != beat.executor_id {
                let why = "a heartbeat and its registration must name the same executor";
                return Err(Status::invalid_argument(why));
            }
        }
        SchedulerGrpc::heart_beat_from_executor(&*self.0, request).await
    }

    async fn update_task_status(
        &self,
        mut request: Request<UpdateTaskStatusParams>,
    ) -> Result<Response<UpdateTaskStatusResult>, Status> {
        let told = request.get_mut();
        check_id(EXECUTOR, &told.executor_id)?;
        for status in &mut told.task_status {
            check_id(JOB, &status.job_id)?;
            match &mut status.status {
                Some(End::Successful(task)) => drop_statistics(task),
                Some(_) => {}
                None => {
                    let why = format!("the end of task {} has no status", status.task_id);
                    return Err(Status::invalid_argument(why));
                }
            }
        }
        let statuses = std::mem::take(&mut told.task_status);
        told.task_status = self.existing(&told.executor_id, statuses).await;
        SchedulerGrpc::update_task_status(&*self.0, request).await
    }

    async fn create_update_session(
        &self,
        request: Request<CreateUpdateSessionParams>,
    ) -> Result<Response<CreateUpdateSessionResult>, Status> {
        check_id(SESSION, &request.get_ref().session_id)?;
        SchedulerGrpc::create_update_session(&*self.0, request).await
    }

    async fn remove_session(
        &self,
        request: Request<RemoveSessionParams>,
    ) -> Result<Response<RemoveSessionResult>, Status> {
        check_id(SESSION, &request.get_ref().session_id)?;
        SchedulerGrpc::remove_session(&*self.0, request).await
    }

    async fn execute_query_push(
        &self,
        request: Request<ExecuteQueryParams>,
    ) -> Result<Response<Self::ExecuteQueryPushStream>, Status> {
        check_id(SESSION, &request.get_ref().session_id)?;
        SchedulerGrpc::execute_query_push(&*self.0, request).await
    }

    async fn execute_query(
        &self,
        request: Request<ExecuteQueryParams>,
    ) -> Result<Response<ExecuteQueryResult>, Status> {
        check_id(SESSION, &request.get_ref().session_id)?;
        SchedulerGrpc::execute_query(&*self.0, request).await
    }

    async fn get_job_status(
        &self,
        request: Request<GetJobStatusParams>,
    ) -> Result<Response<GetJobStatusResult>, Status> {
        check_id(JOB, &request.get_ref().job_id)?;
        SchedulerGrpc::get_job_status(&*self.0, request).await
    }

    async fn get_job_metrics(
        &self,
        request: Request<GetJobMetricsParams>,
    ) -> Result<Response<GetJobMetricsResult>, Status> {
        check_id(JOB, &request.get_ref().job_id)?;
        SchedulerGrpc::get_job_metrics(&*self.0, request).await
    }

    async fn executor_stopped(
        &self,
        request: Request<ExecutorStoppedParams>,
    ) -> Result<Response<ExecutorStoppedResult>, Status> {
        check_id(EXECUTOR, &request.get_ref().executor_id)?;
        SchedulerGrpc::executor_stopped(&*self.0, request).await
    }

    async fn cancel_job(
        &self,
        request: Request<CancelJobParams>,
    ) -> Result<Response<CancelJobResult>, Status> {
        check_id(JOB, &request.get_ref().job_id)?;
        SchedulerGrpc::cancel_job(&*self.0, request).await
    }

    async fn clean_job_data(
        &self,
        request: Request<CleanJobDataParams>,
    ) -> Result<Response<CleanJobDataResult>, Status> {
        check_id(JOB, &request.get_ref().job_id)?;
        SchedulerGrpc::clean_job_data(&*self.0, request).await
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use std::collections::HashMap;

    use ballista_core::serde::protobuf::{
        ExecutorOperatingSystemSpecification, ExecutorResource, ExecutorSpecification,
        RuntimeStatsReport,
    };
    use ballista_scheduler::state::execution_graph::create_task_info;
    use ballista_scheduler::state::execution_stage::RunningStage;
    use datafusion::arrow::datatypes::Schema;
    use datafusion::physical_plan::empty::EmptyExec;
    use datafusion::prelude::SessionConfig;

    use super::*;

    fn whole() -> ExecutorRegistration {
        ExecutorRegistration {
            id: "e1".to_owned(),
            host: Some("10.0.0.1".to_owned()),
            port: 50060,
            grpc_port: 50060,
            specification: Some(ExecutorSpecification::default()),
            os_info: Some(ExecutorOperatingSystemSpecification::default()),
            ..ExecutorRegistration::default()
        }
    }

    type Change = fn(&mut ExecutorRegistration);

    #[test]
    fn a_registration_names_what_it_lacks() {
        assert!(check_registration(&whole()).is_ok());
        let wrong: [(&str, Change); 10] = [
            ("no id", |about| about.id = "../e1".to_owned()),
            ("host", |about| about.host = None),
            ("host", |about| about.host = Some(String::new())),
            ("host", |about| about.host = Some("h/x?".to_owned())),
            ("port", |about| about.port = 0),
            ("port", |about| about.port = 65_536),
            ("grpc_port", |about| about.grpc_port = 0),
            ("specification", |about| about.specification = None),
            ("os_info", |about| about.os_info = None),
            ("claims 4294967295 task slots", |about| {
                let resource = Some(Resource::Vcores(u32::MAX));
                let resources = vec![ExecutorResource { resource }];
                about.specification = Some(ExecutorSpecification { resources });
            }),
        ];
        for (says, change) in wrong {
            let mut about = whole();
            change(&mut about);
            let refused = check_registration(&about).unwrap_err();
            assert!(refused.message().contains(says), "{refused}");
        }
    }

    #[test]
    fn only_tasks_that_were_handed_out_can_end() {
        let plan = Arc::new(EmptyExec::new(Arc::new(Schema::empty())));
        let config = Arc::new(SessionConfig::new());
        let mut stage = RunningStage::new(1, 2, plan, 4, Vec::new(), HashMap::new(), config);
        stage.task_infos.push(create_task_info("e1".to_owned(), 0));
        let stage = ExecutionStage::Running(stage);
        for (attempt, task, exists) in [
            (2, 0, true),
            (2, 1, false),
            (3, 0, false),
            (u32::MAX, u32::MAX, false),
            // Ballista ignores what earlier attempts tell.
            (1, 7, true),
        ] {
            let status = TaskStatus {
                stage_attempt_num: attempt,
                task_id: task,
                ..TaskStatus::default()
            };
            assert_eq!(has_task(&stage, &status), exists, "{attempt} {task}");
        }
    }

    #[test]
    fn statistics_do_not_reach_ballista() {
        let mut task = SuccessfulTask {
            executor_id: "e1".to_owned(),
            runtime_stats: vec![RuntimeStatsReport::default()],
            ..SuccessfulTask::default()
        };
        drop_statistics(&mut task);
        assert!(task.runtime_stats.is_empty());
        assert_eq!(task.executor_id, "e1");
    }
}
