//! Running one physical plan as one Ballista job: encode, submit, wait, fetch.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use async_trait::async_trait;
use ballista_core::extension::SessionConfigExt;
use ballista_core::serde::protobuf::execute_query_params::Query;
use ballista_core::serde::protobuf::job_status::Status as JobState;
use ballista_core::serde::protobuf::{
    ExecuteQueryParams, GetJobStatusResult, KeyValuePair, PartitionLocation,
};
use ballista_core::version;
use datafusion::physical_plan::ExecutionPlan;
use datafusion_proto::physical_plan::AsExecutionPlan;
use datafusion_proto::protobuf::PhysicalPlanNode;
use gugus_submit::{Submit, SubmitError};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tonic::{Code, Request, Status, Streaming};

use super::cancel::RunningJob;
use super::cluster::Cluster;
use super::error::ClusterError;
use crate::agreement::codec::PlanCodec;
use crate::agreement::session::{MESSAGE_LIMIT, session_config};

/// How much of [`MESSAGE_LIMIT`] a plan may take. Settings and framing travel beside the plan, and the task for a stage
/// of the plan wraps the stage once more.
const PLAN_LIMIT: usize = MESSAGE_LIMIT / 2;

/// How long the scheduler may take to accept a job. It decodes the plan in this time.
const SUBMIT_WITHIN: Duration = Duration::from_secs(30);

/// How long the scheduler may take to accept a job after this process was told to stop. Without the id in its answer, the job
/// could not be cancelled. The answer takes milliseconds, unless the scheduler is away.
const LAST_ANSWER_WITHIN: Duration = Duration::from_secs(3);

/// How often a plan is submitted whose job gets lost with its scheduler.
const SUBMISSIONS: u32 = 5;

/// Why a job that was submitted gives no result.
enum Ended {
    /// The scheduler did not answer, or the connection to it broke. The job may still run.
    Lost(Box<ClusterError>, Option<Box<RunningJob>>),
    Otherwise(SubmitError),
}

impl From<SubmitError> for Ended {
    fn from(error: SubmitError) -> Self {
        Self::Otherwise(error)
    }
}

impl From<ClusterError> for Ended {
    fn from(error: ClusterError) -> Self {
        Self::Otherwise(error.into())
    }
}

#[async_trait]
impl Submit for Cluster {
    async fn run(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        name: &str,
        stop: &CancellationToken,
    ) -> Result<Vec<RecordBatch>, SubmitError> {
        if stop.is_cancelled() {
            return Err(SubmitError::Cancelled);
        }
        let query = encoded(plan, name)?;
        for submission in 1.. {
            let scheduler = self.presence.scheduler();
            let (error, running) = match self.run_once(query.clone(), name, stop).await {
                Ok(rows) => return Ok(rows),
                Err(Ended::Lost(error, running)) => (error, running),
                Err(Ended::Otherwise(error)) => return Err(error),
            };
            if submission == SUBMISSIONS {
                return Err((*error).into());
            }
            let reason = gugus_error::chain(&*error);
            tokio::select! {
                back = self.await_scheduler(name) => back?,
                () = stop.cancelled() => return Err(SubmitError::Cancelled),
            }
            tracing::warn!(
                ballista_job = name,
                reason,
                "a Ballista job got lost with its scheduler and is submitted again"
            );
            match running {
                // A scheduler that was started again does not know the job.
                Some(running) if self.presence.scheduler() != scheduler => {
                    running.ended();
                }
                // The same scheduler may still run the job. The drop cancels the job.
                running => drop(running),
            }
        }
        Err(SubmitError::Cancelled)
    }

    async fn task_slots(&self) -> Option<usize> {
        self.slots().await
    }

    fn away(&self) -> Duration {
        self.presence.away_so_far()
    }

    async fn settle(&self) {
        self.cancelled().await;
    }
}

impl Cluster {
    /// Submits a plan once and waits for its result.
    async fn run_once(
        &self,
        query: ExecuteQueryParams,
        name: &str,
        stop: &CancellationToken,
    ) -> Result<Vec<RecordBatch>, Ended> {
        let began = Instant::now();
        let statuses = self.submit(query, stop).await?;
        self.answers();
        let running = RunningJob::submitted(self, name);
        let result = async {
            let (job, locations) = self.end_of(running, statuses, name).await?;
            let rows = self.fetched(locations, &job).await?;
            let seconds = began.elapsed().as_secs_f64();
            tracing::debug!(%job, name, seconds, "Ballista job ended");
            Ok(rows)
        };
        tokio::select! {
            result = result => result,
            () = stop.cancelled() => Err(SubmitError::Cancelled.into()),
        }
    }

