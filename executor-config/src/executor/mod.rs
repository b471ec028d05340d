//! The executor process, composed of Ballista's parts.
//!
//! Ballista's own executor process ends itself after five failed heartbeats, tells of the end of a task once and forgets
//! it when that fails, takes its results with it when it is told to stop, listens on two ports that it cannot choose
//! freely, and asks nobody who calls for a proof. So only what runs a stage and what sends results is Ballista's here.

mod fetches;
mod link;
mod metrics;
mod node;
mod service;
mod work_dir;

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arrow_flight::flight_service_server::FlightServiceServer;
use axum::middleware::from_fn_with_state;
use ballista_core::serde::protobuf::executor_grpc_server::ExecutorGrpcServer;
use ballista_core::serde::{BallistaCodec, BallistaLogicalExtensionCodec};
use ballista_executor::execution_engine::{DefaultExecutionEngine, ExecutionEngine};
use ballista_executor::executor::Executor;
use ballista_executor::executor_process::{ExecutorProcessConfig, structure_executor_metadata};
use ballista_executor::flight_service::BallistaFlightService;
use ballista_executor::metrics::ExecutorMetricsCollector;
use prometheus::Registry;
use thiserror::Error;
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;

use self::fetches::Fetches;
use self::link::Link;
use self::node::Node;
use self::service::Service;
use self::work_dir::WorkDir;
use crate::access::{Access, AccessError};
use crate::address::ClusterUrl;
use crate::codec::PlanCodec;
use crate::grpc::GrpcError;
use crate::guard::{Guard, Port};
use crate::session::{self, MESSAGE_LIMIT};

pub use self::metrics::ExecutorMetrics;

/// How long nobody must have fetched a result, nor a task have ended, before an executor that leaves takes its results
/// with it. A client fetches milliseconds after the end of the job.
const QUIET: Duration = Duration::from_secs(1);

/// How long connections may last when everything else has ended.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// How often the folder is looked through for results that nobody asked to be removed.
const SWEEP: Duration = Duration::from_secs(600);

/// How many tasks run at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskSlots {
    /// As many as the machine has cores.
    Cores,
    /// This many.
    Exactly(NonZeroUsize),
}

impl TaskSlots {
    /// The number on this machine.
    #[must_use]
    pub fn count(self) -> usize {
        match self {
            Self::Cores => std::thread::available_parallelism().map_or(1, NonZeroUsize::get),
            Self::Exactly(slots) => slots.get(),
        }
    }
}

/// What an executor is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ExecutorState {
    /// It has not registered yet.
    #[default]
    Starting,
    /// It takes tasks.
    Ready,
    /// Its scheduler does not answer.
    Away,
    /// It was told to stop and takes no more tasks.
    Leaving,
}

/// What an executor is started with.
#[derive(Clone, Debug)]
pub struct ExecutorConfig {
    /// The scheduler to register with, and the TLS and token of its cluster.
    pub scheduler: Access,
    /// Where tasks are taken and results fetched from; port 0 chooses a free one.
    pub listen: SocketAddr,
    /// The host name that scheduler and clients reach this executor by, when it is not the address it listens on.
    pub external_host: Option<String>,
    /// How many tasks run at the same time.
    pub task_slots: TaskSlots,
    /// Where the folder for shuffle and result files is made; the system's place for temporary files when absent.
    pub work_dir: Option<PathBuf>,
    /// How long running tasks and fetches of results may take after the request to stop.
    pub drain: Duration,
    /// Where it is counted, if somebody looks.
    pub metrics: Option<ExecutorMetrics>,
    /// Told of every change.
    pub state: watch::Sender<ExecutorState>,
}

impl ExecutorConfig {
    /// An executor of this scheduler on a free loopback port, with a slot a core, that counts for nobody and leaves at
    /// once when it is told to stop.
    #[must_use]
    pub fn new(scheduler: impl Into<Access>) -> Self {
        Self {
            scheduler: scheduler.into(),
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            external_host: None,
            task_slots: TaskSlots::Cores,
            work_dir: None,
            drain: Duration::ZERO,
            metrics: None,
            state: watch::Sender::default(),
        }
    }
}

