//! A client of a scheduler that keeps its connections and knows its Ballista jobs.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use async_trait::async_trait;
use ballista_core::client::BallistaClient;
use ballista_core::error::BallistaError;
use ballista_core::extension::SessionConfigExt;
use ballista_core::serde::protobuf::execute_query_params::Query;
use ballista_core::serde::protobuf::job_status::Status as JobState;
use ballista_core::serde::protobuf::scheduler_grpc_client::SchedulerGrpcClient;
use ballista_core::serde::protobuf::{
    CancelJobParams, ExecuteQueryParams, KeyValuePair, PartitionLocation,
};
use ballista_core::version;
use datafusion::error::DataFusionError;
use datafusion::physical_plan::ExecutionPlan;
use datafusion_proto::physical_plan::AsExecutionPlan;
use datafusion_proto::protobuf::PhysicalPlanNode;
use futures::{StreamExt, TryStreamExt, stream};
use gugus_submit::{Submit, SubmitError};
use thiserror::Error;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;

use crate::access::{Access, AccessError, Authorized};
use crate::address::ClusterUrl;
use crate::codec::PlanCodec;
use crate::grpc::GrpcError;
use crate::session::{MESSAGE_LIMIT, session_config};

/// How long the scheduler may take to accept a job: it decodes the plan meanwhile.
const SUBMIT_WITHIN: Duration = Duration::from_secs(30);

/// How long a job that is to be cancelled is waited for.
const CANCEL_WITHIN: Duration = Duration::from_secs(5);

/// Result partitions fetched at the same time: enough to hide a round trip, few enough for one executor.
const FETCHES: usize = 4;

/// What a plan may take of [`MESSAGE_LIMIT`]: settings and framing travel beside it, and the task that carries a stage of
/// it wraps it once more.
const PLAN_LIMIT: usize = MESSAGE_LIMIT / 2;

/// What is wrong with a scheduler, or with the way to it and its executors.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ClusterError {
    /// Nobody answers at the address.
    #[error(
        "no scheduler answers at {url}; start one with `gugus scheduler`, or leave --scheduler out for an embedded cluster"
    )]
    Connect {
        /// The address.
        url: ClusterUrl,
        /// What the transport says.
        #[source]
        source: tonic::transport::Error,
    },
    /// The scheduler is another version, wants its token, or is none.
    #[error(transparent)]
    Access(AccessError),
    /// The scheduler refused the plan, as it does when the versions of the two sides differ.
    #[error("the scheduler at {url} refused the job: {status}")]
    Refused {
        /// The address.
        url: ClusterUrl,
        /// The refusal.
        #[source]
        status: GrpcError,
    },
    /// The connection to the scheduler broke while the job ran.
    #[error(
        "the connection to the scheduler at {url} broke while Ballista job {job} ran; what is written stays, run the same command again to go on"
    )]
    Lost {
        /// The address.
        url: ClusterUrl,
        /// The Ballista job's id, empty when it was not known yet.
        job: String,
        /// What the transport says, when it says anything.
        #[source]
        status: Option<GrpcError>,
    },
    /// The job was successful, but its result could not be fetched.
    #[error(
        "the result of Ballista job {job} could not be fetched from its executor at {executor}"
    )]
    Fetch {
        /// The Ballista job's id.
        job: String,
        /// Where the result lay.
        executor: String,
        /// What Ballista says.
        #[source]
        source: BallistaError,
    },
    /// A result arrived damaged.
    #[error("the result of Ballista job {job} could not be read")]
    Result {
        /// The Ballista job's id.
        job: String,
        /// What DataFusion says.
        #[source]
        source: DataFusionError,
    },
    /// The plan does not encode.
    #[error("the plan of \"{name}\" could not be encoded")]
    Encode {
        /// The job's name.
        name: String,
        /// What DataFusion says.
        #[source]
        source: DataFusionError,
    },
}

impl From<ClusterError> for SubmitError {
    fn from(error: ClusterError) -> Self {
        match error {
            ClusterError::Fetch { .. } | ClusterError::Result { .. } => {
                Self::ResultLost(error.into())
            }
            _ => Self::Cluster(error.into()),
        }
    }
}

/// A scheduler, connected.
#[derive(Debug, Clone)]
pub struct Cluster {
    access: Access,
    channel: Channel,
    scheduler: SchedulerGrpcClient<Authorized>,
    executors: Arc<Mutex<HashMap<(String, u16), Executor>>>,
    cancels: Cancels,
}

/// Cancellations under way: requests that were begun when a job was dropped.
type Cancels = Arc<std::sync::Mutex<Vec<JoinHandle<()>>>>;

/// [`BallistaClient`] has no `Debug`.
#[derive(Clone)]
struct Executor(BallistaClient);

impl std::fmt::Debug for Executor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Executor")
    }
}

