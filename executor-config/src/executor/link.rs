//! An executor's side of the conversation with its scheduler: joining, heartbeats, leaving.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ballista_core::serde::protobuf::scheduler_grpc_client::SchedulerGrpcClient;
use ballista_core::serde::protobuf::{
    ExecutorStatus, ExecutorStoppedParams, HeartBeatParams, RegisterExecutorParams, executor_status,
};
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tonic::transport::Channel;
use tonic::{Code, Status};

use super::config::ExecutorState;
use super::error::{ExecutorError, OPEN_THE_PORT};
use super::node::Node;
use crate::agreement::about::SchedulerAbout;
use crate::connection::access::{Access, AccessError, Authorized};

/// The time between two heartbeats. With Ballista's minute, a dead executor would be trusted for minutes.
const BEAT: Duration = Duration::from_secs(1);

/// How long the answer to a heartbeat may take. A frozen scheduler keeps the connection and does not answer.
const BEAT_WITHIN: Duration = Duration::from_secs(3);

/// After so long without an answered heartbeat, this executor assumes that the scheduler has given it up or will do so
/// soon. The scheduler does so after five seconds, counted in whole seconds.
const GIVEN_UP_AFTER: Duration = Duration::from_secs(4);

/// How long an address may take connections and give no answer. A scheduler that just starts answers sooner. After this time
/// the user should learn that only one of the two sides has TLS.
const JOIN_WITHIN: Duration = Duration::from_secs(10);

/// How often an executor that waits for its first scheduler says so. A wrong address should show.
const SAY_EVERY: Duration = Duration::from_secs(60);

/// The time between two tries to reach a scheduler that does not answer.
pub(super) const RETRY: Duration = Duration::from_millis(200);

/// The longest time between two registrations at a scheduler that answers and is not available.
const LONGEST_RETRY: Duration = Duration::from_secs(5);

/// The connection to the scheduler.
#[derive(Clone)]
pub(super) struct Link {
    access: Access,
    channel: Channel,
    pub(super) scheduler: SchedulerGrpcClient<Authorized>,
    scheduler_id: String,
    pub(super) node: Arc<Node>,
    state: watch::Sender<ExecutorState>,
}

impl Link {
    /// Reaches the scheduler, checks that this executor can work with it, and registers. The executor's port must
    /// listen already, because the scheduler tests it.
    pub(super) async fn join(
        access: Access,
        node: Arc<Node>,
        state: watch::Sender<ExecutorState>,
    ) -> Result<Self, ExecutorError> {
        let mut wait = RETRY;
        let link = loop {
            let (channel, about) = reach(&access).await?;
            let mut link = Self {
                scheduler: access.scheduler(&channel),
                access: access.clone(),
                channel,
                scheduler_id: about.scheduler_id,
                node: Arc::clone(&node),
                state: state.clone(),
            };
            let request = RegisterExecutorParams {
                metadata: Some(link.node.registration()),
            };
            match link.scheduler.register_executor(request).await {
                Ok(_) => break link,
                // The scheduler went away again.
                Err(status) if status.code() == Code::Unavailable => {
                    if wait == RETRY {
                        let reason = status.message();
                        tracing::info!(scheduler = %access.url, reason, "the scheduler is not available for a registration; trying again");
                    }
                    sleep(wait).await;
                    wait = (2 * wait).min(LONGEST_RETRY);
                }
                Err(status) => return Err(link.not_taken(status)),
            }
        };
        link.set(ExecutorState::Ready);
        Ok(link)
    }

    /// Sends heartbeats until the scheduler says that it cannot work with this executor. If the scheduler does not
    /// answer, waits as long as it takes. When the scheduler is back, the next heartbeat registers this executor.
    pub(super) async fn beat(mut self) -> ExecutorError {
        let mut ticks = interval(BEAT);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut answered = Instant::now();
        let mut away = false;
        loop {
            ticks.tick().await;
            self.node.show_memory();
            if away || answered.elapsed() >= GIVEN_UP_AFTER {
                match self.meet_again(answered.elapsed(), away).await {
                    Ok(()) => {}
                    Err(Met::Nobody) => continue,
                    Err(Met::Other(error)) => return error,
                }
            }
            match self.send_beat().await {
                Ok(()) => {
                    if away {
                        tracing::info!(
                            scheduler = %self.access.url,
                            after = ?Duration::from_secs(answered.elapsed().as_secs()),
                            "the scheduler is back; this executor is registered again"
                        );
                        self.set(ExecutorState::Ready);
                    }
                    (away, answered) = (false, Instant::now());
                }
                Err(status) if is_final(&status) => return self.refused(status),
                Err(status) => {
                    if !away {
                        self.set(ExecutorState::Away);
                        self.say_away(&status).await;
                    }
                    away = true;
                }
            }
        }
    }

    /// Says why a heartbeat failed. The scheduler calls an executor that it does not know, or has given up, before it answers the
    /// heartbeat. So a scheduler that answers everything else cannot call this executor.
    async fn say_away(&self, status: &Status) {
        let reason = status.message();
        let scheduler = &self.access.url;
        let asked = timeout(BEAT_WITHIN, self.access.about(&self.channel)).await;
        let answers = matches!(asked, Ok(Ok(about)) if about.scheduler_id == self.scheduler_id);
        if answers && is_about_the_call_back(status) {
            let address = self.node.address();
            tracing::warn!(%scheduler, reason, "the scheduler cannot call {address}, this executor; {OPEN_THE_PORT}; waiting until it can");
        } else {
            tracing::warn!(%scheduler, reason, "the scheduler does not answer; waiting until it does");
        }
    }