    /// The rows of a result. If this process cannot call an executor, the error says whether the executor still lives.
    async fn fetched(
        &self,
        locations: Vec<PartitionLocation>,
        job: &str,
    ) -> Result<Vec<RecordBatch>, ClusterError> {
        let rows = self.results.fetch(locations, job).await;
        if let Err(ClusterError::Unreachable { id, .. }) = &rows
            && self.hears(id).await
        {
            return rows;
        }
        match rows {
            // The executor is lost, and its results are made again elsewhere.
            Err(ClusterError::Unreachable {
                job,
                executor,
                source,
                ..
            }) => Err(ClusterError::Fetch {
                job,
                executor,
                source: *source,
            }),
            rows => rows,
        }
    }

    /// Hands the plan over; the scheduler answers with statuses of the job.
    async fn submit(
        &self,
        query: ExecuteQueryParams,
        stop: &CancellationToken,
    ) -> Result<Streaming<GetJobStatusResult>, Ended> {
        let mut scheduler = self.scheduler.clone();
        let mut request = Request::new(query);
        version::insert_version_header(request.metadata_mut());
        let too_long = timeout(SUBMIT_WITHIN, async {
            stop.cancelled().await;
            sleep(LAST_ANSWER_WITHIN).await;
        });
        let answer = tokio::select! {
            answer = scheduler.execute_query_push(request) => answer,
            _ = too_long => Err(Status::deadline_exceeded("it did not answer in time")),
        };
        let answer = answer.map_err(|status| {
            let code = status.code();
            let refused = ClusterError::Refused {
                url: self.access.url.clone(),
                status: status.into(),
            };
            match code {
                Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled | Code::Unknown => {
                    Ended::Lost(Box::new(refused), None)
                }
                _ => refused.into(),
            }
        })?;
        Ok(answer.into_inner())
    }

    /// Waits until the job has succeeded. Returns the id of the job and the places of its result.
    async fn end_of(
        &self,
        mut running: RunningJob,
        mut statuses: Streaming<GetJobStatusResult>,
        name: &str,
    ) -> Result<(String, Vec<PartitionLocation>), Ended> {
        let status = loop {
            let status = match statuses.message().await {
                Ok(Some(status)) => status.status,
                Ok(None) => break None,
                Err(status) => break Some(status.into()),
            };
            let Some(status) = status else {
                continue;
            };
            running.accepted(status.job_id);
            match status.status {
                Some(JobState::Successful(done)) => {
                    return Ok((running.ended(), done.partition_location));
                }
                Some(JobState::Failed(failed)) => {
                    return Err(SubmitError::failed(running.ended(), failed.error).into());
                }
                Some(JobState::Queued(_) | JobState::Running(_)) | None => {}
            }
        };
        let lost = Box::new(ClusterError::Lost {
            url: self.access.url.clone(),
            name: name.to_owned(),
            status,
        });
        // Without its id, a job could only be cancelled by its name, which the next submission has, too.
        if running.is_accepted() {
            return Err(Ended::Lost(lost, Some(Box::new(running))));
        }
        running.ended();
        Err(Ended::Lost(lost, None))
    }
}

/// The request that submits a plan under a name.
fn encoded(plan: Arc<dyn ExecutionPlan>, name: &str) -> Result<ExecuteQueryParams, SubmitError> {
    let failed = |source| ClusterError::Encode {
        name: name.to_owned(),
        source,
    };
    let message = PhysicalPlanNode::try_from_physical_plan(plan, &PlanCodec::default());
    let mut bytes = Vec::new();
    message
        .and_then(|message| message.try_encode(&mut bytes))
        .map_err(failed)?;
    if bytes.len() > PLAN_LIMIT {
        return Err(SubmitError::TooLarge {
            name: name.to_owned(),
            bytes: bytes.len(),
            limit: PLAN_LIMIT,
        });
    }
    let config = session_config().with_ballista_job_name(name);
    let settings = config.options().entries().into_iter();
    Ok(ExecuteQueryParams {
        query: Some(Query::PhysicalPlan(bytes)),
        settings: settings
            .map(|entry| KeyValuePair {
                key: entry.key,
                value: entry.value,
            })
            .collect(),
        session_id: uuid::Uuid::new_v4().to_string(),
        operation_id: uuid::Uuid::new_v4().to_string(),
    })
}
