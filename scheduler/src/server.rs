//! The scheduler's server.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use ballista_core::error::BallistaError;
use ballista_core::serde::{BallistaCodec, BallistaLogicalExtensionCodec};
use ballista_scheduler::cluster::BallistaCluster;
use ballista_scheduler::config::TaskDistributionPolicy;
use gugus_engine::{
    Access, ClusterUrl, MESSAGE_LIMIT, PlanCodec, Port, Security, environment, session_config,
    session_state,
};
use gugus_http::{Monitor, Readiness};
use thiserror::Error;
use tokio_util::sync::CancellationToken;

use crate::api::{self, Api};
use crate::ballista;
use crate::cluster::{ClusterView, Scheduler};
use crate::host::Hosts;
use crate::metrics::{Collector, SchedulerMetrics};
use crate::origin::Origin;
use crate::placement::Placement;
use crate::runs::{Runs, RunsConfig, StateError};

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
    /// Sites whose pages may read the answers.
    pub cors_allowed_origins: Vec<Origin>,
    /// How runs are kept and driven; none are taken when absent.
    pub runs: Option<RunsConfig>,
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
    /// Ballista did not start.
    #[error("Ballista's scheduler did not start")]
    Ballista(#[source] BallistaError),
    /// Runs cannot be kept.
    #[error(transparent)]
    State(#[from] StateError),
    /// Metrics of one name twice, which would be a fault of ours.
    #[error("the scheduler's metrics could not be made")]
    Metrics(#[from] prometheus::Error),
}

/// Serves gRPC, REST and the page on `listener` until `shutdown`. Runs are broken off then and marked so; Ballista jobs of
/// other clients end with the scheduler.
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

    let monitor = Monitor::new()?;
    let metrics = SchedulerMetrics::registered(monitor.registry())?;
    let scheduler = Arc::new(start_ballista(address, &config, &metrics).await?);
    let cluster = ClusterView::new(Arc::clone(&scheduler));
    let access = own_access(address, config.external_host.as_deref(), &security);
    let hosts = Hosts::of(
        address.ip(),
        config.external_host.as_deref(),
        &config.cors_allowed_origins,
        &security,
    );
    let runs = match config.runs {
        Some(runs) => Some(Runs::open(runs, access, cluster.clone())?),
        None => None,
    };
    let api = Api {
        scheduler,
        cluster,
        metrics,
        monitor: monitor.clone(),
        runs: runs.clone(),
        hosts,
        origins: config.cors_allowed_origins.into(),
    };
    let routes = api::routes(api, &security);

    let closed = CancellationToken::new();
    let _closes = closed.clone().drop_guard();
    let told = monitor.clone();
    let tell = move |address| {
        told.set(Readiness::Ready);
        ready(address);
    };
    let served = gugus_http::serve_service(listener, door, routes, GRACE, tell, closed.clone());
    let ending = async {
        shutdown.cancelled().await;
        monitor.set(Readiness::NotReady);
        // Runs cancel their Ballista jobs through the port, so it is closed after them.
        if let Some(runs) = &runs {
            runs.stop().await;
        }
        closed.cancel();
    };
    let (served, ()) = tokio::join!(served, async {
        tokio::select! {
            () = ending => {}
            () = closed.cancelled() => {}
        }
    });
    served.map_err(SchedulerError::Socket)
}

async fn start_ballista(
    address: SocketAddr,
    config: &SchedulerConfig,
    metrics: &Arc<SchedulerMetrics>,
) -> Result<Scheduler, SchedulerError> {
    let placement = Arc::new(Placement::default());
    let config = Arc::new(ballista_config(address, config, Arc::clone(&placement)));
    let cluster = BallistaCluster::new_from_config(&config)
        .await
        .map_err(SchedulerError::Ballista)?;
    placement.watch(cluster.cluster_state());
    let codec = BallistaCodec::new(
        Arc::new(BallistaLogicalExtensionCodec::default()),
        Arc::new(PlanCodec::default()),
    );
    // As Ballista's `create_scheduler` does it, which would choose the collector of metrics itself.
    let mut scheduler = Scheduler::new(
        config.scheduler_endpoint(),
        cluster,
        codec,
        config,
        Arc::new(Collector(Arc::clone(metrics))),
    );
    scheduler.init().await.map_err(SchedulerError::Ballista)?;
    Ok(scheduler)
}

/// How this process reaches itself. With TLS the name must be one that the certificate is for.
fn own_access(address: SocketAddr, external_host: Option<&str>, security: &Security) -> Access {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    let host = match external_host {
        Some(host) if security.tls.is_some() => host.to_owned(),
        _ => ip.to_string(),
    };
    Access {
        url: ClusterUrl::new(host, address.port()),
        security: security.clone(),
    }
}

fn ballista_config(
    address: SocketAddr,
    config: &SchedulerConfig,
    placement: Arc<Placement>,
) -> ballista_scheduler::config::SchedulerConfig {
    let limit = u32::try_from(MESSAGE_LIMIT).unwrap_or(u32::MAX);
    let environment = environment(None);
    ballista_scheduler::config::SchedulerConfig {
        bind_host: address.ip().to_string(),
        // Executors call back to this name and to `bind_port`, whatever the socket is.
        external_host: config
            .external_host
            .clone()
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
        override_session_builder: Some(Arc::new(move |config| {
            Ok(session_state(config, Arc::clone(&environment)))
        })),
        override_physical_codec: Some(Arc::new(PlanCodec::default())),
        cors_allowed_origins: ballista::NO_ORIGIN.to_owned(),
        web_tui_route: ballista::INTERNET.to_owned(),
        ..Default::default()
    }
}
