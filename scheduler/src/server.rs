//! The scheduler's server.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use ballista_core::error::BallistaError;
use ballista_core::serde::protobuf::scheduler_grpc_server::SchedulerGrpcServer;
use ballista_scheduler::api;
use ballista_scheduler::cluster::BallistaCluster;
use ballista_scheduler::config::TaskDistributionPolicy;
use ballista_scheduler::scheduler_process::create_scheduler;
use ballista_scheduler::scheduler_server::SchedulerServer;
use datafusion_proto::protobuf::{LogicalPlanNode, PhysicalPlanNode};
use gugus_engine::{
    ABOUT_PATH, About, Guard, MESSAGE_LIMIT, PlanCodec, Port, SchedulerAbout, Security,
    session_config, session_state,
};
use thiserror::Error;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;

use crate::placement::Placement;

/// Seconds without a heartbeat after which an executor counts as lost: five beats of a second.
const EXECUTOR_TIMEOUT_SECONDS: u64 = 5;

/// How often lost executors are looked for, in seconds.
const EXPIRY_CHECK_SECONDS: u64 = 1;

/// Seconds without a heartbeat after which an executor that said it would leave counts as gone. As long after its last word,
/// too, its tasks are run again elsewhere: until then results that it sent with its last breath are fetched.
const LEAVING_TIMEOUT_SECONDS: u64 = 3;

/// How long running jobs wait for a first or another executor, in seconds. Ballista wants at least one heartbeat.
const NO_EXECUTORS_GRACE_SECONDS: u64 = 30;

/// How long a finished job's state is kept, in seconds.
const JOB_STATE_SECONDS: u64 = 300;

/// How long a finished job's results are kept, in seconds: they are fetched at once.
const JOB_DATA_SECONDS: u64 = 60;

/// How long requests in flight may take at the end. Streams of statuses last as long as their Ballista jobs, which end
/// with the scheduler anyway.
const GRACE: Duration = Duration::from_secs(1);

/// What a scheduler is started with, beside its listener.
#[derive(Clone, Debug, Default)]
pub struct SchedulerConfig {
    /// The host name by which executors and clients reach this scheduler, when it is not the address it listens on.
    pub external_host: Option<String>,
    /// The TLS and token of the cluster.
    pub security: Security,
}

/// Why a scheduler ended, or did not begin.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SchedulerError {
    /// The socket cannot be served.
    #[error("the scheduler cannot serve its socket")]
    Socket(#[source] gugus_http::Error),
    /// The certificates cannot be served.
    #[error("the scheduler's port cannot be opened with TLS")]
    Tls(#[source] rustls::Error),
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
    ready: impl FnOnce(SocketAddr) + Send,
    shutdown: CancellationToken,
) -> Result<(), SchedulerError> {
    let address = listener
        .local_addr()
        .map_err(|source| SchedulerError::Socket(gugus_http::Error::Listen(source)))?;
    let security = config.security.clone();
    let door = security
        .door(Port::Scheduler)
        .map_err(SchedulerError::Tls)?;
    security.warn_when_open("scheduler", address.ip());
    let placement = Arc::new(Placement::default());
    let config = Arc::new(ballista_config(address, config, Arc::clone(&placement)));
    let cluster = BallistaCluster::new_from_config(&config)
        .await
        .map_err(SchedulerError::Ballista)?;
    placement.watch(cluster.cluster_state());
    let scheduler = create_scheduler::<LogicalPlanNode, PhysicalPlanNode>(cluster, config)
        .await
        .map_err(SchedulerError::Ballista)?;
    let routes = routes(scheduler, &security);
    gugus_http::serve_service(listener, door, routes, GRACE, ready, shutdown)
        .await
        .map_err(SchedulerError::Socket)
}

fn routes(
    scheduler: SchedulerServer<LogicalPlanNode, PhysicalPlanNode>,
    security: &Security,
) -> axum::Router {
    let grpc = SchedulerGrpcServer::new(scheduler.clone())
        .max_decoding_message_size(MESSAGE_LIMIT)
        .max_encoding_message_size(MESSAGE_LIMIT);
    let about = SchedulerAbout {
        about: About::ours().clone(),
        scheduler_id: uuid::Uuid::new_v4().simple().to_string(),
    };
    let ours = axum::Router::new()
        .route(ABOUT_PATH, get(move || async move { Json(about) }))
        .route("/healthz", get(|| async { "ok\n" }));
    api::get_routes(Arc::new(scheduler))
        .merge(Routes::new(grpc).into_axum_router())
        .merge(ours)
        .layer(from_fn_with_state(
            Guard::new(Port::Scheduler, security),
            Guard::check,
        ))
}

fn ballista_config(
    address: SocketAddr,
    config: SchedulerConfig,
    placement: Arc<Placement>,
) -> ballista_scheduler::config::SchedulerConfig {
    let limit = u32::try_from(MESSAGE_LIMIT).unwrap_or(u32::MAX);
    let origin = format!("{}://{address}", config.security.scheme());
    ballista_scheduler::config::SchedulerConfig {
        bind_host: address.ip().to_string(),
        // Executors call back to this name and to `bind_port`, whatever the socket is.
        external_host: config
            .external_host
            .unwrap_or_else(|| address.ip().to_string()),
        bind_port: address.port(),
        executor_timeout_seconds: EXECUTOR_TIMEOUT_SECONDS,
        expire_dead_executor_interval_seconds: EXPIRY_CHECK_SECONDS,
        executor_termination_grace_period: LEAVING_TIMEOUT_SECONDS,
        task_distribution: TaskDistributionPolicy::Custom(placement),
        override_create_grpc_client_endpoint: Some(config.security.dial()),
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
        cors_allowed_origins: origin,
        // Ballista sends `/` to a page on the internet; a cluster may have no way there.
        web_tui_route: "/ballista-tui".to_owned(),
        ..Default::default()
    }
}
