//! The scheduler's server.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use ballista_core::error::BallistaError;
use gugus_engine::{Port, Security};
use gugus_files::Stores;
use gugus_http::{Monitor, Origin, Readiness};
use gugus_pages::configuration::Configuration;
use thiserror::Error;
use tokio_util::sync::CancellationToken;

use crate::ballista;
use crate::ballista::log_events::LogEvents;
use crate::ballista::records::Records;
use crate::ballista::view::ClusterView;
use crate::ballista::watch::watch;
use crate::endpoint::Endpoint;
use crate::history::{History, KeepJobs};
use crate::pages::Live;
use crate::port::hosts;
use crate::port::metrics::{Collector, SchedulerMetrics};
use crate::port::routes::{self, Api};
use crate::runs::{Runs, RunsConfig, StateError};
use crate::stores::Shelf;

/// How long requests in flight may take at the end. Streams of statuses last as long as their Ballista jobs, which end
/// with the scheduler anyway.
const GRACE: Duration = Duration::from_secs(1);

/// The folder of records, below that of runs.
const HISTORY: &str = "history";

/// The settings of a scheduler, apart from its listener.
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
    /// Opens the buckets that plans and runs name.
    pub stores: Stores,
    /// How many records of Ballista jobs are kept.
    pub keep_jobs: KeepJobs,
    /// The settings as the page of the configuration shows them.
    pub configuration: Configuration,
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

/// Serves gRPC, REST and the pages on `listener` until `shutdown`. Runs are broken off then and marked so; Ballista jobs of
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
    let ready = |address, _: Option<Runs>| ready(address);
    let (port, log) = (Port::Scheduler, LogEvents::All);
    serve(listener, config, port, log, ready, shutdown).await
}

/// As [`run`]; `ready` gets the runs, too.
pub(crate) async fn serve(
    listener: TcpListener,
    config: SchedulerConfig,
    port: Port,
    log: LogEvents,
    ready: impl FnOnce(SocketAddr, Option<Runs>) + Send,
    shutdown: CancellationToken,
) -> Result<(), SchedulerError> {
    let address = listener
        .local_addr()
        .map_err(|source| SchedulerError::Socket(gugus_http::Error::Listen(source)))?;
    let endpoint = Endpoint {
        address,
        external_host: config.external_host,
        security: config.security,
    };
    let door = endpoint.security.door(port).map_err(SchedulerError::Tls)?;
    endpoint.security.warn_when_open("scheduler", address.ip());

    let monitor = Monitor::new()?;
    let metrics = SchedulerMetrics::registered(monitor.registry())?;
    let counted = Arc::new(Collector(Arc::clone(&metrics)));
    let records = Arc::new(Records::new(History::new(config.keep_jobs), log));
    let (scheduler, placement, recorder) = ballista::start::start(
        &endpoint,
        config.stores.clone(),
        counted,
        Arc::clone(&records),
    )
    .await
    .map_err(SchedulerError::Ballista)?;
    let scheduler = Arc::new(scheduler);
    let watching = watch(Arc::clone(&scheduler), placement);
    let cluster = ClusterView::new(Arc::clone(&scheduler), Arc::clone(&records));
    let state = config.runs.as_ref().map(|runs| runs.state.clone());
    let runs = match config.runs {
        Some(runs) => Some(Runs::open(
            runs,
            endpoint.own_access(),
            cluster.clone(),
            config.stores,
        )?),
        None => None,
    };
    // After runs, which see to it that no other scheduler has the folder.
    if let Some(state) = &state {
        let path = state.join(HISTORY);
        match records.history.open(&path) {
            Ok(earlier) => records.roster.remember(earlier),
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "records of Ballista jobs cannot be kept in this folder; their pages will be gone when this process ends");
            }
        }
    }
    let api = Api {
        hosts: hosts::of(&endpoint, port, &config.cors_allowed_origins),
        port,
        scheduler: Arc::clone(&scheduler),
        cluster,
        metrics,
        monitor: monitor.clone(),
        shelf: runs
            .clone()
            .zip(state)
            .map(|(runs, state)| Shelf::new(runs, endpoint.own_access(), &state)),
        address: endpoint.own_access().url.to_string(),
        runs: runs.clone(),
        origins: config.cors_allowed_origins.into(),
        security: endpoint.security,
        configuration: config.configuration,
        live: Live::new(shutdown.clone()),
    };
    let routes = routes::all(api);

    let closed = CancellationToken::new();
    let _closes = closed.clone().drop_guard();
    tokio::spawn(closed.clone().run_until_cancelled_owned(watching));
    let recording = tokio::spawn(recorder.run(scheduler, closed.clone()));
    let told = monitor.clone();
    let known = runs.clone();
    let tell = move |address| {
        told.set(Readiness::Ready);
        if let Some(runs) = &known {
            runs.go_on();
        }
        ready(address, known);
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
    closed.cancel();
    // What just ended gets its record.
    if tokio::time::timeout(GRACE, recording).await.is_err() {
        tracing::warn!("the records of the last Ballista jobs could not be written in time");
    }
    served.map_err(SchedulerError::Socket)
}
