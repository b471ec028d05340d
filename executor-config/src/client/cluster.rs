//! A connected scheduler: its REST interface, its Ballista jobs, and the connections that are kept.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ballista_core::serde::protobuf::scheduler_grpc_client::SchedulerGrpcClient;
use serde_json::Value;
use tokio::task::JoinHandle;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;

use super::error::ClusterError;
use super::presence::Presence;
use super::results::Results;
use crate::connection::access::{Access, AccessError, Authorized};

/// Even a busy scheduler notices within this time that an executor is gone.
const NOTICED_WITHIN: Duration = Duration::from_secs(30);

/// An executor lives if its newest heartbeat is so many milliseconds newer than the heartbeat of the first look. An executor
/// sends one every second.
const BEATS: u64 = 2_000;

/// How often the scheduler is asked whether it hears an executor.
const LOOK: Duration = Duration::from_millis(500);

/// The longest pause between two tries to reach a scheduler that does not answer.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// A connection to a scheduler.
#[derive(Debug, Clone)]
pub struct Cluster {
    pub(super) access: Access,
    pub(super) channel: Channel,
    pub(super) presence: Presence,
    pub(super) scheduler: SchedulerGrpcClient<Authorized>,
    pub(super) results: Results,
    pub(super) cancels: Cancels,
}

/// Cancellations that are under way. Each began when a job was dropped.
pub(super) type Cancels = Arc<Mutex<Vec<JoinHandle<()>>>>;

impl Cluster {
    /// Connects to a scheduler, and checks that the scheduler has the same version and accepts the token.
    ///
    /// # Errors
    /// [`ClusterError::Connect`] when nobody answers within five seconds. [`ClusterError::Access`] when the scheduler
    /// has another version, refuses the token, or is no scheduler.
    pub async fn connect(access: impl Into<Access>) -> Result<Self, ClusterError> {
        let access = access.into();
        let (channel, about) = access.connect().await.map_err(|error| match error {
            AccessError::Connect { url, source } => ClusterError::Connect { url, source },
            other => ClusterError::Access(other),
        })?;
        Ok(Self {
            scheduler: access.scheduler(&channel),
            results: Results::new(&access.security),
            presence: Presence::new(about.scheduler_id),
            access,
            channel,
            cancels: Cancels::default(),
        })
    }

    /// Connects as [`Self::connect`] does, and waits while nobody answers. The log says so once. `pause` is the first of the
    /// growing pauses between two tries. `None` after `stop`.
    ///
    /// # Errors
    /// [`ClusterError`] of a scheduler that answers.
    pub async fn connect_or_wait(
        access: impl Into<Access>,
        mut pause: Duration,
        stop: &CancellationToken,
    ) -> Result<Option<Self>, ClusterError> {
        let access = access.into();
        let scheduler = &access.url;
        let mut waits = false;
        loop {
            let connecting = Self::connect(access.clone());
            match stop.run_until_cancelled(connecting).await {
                None => return Ok(None),
                Some(Err(ClusterError::Connect { source, .. })) if waits => {
                    tracing::debug!(%scheduler, %source, "the scheduler still does not answer");
                }
                Some(Err(ClusterError::Connect { source, .. })) => {
                    let reason = gugus_error::chain(&source);
                    tracing::warn!(%scheduler, reason, "the scheduler does not answer; training waits for it and goes on by itself");
                    waits = true;
                }
                Some(connected) => {
                    if waits && connected.is_ok() {
                        tracing::info!(%scheduler, "the scheduler answers; training goes on");
                    }
                    return connected.map(Some);
                }
            }
            stop.run_until_cancelled(sleep(pause)).await;
            pause = (2 * pause).min(LONGEST_PAUSE);
        }
    }

    /// How many tasks the cluster runs at the same time, as the scheduler's REST interface says. 0 until an executor
    /// has registered; `None` if the scheduler does not say.
    pub(super) async fn slots(&self) -> Option<usize> {
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

    /// Whether heartbeats of an executor still reach the scheduler. The scheduler gives up an executor without heartbeats within
    /// seconds.
    pub(super) async fn hears(&self, executor: &str) -> bool {
        let began = Instant::now();
        let mut first = None;
        while began.elapsed() < NOTICED_WITHIN {
            let executors = self.ask("/api/executors").await;
            let listed = executors.as_ref().and_then(Value::as_array);
            let found = listed.and_then(|all| all.iter().find(|one| one["id"] == executor));
            let Some(heard) = found.and_then(|one| one["last_seen"].as_u64()) else {
                return false;
            };
            if heard >= *first.get_or_insert(heard) + BEATS {
                return true;
            }
            sleep(LOOK).await;
        }
        false
    }

    /// The ids of Ballista jobs of this name that have not ended.
    pub(super) async fn running(&self, name: &str) -> Vec<String> {
        let jobs = self.ask("/api/jobs").await.unwrap_or_default();
        let jobs = jobs.as_array().map(Vec::as_slice).unwrap_or_default();
        let ours = jobs.iter().filter(|job| {
            job["job_name"] == name
                && matches!(job["job_status"].as_str(), Some("Queued" | "Running"))
        });
        ours.filter_map(|job| job["job_id"].as_str().map(str::to_owned))
            .collect()
    }

    /// An answer of the scheduler's REST interface; `None` if there is none.
    async fn ask(&self, path: &str) -> Option<Value> {
        let (status, body) = self.access.get(&self.channel, path).await.ok()?;
        status.is_success().then_some(())?;
        serde_json::from_slice(&body).ok()
    }
}
