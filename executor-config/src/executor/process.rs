//! An executor from its start to its end.

use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use arrow_flight::flight_service_server::FlightServiceServer;
use axum::middleware::{from_fn, from_fn_with_state};
use ballista_core::serde::protobuf::executor_grpc_server::ExecutorGrpcServer;
use ballista_core::serde::{BallistaCodec, BallistaLogicalExtensionCodec};
use ballista_executor::execution_engine::{DefaultExecutionEngine, ExecutionEngine};
use ballista_executor::executor::Executor;
use ballista_executor::executor_process::{ExecutorProcessConfig, structure_executor_metadata};
use ballista_executor::metrics::ExecutorMetricsCollector;
use gugus_features::FeatureCache;
use gugus_http::Hosts;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;

use super::config::ExecutorConfig;
use super::error::ExecutorError;
use super::fetches::Fetches;
use super::leave;
use super::link::Link;
use super::metrics::ExecutorMetrics;
use super::node::{self, Node};
use super::results::Results;
use super::service::Service;
use super::task::Parts;
use super::work_dir::WorkDir;
use crate::agreement::codec::PlanCodec;
use crate::agreement::session::{self, MESSAGE_LIMIT};
use crate::connection::address::ClusterUrl;
use crate::runtime::environment::environment;
use crate::runtime::memory::{self, MemoryLimit};
use crate::security::callers;
use crate::security::guard::Guard;
use crate::security::refusal::answer_panics;
use crate::security::settings::Port;

/// How long connections may last after everything else has ended.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// How often the folder is searched for old results that no request has removed.
const SWEEP: Duration = Duration::from_secs(600);

/// Runs an executor until `shutdown`. Calls `ready` with its address when it is registered.
///
/// After `shutdown` the executor takes no more tasks. It finishes the tasks that run and sends results that somebody
/// fetches, for `drain` at most. It waits for a scheduler that goes away.
///
/// # Errors
/// [`ExecutorError`]. After `ready` only if the scheduler refuses the executor, for example a new scheduler of another
/// version.
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
    let cache = Arc::new(FeatureCache::default());
    let metrics = ExecutorMetrics::registered(&config.metrics, Arc::clone(&cache))
        .map_err(ExecutorError::Metrics)?;
    let fetches = Fetches::new(metrics.fetches.clone());
    let parts = parts(&config, address, cache)?;
    let node = Arc::new(Node::new(parts, metrics, threads.handle(), reports));

    let stop = CancellationToken::new();
    let _stops_all = stop.clone().drop_guard();
    let routes = routes(&config, address, &node, &fetches);
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
    let mut beating = tokio::spawn(link.clone().beat());
    let expecting = leave::expect_fetches(Arc::clone(&node), Arc::clone(&fetches));
    let beside = [
        until(&stop, link.clone().report(ended)),
        until(&stop, sweep(Arc::clone(&node))),
        until(&stop, expecting),
    ];
    ready(address);

    let result = tokio::select! {
        () = shutdown.cancelled() => {
            leave::drain(&mut link, &node, &fetches, config.drain).await;
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
    // No more reports, because the scheduler would take the tasks for tasks that somebody cancelled.
    stop.cancel();
    node.cancel_all().await;
    for task in beside {
        let _ = task.await;
    }
    if !served.is_finished() {
        let _ = timeout(2 * LAST_WORDS, served).await;
    }
    result
}

/// Runs `work` beside everything else, until it ends or `stop` comes.
fn until(
    stop: &CancellationToken,
    work: impl Future<Output = ()> + Send + 'static,
) -> JoinHandle<Option<()>> {
    tokio::spawn(stop.clone().run_until_cancelled_owned(work))
}

async fn sweep(node: Arc<Node>) {
    loop {
        sleep(SWEEP).await;
        let node = Arc::clone(&node);
        let _ = tokio::task::spawn_blocking(move || node.parts.folder.sweep()).await;
    }
}

fn parts(
    config: &ExecutorConfig,
    address: SocketAddr,
    cache: Arc<FeatureCache>,
) -> Result<Parts, ExecutorError> {
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
    let limit = config.memory_limit.map(MemoryLimit::bytes);
    let pool = limit.map(|limit| memory::pool(limit, &cache));
    let environment = environment(pool, Some(folder.disk()?), config.stores.clone());
    let (for_tasks, dialled) = (Arc::clone(&environment), config.scheduler.security.dial());
    let executor = Executor::new(
        registration,
        &folder.text(),
        Arc::new(move |_| Ok(Arc::clone(&for_tasks))),
        Arc::new(move || session::executor_config(&dialled, &cache)),
        session::function_registry(),
        Arc::new(Uncounted),
        slots,
        Arc::clone(&engine),
    );
    Ok(Parts {
        executor,
        engine,
        folder,
        environment,
    })
}

fn routes(
    config: &ExecutorConfig,
    address: SocketAddr,
    node: &Arc<Node>,
    fetches: &Arc<Fetches>,
) -> axum::Router {
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
    let results = FlightServiceServer::new(Results::of(&node.parts.folder))
        .max_decoding_message_size(MESSAGE_LIMIT)
        .max_encoding_message_size(MESSAGE_LIMIT);
    let security = &config.scheduler.security;
    // No page knows the token or has a certificate.
    let hosts = match security.is_proof() {
        true => Hosts::Any,
        false => Hosts::of(address.ip(), None, config.external_host.clone(), &[]),
    };
    let guard = Guard::new(Port::Executor, security);
    Routes::new(tasks)
        .add_service(results)
        .into_axum_router()
        .layer(from_fn(answer_panics))
        .layer(from_fn_with_state(Arc::clone(fetches), Fetches::watch))
        .layer(from_fn_with_state(hosts, callers::check))
        .layer(from_fn_with_state(guard, Guard::check))
}

/// The host by which others reach `address`. If `address` means every address of this machine, it is the address that leads
/// to the scheduler.
fn reachable_host(address: SocketAddr, scheduler: &ClusterUrl) -> String {
    let towards = || {
        let socket = UdpSocket::bind(SocketAddr::new(address.ip(), 0)).ok()?;
        // Connecting a datagram socket sends nothing. It only asks the system for the route.
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

/// A runtime for tasks. Dropping it does not wait for tasks.
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