impl Cluster {
    /// Connects to a scheduler, and sees that it is of the same version and takes the token.
    ///
    /// # Errors
    /// [`ClusterError::Connect`] when nobody answers within five seconds, [`ClusterError::Access`] when it is not one to
    /// work with.
    pub async fn connect(access: impl Into<Access>) -> Result<Self, ClusterError> {
        let access = access.into();
        let (channel, _) = access.connect().await.map_err(|error| match error {
            AccessError::Connect { url, source } => ClusterError::Connect { url, source },
            other => ClusterError::Access(other),
        })?;
        Ok(Self {
            scheduler: access.scheduler(&channel),
            access,
            channel,
            executors: Arc::default(),
            cancels: Cancels::default(),
        })
    }

    /// The ids of Ballista jobs of this name that have not ended.
    async fn running(&self, name: &str) -> Vec<String> {
        let jobs = self.ask("/api/jobs").await.unwrap_or_default();
        let jobs = jobs.as_array().map(Vec::as_slice).unwrap_or_default();
        let ours = jobs.iter().filter(|job| {
            job["job_name"] == name
                && matches!(job["job_status"].as_str(), Some("Queued" | "Running"))
        });
        ours.filter_map(|job| job["job_id"].as_str().map(str::to_owned))
            .collect()
    }

    /// What the scheduler's REST interface answers; `None` when it does not.
    async fn ask(&self, path: &str) -> Option<serde_json::Value> {
        let (status, body) = self.access.get(&self.channel, path).await.ok()?;
        status.is_success().then_some(())?;
        serde_json::from_slice(&body).ok()
    }

    fn query(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        name: &str,
    ) -> Result<ExecuteQueryParams, SubmitError> {
        let failed = |source| ClusterError::Encode {
            name: name.to_owned(),
            source,
        };
        let message = PhysicalPlanNode::try_from_physical_plan(plan, &PlanCodec::default())
            .map_err(failed)?;
        let mut bytes = Vec::new();
        message.try_encode(&mut bytes).map_err(failed)?;
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

    async fn fetch(
        &self,
        location: PartitionLocation,
        job: String,
    ) -> Result<Vec<RecordBatch>, ClusterError> {
        let layout = location.layout();
        let (Some(executor), Some(partition)) = (location.executor_meta, location.partition_id)
        else {
            let source =
                DataFusionError::Internal("a result partition without an executor".to_owned());
            return Err(ClusterError::Result { job, source });
        };
        let port = u16::try_from(executor.port).unwrap_or_default();
        let at = format!("{}:{port}", executor.host);
        let failed = |source| ClusterError::Fetch {
            job: job.clone(),
            executor: at.clone(),
            source,
        };
        let mut client = self.executor(&executor.host, port).await.map_err(failed)?;
        let rows = client
            .fetch_partition(
                &executor.id,
                &partition.into(),
                location.file_id,
                layout,
                true,
            )
            .await
            .map_err(failed)?;
        rows.try_collect()
            .await
            .map_err(|source| ClusterError::Result { job, source })
    }

    /// The kept connection to an executor. The lock is not held while connecting, so that one executor that does not
    /// answer delays nobody else; two tasks may then connect at the same time, and one connection is dropped.
    async fn executor(&self, host: &str, port: u16) -> Result<BallistaClient, BallistaError> {
        let key = (host.to_owned(), port);
        if let Some(executor) = self.executors.lock().await.get(&key) {
            return Ok(executor.0.clone());
        }
        let dialled = Some(self.access.security.dial_results());
        let client =
            BallistaClient::try_new(host, port, MESSAGE_LIMIT, false, dialled, 3, 200, 0, 0)
                .await?;
        self.executors
            .lock()
            .await
            .insert(key, Executor(client.clone()));
        Ok(client)
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
        let began = Instant::now();
        let query = self.query(plan, name)?;
        let mut scheduler = self.scheduler.clone();
        let mut request = tonic::Request::new(query);
        version::insert_version_header(request.metadata_mut());
        let refused = |status: tonic::Status| ClusterError::Refused {
            url: self.access.url.clone(),
            status: status.into(),
        };
        // Not cut short by `stop`: a job that was sent and not heard of could not be cancelled. The answer takes
        // milliseconds.
        let answer =
            tokio::time::timeout(SUBMIT_WITHIN, scheduler.execute_query_push(request)).await;
        let silent = |_| tonic::Status::deadline_exceeded("it did not answer in time");
        let answer = answer.map_err(silent).and_then(|answer| answer);
        let mut statuses = answer.map_err(refused)?.into_inner();

        let mut running = RunningJob {
            cluster: self.clone(),
            name: name.to_owned(),
            job: Job::Submitted,
        };
        let locations = loop {
            let status = tokio::select! {
                status = statuses.message() => status,
                () = stop.cancelled() => return Err(SubmitError::Cancelled),
            };
            let lost = |status| ClusterError::Lost {
                url: self.access.url.clone(),
                job: running.id(),
                status,
            };
            let status = status
                .map_err(|status| lost(Some(status.into())))?
                .ok_or_else(|| lost(None))?;
            let Some(status) = status.status else {
                continue;
            };
            if matches!(running.job, Job::Submitted) && !status.job_id.is_empty() {
                tracing::debug!(job = status.job_id, name, "Ballista job accepted");
                running.job = Job::Accepted(status.job_id);
            }
            match status.status {
                Some(JobState::Successful(done)) => break done.partition_location,
                Some(JobState::Failed(failed)) => {
                    return Err(SubmitError::failed(running.finished(), failed.error));
                }
                Some(JobState::Queued(_) | JobState::Running(_)) | None => {}
            }
        };
        let job = running.finished();
        let fetched = stream::iter(latest(locations))
            .map(|location| self.fetch(location, job.clone()))
            .buffer_unordered(FETCHES);
        let rows = tokio::select! {
            batches = fetched.try_concat() => batches.map_err(SubmitError::from),
            () = stop.cancelled() => Err(SubmitError::Cancelled),
        };
        let seconds = began.elapsed().as_secs_f64();
        tracing::debug!(%job, name, seconds, "Ballista job ended");
        rows
    }

    async fn task_slots(&self) -> Option<usize> {
        let executors = self.ask("/api/executors").await?;
        let slots = executors.as_array()?.iter().map(|executor| {
            let specification = &executor["specification"];
            specification["vcores"]
                .as_u64()
                .or_else(|| specification["task_slots"].as_u64())
                .unwrap_or(1)
        });
        let slots = slots.sum::<u64>();
        if slots == 0 {
            tracing::warn!(scheduler = %self.access.url, "no executor has registered with the scheduler yet; the run waits for one");
        }
        usize::try_from(slots).ok()
    }

    async fn settle(&self) {
        let begun =
            std::mem::take(&mut *self.cancels.lock().unwrap_or_else(PoisonError::into_inner));
        let all = futures::future::join_all(begun);
        if tokio::time::timeout(CANCEL_WITHIN, all).await.is_err() {
            tracing::warn!(scheduler = %self.access.url, "the scheduler did not confirm that Ballista jobs are cancelled");
        }
    }
}

/// One location a partition. When an executor is lost after it told of a task's end, Ballista runs the task again and keeps
/// the lost location in the list: fetching it would fail, or count the rows twice if the executor lives after all. What
/// was made last stands last.
fn latest(locations: Vec<PartitionLocation>) -> Vec<PartitionLocation> {
    let mut last = HashMap::new();
    for (place, location) in locations.iter().enumerate() {
        let partition = location.partition_id.as_ref();
        last.insert(partition.map(|id| (id.stage_id, id.partition_id)), place);
    }
    let mut place = 0..;
    let is_last = |location: &PartitionLocation| {
        let partition = location.partition_id.as_ref();
        last.get(&partition.map(|id| (id.stage_id, id.partition_id)))
            .copied()
            == place.next()
    };
    let mut kept = locations;
    kept.retain(is_last);
    kept
}

/// What is known of a Ballista job.
enum Job {
    /// The scheduler has it and has not told its id: that comes with the first status, which may be the last.
    Submitted,
    /// It has this id.
    Accepted(String),
    /// There is nothing to cancel any more.
    Finished,
}

/// Cancels the Ballista job when it is dropped before the job's end.
struct RunningJob {
    cluster: Cluster,
    name: String,
    job: Job,
}

impl RunningJob {
    fn id(&self) -> String {
        match &self.job {
            Job::Accepted(id) => id.clone(),
            Job::Submitted | Job::Finished => String::new(),
        }
    }

