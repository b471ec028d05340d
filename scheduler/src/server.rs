//! The scheduler's server.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use ballista_core::error::BallistaError;
use ballista_scheduler::cluster::BallistaCluster;
use ballista_scheduler::scheduler_process::{create_scheduler, start_grpc_service_with_listener};
use datafusion_proto::protobuf::{LogicalPlanNode, PhysicalPlanNode};
use gugus_engine::{MESSAGE_LIMIT, PlanCodec, session_config, session_state};
use thiserror::Error;
use tokio_util::sync::CancellationToken;

/// Seconds without a heartbeat after which an executor counts as lost: three beats of five seconds.
const EXECUTOR_TIMEOUT_SECONDS: u64 = 15;

/// How often lost executors are looked for, in seconds.
const EXPIRY_CHECK_SECONDS: u64 = 2;

/// How long running jobs wait for a first or another executor, in seconds. Ballista wants at least one heartbeat.
const NO_EXECUTORS_GRACE_SECONDS: u64 = 30;

/// How long a finished job's state is kept, in seconds. It holds every metric of every file, about 12 kB a batch.
const JOB_STATE_SECONDS: u64 = 300;

/// How long a finished job's results are kept, in seconds: they are fetched at once.
const JOB_DATA_SECONDS: u64 = 60;

/// What a scheduler is started with, beside its listener.
#[derive(Clone, Debug, Default)]
pub struct SchedulerConfig {
    /// The host name by which executors and clients reach this scheduler, when it is not the address it listens on.
    pub external_host: Option<String>,
}

/// Why a scheduler ended, or did not begin.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SchedulerError {
    /// The socket cannot be served.
    #[error("the scheduler cannot serve its socket")]
    Socket(#[source] io::Error),
    /// Ballista did not start or stopped.
    #[error("the scheduler stopped")]
    Ballista(#[source] BallistaError),
}

/// Serves gRPC and REST on `listener` until `shutdown`. Running Ballista jobs end with it.
///
/// # Errors
/// [`SchedulerError`].
pub async fn run(
    listener: TcpListener,
    config: SchedulerConfig,
    ready: impl FnOnce(SocketAddr),
    shutdown: CancellationToken,
) -> Result<(), SchedulerError> {
    let address = listener.local_addr().map_err(SchedulerError::Socket)?;
    let listener = nodelay(listener).map_err(SchedulerError::Socket)?;
    let config = Arc::new(ballista_config(address, config));
    let cluster = BallistaCluster::new_from_config(&config)
        .await
        .map_err(SchedulerError::Ballista)?;
    let scheduler = create_scheduler::<LogicalPlanNode, PhysicalPlanNode>(cluster, config)
        .await
        .map_err(SchedulerError::Ballista)?;
    ready(address);
    tokio::select! {
        ended = start_grpc_service_with_listener(listener, scheduler) => ended.map_err(SchedulerError::Ballista),
        () = shutdown.cancelled() => Ok(()),
    }
}

/// Accepted connections take the option from the listener. Without it every job waits 40 ms, Nagle's algorithm against
/// delayed acknowledgements on the stream of statuses.
fn nodelay(listener: TcpListener) -> io::Result<tokio::net::TcpListener> {
    listener.set_nonblocking(true)?;
    socket2::SockRef::from(&listener).set_tcp_nodelay(true)?;
    tokio::net::TcpListener::from_std(listener)
}

fn ballista_config(
    address: SocketAddr,
    config: SchedulerConfig,
) -> ballista_scheduler::config::SchedulerConfig {
    let limit = u32::try_from(MESSAGE_LIMIT).unwrap_or(u32::MAX);
    ballista_scheduler::config::SchedulerConfig {
        bind_host: address.ip().to_string(),
        // Executors call back to this name and to `bind_port`, whatever the socket is.
        external_host: config
            .external_host
            .unwrap_or_else(|| address.ip().to_string()),
        bind_port: address.port(),
        executor_timeout_seconds: EXECUTOR_TIMEOUT_SECONDS,
        expire_dead_executor_interval_seconds: EXPIRY_CHECK_SECONDS,
        no_executors_grace_period_seconds: NO_EXECUTORS_GRACE_SECONDS,
        finished_job_data_clean_up_interval_seconds: JOB_DATA_SECONDS,
        finished_job_state_clean_up_interval_seconds: JOB_STATE_SECONDS,
        grpc_server_max_decoding_message_size: limit,
        grpc_server_max_encoding_message_size: limit,
        grpc_client_max_message_size: limit,
        override_config_producer: Some(Arc::new(session_config)),
        override_session_builder: Some(Arc::new(|config| Ok(session_state(config)))),
        override_physical_codec: Some(Arc::new(PlanCodec::default())),
        // Ballista's default lets a page on the internet read the answers.
        cors_allowed_origins: format!("http://{address}"),
        // Ballista sends `/` to a page on the internet; a cluster may have no way there.
        web_tui_route: "/ballista-tui".to_owned(),
        ..Default::default()
    }
}