    /// Asks after a silence: is it the same scheduler, and does it still know this executor?
    /// `told` says whether the log has a line about the silence.
    async fn meet_again(&mut self, silence: Duration, told: bool) -> Result<(), Met> {
        let about = match self.access.about(&self.channel).await {
            Ok(about) => about,
            Err(
                source @ (AccessError::Token { .. }
                | AccessError::Mismatch { .. }
                | AccessError::Certificates { .. }),
            ) => {
                return Err(Met::Other(ExecutorError::Access(source)));
            }
            Err(_) => return Err(Met::Nobody),
        };
        let restarted = about.scheduler_id != self.scheduler_id;
        if (restarted || silence >= GIVEN_UP_AFTER) && !self.node.leaves() {
            if !restarted && !told {
                tracing::warn!(
                    ?silence,
                    "the scheduler has not heard this executor for too long; it comes back under another id"
                );
            }
            self.node.renew().await;
        }
        if restarted {
            self.scheduler_id = about.scheduler_id;
            // The scheduler knows of no job, so nobody will ask for results.
            let node = Arc::clone(&self.node);
            let _ = tokio::task::spawn_blocking(move || node.parts.folder.clear()).await;
        }
        Ok(())
    }

    async fn send_beat(&mut self) -> Result<(), Status> {
        let registration = self.node.registration();
        // Ballista's status has room for a text, and its own figures have none for ours.
        let load = serde_json::to_string(&self.node.metrics.load()).unwrap_or_default();
        let status = if self.node.leaves() {
            executor_status::Status::Terminating(load)
        } else {
            executor_status::Status::Active(load)
        };
        let beat = HeartBeatParams {
            executor_id: registration.id.clone(),
            metrics: Vec::new(),
            status: Some(ExecutorStatus {
                status: Some(status),
            }),
            metadata: Some(registration),
        };
        within(BEAT_WITHIN, self.scheduler.heart_beat_from_executor(beat)).await
    }

    /// Tells the scheduler that this executor takes no more tasks.
    pub(super) async fn begin_to_leave(&mut self) {
        self.node.leave();
        self.set(ExecutorState::Leaving);
        if let Err(status) = self.send_beat().await {
            tracing::debug!(
                reason = status.message(),
                "the scheduler was not told of the end"
            );
        }
    }

    /// Tells the scheduler that this executor is gone. From now on its results are lost.
    pub(super) async fn gone(&mut self) {
        let gone = ExecutorStoppedParams {
            executor_id: self.node.id(),
            reason: "it was told to stop".to_owned(),
        };
        if let Err(status) = within(BEAT_WITHIN, self.scheduler.executor_stopped(gone)).await {
            tracing::debug!(
                reason = status.message(),
                "the scheduler was not told of the end"
            );
        }
    }

    fn set(&self, state: ExecutorState) {
        let connected = matches!(state, ExecutorState::Ready | ExecutorState::Leaving);
        self.node.metrics.connected.set(connected.into());
        self.state.send_if_modified(|now| {
            let before = std::mem::replace(now, state);
            before != state
        });
    }

    /// Why the scheduler did not register this executor. It answered a moment ago, so the call back is what failed, unless it
    /// says otherwise.
    fn not_taken(&self, status: Status) -> ExecutorError {
        if !is_about_the_call_back(&status) {
            return self.refused(status);
        }
        ExecutorError::Unreachable {
            scheduler: self.access.url.clone(),
            address: self.node.address(),
            status: status.into(),
        }
    }

    fn refused(&self, status: Status) -> ExecutorError {
        ExecutorError::Refused {
            scheduler: self.access.url.clone(),
            status: status.into(),
        }
    }
}

/// What an executor finds after a silence.
enum Met {
    /// Still no answer.
    Nobody,
    /// A scheduler that it cannot work with.
    Other(ExecutorError),
}

/// Waits for the first scheduler as long as it takes: machines start in any order.
async fn reach(access: &Access) -> Result<(Channel, SchedulerAbout), ExecutorError> {
    let began = Instant::now();
    let (mut said, mut silent): (Option<Instant>, Option<Instant>) = (None, None);
    loop {
        let error = match access.connect().await {
            Ok(reached) => return Ok(reached),
            Err(error) => error,
        };
        match &error {
            AccessError::Connect { .. } => silent = None,
            AccessError::Silent { .. }
                if silent.get_or_insert_with(Instant::now).elapsed() + RETRY < JOIN_WITHIN => {}
            _ => return Err(ExecutorError::Access(error)),
        }
        if said.is_none_or(|said| said.elapsed() >= SAY_EVERY) {
            said = Some(Instant::now());
            let (seconds, reason) = (began.elapsed().as_secs(), gugus_error::chain(&error));
            tracing::info!(scheduler = %access.url, seconds, reason, "no scheduler answers yet; waiting for it");
        }
        sleep(RETRY).await;
    }
}

pub(super) async fn within<T>(
    limit: Duration,
    call: impl Future<Output = Result<T, Status>>,
) -> Result<(), Status> {
    match timeout(limit, call).await {
        Ok(answer) => answer.map(drop),
        Err(_) => Err(Status::deadline_exceeded(format!(
            "no answer within {} s",
            limit.as_secs()
        ))),
    }
}

/// Whether a registration may have failed because the scheduler cannot call this executor: it says so, or takes so long that this
/// side has given up.
fn is_about_the_call_back(status: &Status) -> bool {
    matches!(
        status.code(),
        Code::Internal | Code::Cancelled | Code::DeadlineExceeded
    )
}

/// Whether a second try would get the same answer.
fn is_final(status: &Status) -> bool {
    matches!(
        status.code(),
        Code::FailedPrecondition | Code::Unauthenticated | Code::PermissionDenied
    )
}