    /// The job has ended.
    fn finished(&mut self) -> String {
        let id = self.id();
        self.job = Job::Finished;
        id
    }
}

impl Drop for RunningJob {
    fn drop(&mut self) {
        let known = match std::mem::replace(&mut self.job, Job::Finished) {
            Job::Finished => return,
            Job::Accepted(id) => Some(id),
            Job::Submitted => None,
        };
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        let (cluster, name) = (self.cluster.clone(), std::mem::take(&mut self.name));
        let cancel = runtime.spawn(async move {
            let ids = match known {
                Some(id) => vec![id],
                None => cluster.running(&name).await,
            };
            for job_id in ids {
                let cancelled = cluster.scheduler.clone().cancel_job(CancelJobParams { job_id: job_id.clone() }).await;
                if let Err(status) = cancelled {
                    tracing::warn!(job = job_id, error = %status, "the Ballista job could not be cancelled");
                }
            }
        });
        self.cluster
            .cancels
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(cancel);
    }
}

#[cfg(test)]
mod tests {
    use ballista_core::serde::protobuf::PartitionId;

    use super::*;

    #[test]
    fn of_two_locations_of_a_partition_the_later_one_counts() {
        let location = |partition_id, file_id| PartitionLocation {
            partition_id: Some(PartitionId {
                job_id: "job".to_owned(),
                stage_id: 1,
                partition_id,
            }),
            file_id: Some(file_id),
            ..PartitionLocation::default()
        };
        let kept = latest(vec![
            location(0, 0),
            location(1, 1),
            location(2, 2),
            location(1, 3),
        ]);
        let files: Vec<Option<u64>> = kept.iter().map(|location| location.file_id).collect();
        assert_eq!(files, [Some(0), Some(2), Some(3)]);
    }
}