/// Why an executor ended, or did not begin.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ExecutorError {
    /// The address cannot be listened on.
    #[error("the executor cannot listen on {address}; name another with --listen")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The folder for results cannot be used.
    #[error("the executor cannot use its work folder {}", path.display())]
    WorkDir {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The metrics cannot be made.
    #[error("the executor's metrics could not be made")]
    Metrics(#[source] prometheus::Error),
    /// No threads for tasks.
    #[error("the threads for tasks could not be started")]
    Threads(#[source] io::Error),
    /// The certificates cannot be served.
    #[error("the executor's port cannot be opened with TLS")]
    Tls(#[source] rustls::Error),
    /// The scheduler is not one to work with, or not there.
    #[error(transparent)]
    Access(AccessError),
    /// The scheduler does not want this executor.
    #[error("the scheduler at {scheduler} refused this executor: {status}")]
    Refused {
        /// The scheduler asked.
        scheduler: ClusterUrl,
        /// The refusal.
        #[source]
        status: GrpcError,
    },
    /// The executor's own port failed.
    #[error("the executor's port failed")]
    Serve(#[source] gugus_http::Error),
}

/// Runs an executor until `shutdown`. Calls `ready` with its address when it is registered.
///
/// After `shutdown` no task is taken any more; those that run end first and results that somebody fetches are sent, for
/// as long as `drain` says. A scheduler that goes away is waited for.
///
/// # Errors
/// [`ExecutorError`]; after `ready` only when the scheduler refuses it from then on, as one of another version does.
pub async fn run(
    config: ExecutorConfig,
    ready: impl FnOnce(SocketAddr),
    shutdown: CancellationToken,
) -> Result<(), ExecutorError> {
    let listen = |source| ExecutorError::Listen {
        address: config.listen,
        source,
    };
    let listener = TcpListener::bind(config.listen).map_err(listen)?;
    let address = listener.local_addr().map_err(listen)?;
    let threads = Threads::new(config.task_slots.count())?;
    let (reports, ended) = mpsc::unbounded_channel();
    let (executor, engine, folder) = parts(&config, address)?;
    let metrics = match &config.metrics {
        Some(metrics) => metrics.clone(),
        None => ExecutorMetrics::registered(&Registry::new()).map_err(ExecutorError::Metrics)?,
    };
    metrics.describe(&executor);
    let fetches = Fetches::new(metrics.fetches.clone());
    let node = Node::new(executor, engine, folder, metrics, threads.handle(), reports);
    let node = Arc::new(node);

    let stop = CancellationToken::new();
    let _stops_all = stop.clone().drop_guard();
    let routes = routes(&config, &node, &fetches);
    let security = &config.scheduler.security;
    let door = security.door(Port::Executor).map_err(ExecutorError::Tls)?;
    security.warn_when_open("executor", address.ip());
    let served =
        gugus_http::serve_service(listener, door, routes, LAST_WORDS, |_| {}, stop.clone());
    let mut served = tokio::spawn(served);

    let joined = tokio::select! {
        joined = Link::join(config.scheduler.clone(), Arc::clone(&node), config.state.clone()) => joined,
        () = shutdown.cancelled() => return Ok(()),
    };
    let mut link = joined?;
    let reporting = tokio::spawn(
        stop.clone()
            .run_until_cancelled_owned(link.clone().report(ended)),
    );
    let mut beating = tokio::spawn(link.clone().beat());
    let sweeping = tokio::spawn(
        stop.clone()
            .run_until_cancelled_owned(sweep(Arc::clone(&node))),
    );
    let watching = tokio::spawn(
        stop.clone()
            .run_until_cancelled_owned(expect(Arc::clone(&node), Arc::clone(&fetches))),
    );
    ready(address);

    let result = tokio::select! {
        () = shutdown.cancelled() => {
            drain(&mut link, &node, &fetches, config.drain).await;
            Ok(())
        }
        refused = &mut beating => refused.map_or(Ok(()), Err),
        ended = &mut served => match ended {
            Ok(Err(error)) => Err(ExecutorError::Serve(error)),
            _ => Ok(()),
        },
    };
    beating.abort();
    if result.is_ok() {
        link.gone().await;
    }
    stop.cancel();
    for task in [reporting, sweeping, watching] {
        let _ = task.await;
    }
    if !served.is_finished() {
        let _ = timeout(2 * LAST_WORDS, served).await;
    }
    result
}

/// Lets tasks end and results be fetched.
async fn drain(link: &mut Link, node: &Arc<Node>, fetches: &Arc<Fetches>, limit: Duration) {
    let end = Instant::now() + limit;
    link.begin_to_leave().await;
    let mut open = node.open();
    let tasks = *open.borrow();
    if limit.is_zero() {
        return;
    }
    if tasks > 0 {
        tracing::info!(tasks, limit = ?limit, "waiting for running tasks");
    }
    if timeout_at(end, open.wait_for(|open| *open == 0))
        .await
        .is_err()
    {
        let tasks = *open.borrow();
        tracing::warn!(tasks, "tasks did not end in time; they run again elsewhere");
        return;
    }
    if tasks > 0 {
        fetches.expect();
    }
    while let Some(wait) = fetches.until_quiet(QUIET) {
        if Instant::now() >= end {
            tracing::warn!("results are still fetched; what was not is made again elsewhere");
            return;
        }
        sleep(wait.min(end.saturating_duration_since(Instant::now()))).await;
    }
}

async fn sweep(node: Arc<Node>) {
    loop {
        sleep(SWEEP).await;
        let node = Arc::clone(&node);
        let _ = tokio::task::spawn_blocking(move || node.folder.sweep()).await;
    }
}

/// Notes when tasks end: their results are fetched next.
async fn expect(node: Arc<Node>, fetches: Arc<Fetches>) {
    let mut open = node.open();
    while open.changed().await.is_ok() {
        fetches.expect();
    }
}

fn parts(
    config: &ExecutorConfig,
    address: SocketAddr,
) -> Result<(Executor, Arc<dyn ExecutionEngine>, WorkDir), ExecutorError> {
    let folder = WorkDir::new(config.work_dir.as_deref())?;
    let slots = config.task_slots.count();
    let description = ExecutorProcessConfig {
        executor_id: node::new_id(),
        external_host: Some(match &config.external_host {
            Some(host) => host.clone(),
            None => reachable_host(address, &config.scheduler.url),
        }),
        port: address.port(),
        // Tasks and results share one port.
        grpc_port: address.port(),
        ..ExecutorProcessConfig::default()
    };
    let slots_told = u32::try_from(slots).unwrap_or(u32::MAX);
    let registration = structure_executor_metadata(&Arc::new(description), slots_told);
    let engine: Arc<dyn ExecutionEngine> = Arc::new(DefaultExecutionEngine::new());
    let dialled = config.scheduler.security.dial();
    let executor = Executor::new(
        registration,
        &folder.text(),
        Arc::new(|_| Ok(session::runtime())),
        Arc::new(move || session::executor_config(&dialled)),
        session::function_registry(),
        Arc::new(Uncounted),
        slots,
        Arc::clone(&engine),
    );
    Ok((executor, engine, folder))
}

fn routes(config: &ExecutorConfig, node: &Arc<Node>, fetches: &Arc<Fetches>) -> axum::Router {
    let codec = BallistaCodec::new(
        Arc::new(BallistaLogicalExtensionCodec::default()),
        Arc::new(PlanCodec::default()),
    );
    let service = Service {
        node: Arc::clone(node),
        codec,
    };
    let tasks = ExecutorGrpcServer::new(service)
        .max_decoding_message_size(MESSAGE_LIMIT)
        .max_encoding_message_size(MESSAGE_LIMIT);
    let results = FlightServiceServer::new(BallistaFlightService::new(node.folder.text()))
        .max_decoding_message_size(MESSAGE_LIMIT)
        .max_encoding_message_size(MESSAGE_LIMIT);
    let guard = Guard::new(Port::Executor, &config.scheduler.security);
    Routes::new(tasks)
        .add_service(results)
        .into_axum_router()
        .layer(from_fn_with_state(Arc::clone(fetches), Fetches::watch))
        .layer(from_fn_with_state(guard, Guard::check))
}

/// The host that others reach `address` by. Where it is every address of this machine, the one that leads to the
/// scheduler.
fn reachable_host(address: SocketAddr, scheduler: &ClusterUrl) -> String {
    let towards = || {
        let socket = UdpSocket::bind(SocketAddr::new(address.ip(), 0)).ok()?;
        // Connecting a datagram socket sends nothing; it only asks the system for the way.
        socket.connect((scheduler.host(), scheduler.port())).ok()?;
        Some(socket.local_addr().ok()?.ip())
    };
    let ip = address.ip();
    let ip = if ip.is_unspecified() {
        towards().unwrap_or(ip)
    } else {
        ip
    };
    // Ballista joins host and port with a colon, so an IPv6 address needs its brackets.
    if ip.is_ipv6() {
        format!("[{ip}]")
    } else {
        ip.to_string()
    }
}

/// Ballista's own collector prints every stage with all its figures.
struct Uncounted;

impl ExecutorMetricsCollector for Uncounted {
    fn record_stage(
        &self,
        _: &ballista_core::JobId,
        _: usize,
        _: usize,
        _: Arc<dyn ballista_executor::execution_engine::QueryStageExecutor>,
    ) {
    }
}

/// A runtime for tasks. Dropping it waits for nothing.
struct Threads(Option<Runtime>);

impl Threads {
    fn new(slots: usize) -> Result<Self, ExecutorError> {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(slots)
            .thread_name("task")
            .enable_all()
            .build()
            .map(|runtime| Self(Some(runtime)))
            .map_err(ExecutorError::Threads)
    }

    fn handle(&self) -> tokio::runtime::Handle {
        match &self.0 {
            Some(runtime) => runtime.handle().clone(),
            None => tokio::runtime::Handle::current(),
        }
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
