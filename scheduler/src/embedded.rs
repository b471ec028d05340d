//! A whole cluster in this process.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::num::NonZeroUsize;
use std::sync::mpsc;
use std::time::Duration;

use gugus_engine::{
    Access, ClusterUrl, ExecutorConfig, ExecutorError, Port, Security, TaskSlots, run_executor,
};
use gugus_files::Stores;
use gugus_pages::configuration::Configuration;
use gugus_progress::Progress;
use gugus_spec::JobName;
use thiserror::Error;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use crate::ballista::told::Told;
use crate::endpoint::Endpoint;
use crate::runs::{RunError, RunRequest, Runs, RunsConfig, ShownRun};
use crate::server::{self, SchedulerConfig, SchedulerError};

/// The settings of an embedded cluster.
#[derive(Clone, Debug)]
pub struct EmbeddedConfig {
    /// How many executors there are. One is best for work; several show what several do.
    pub executors: NonZeroUsize,
    /// How many tasks each executor runs at the same time.
    pub task_slots: TaskSlots,
    /// Where the scheduler listens; port 0 on loopback unless somebody wants to look at it.
    pub listen: SocketAddr,
    /// Opens the buckets that plans name.
    pub stores: Stores,
    /// The TLS and token for those who look at it from elsewhere. Without both, the cluster makes a random token for itself:
    /// nobody else can give it work. Its pages, if there are any, are then shown to everybody on this machine.
    pub security: Security,
    /// The settings of the process, as the page of the configuration shows them.
    pub configuration: Configuration,
    /// How the runs are kept that the pages show; none are shown when absent.
    pub runs: Option<RunsConfig>,
}

impl Default for EmbeddedConfig {
    fn default() -> Self {
        Self {
            executors: NonZeroUsize::MIN,
            task_slots: TaskSlots::Cores,
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            stores: Stores::from_env(),
            security: Security::default(),
            configuration: Configuration::default(),
            runs: None,
        }
    }
}

/// Why the embedded cluster did not start.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EmbeddedError {
    /// The address is taken or not ours.
    #[error("the embedded scheduler cannot listen on {address}; name another address or port 0")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// The error of the system.
        #[source]
        source: io::Error,
    },
    /// No threads.
    #[error("the embedded cluster's threads could not be started")]
    Threads(#[source] io::Error),
    /// The scheduler did not start.
    #[error("the embedded scheduler did not start")]
    Scheduler(#[from] SchedulerError),
    /// The executor did not start.
    #[error("the embedded executor did not start")]
    Executor(#[from] ExecutorError),
}

/// How long either part may take to end. Nothing of value is in them then: the Ballista jobs of whoever drops the cluster
/// have ended.
const STOP_WITHIN: Duration = Duration::from_secs(2);

/// A scheduler and its executors on loopback ports, on a runtime of their own. Dropping it ends both.
#[derive(Debug)]
pub struct Embedded {
    access: Access,
    /// Absent where no runs are shown.
    runs: Option<Runs>,
    /// In the order in which they end: executors say goodbye to their scheduler.
    parts: Vec<Part>,
    runtime: Option<Runtime>,
}

/// How to end a part, and how to know that it has ended.
#[derive(Debug)]
struct Part {
    stop: CancellationToken,
    ended: mpsc::Receiver<()>,
}

impl Part {
    /// Begins it on `runtime`; `run` gets the signal to stop.
    fn spawn<F>(runtime: &Runtime, run: impl FnOnce(CancellationToken) -> F) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let stop = CancellationToken::new();
        let (ends, ended) = mpsc::channel();
        let running = run(stop.clone());
        runtime.spawn(async move {
            // Dropped with the future, however it ends.
            let _ends: mpsc::Sender<()> = ends;
            running.await;
        });
        Self { stop, ended }
    }
}

impl Embedded {
    /// Starts all and returns when the executors have registered. Blocks for some 30 ms: call it from a thread that may
    /// block.
    ///
    /// # Errors
    /// [`EmbeddedError`] when either does not start.
    pub fn start(config: EmbeddedConfig) -> Result<Self, EmbeddedError> {
        let listener =
            TcpListener::bind(config.listen).map_err(|source| EmbeddedError::Listen {
                address: config.listen,
                source,
            })?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .thread_name("ballista")
            .enable_all()
            .build()
            .map_err(EmbeddedError::Threads)?;
        let shown = config.runs.is_some() && !config.security.is_proof();
        let port = match shown && config.listen.ip().is_loopback() {
            true => Port::Shown,
            false => Port::Scheduler,
        };
        let security = config.security.or_random();
        let (started, start) = mpsc::channel::<Result<(SocketAddr, Option<Runs>), EmbeddedError>>();

        let tell = started.clone();
        let scheduler_config = SchedulerConfig {
            stores: config.stores.clone(),
            security: security.clone(),
            configuration: config.configuration,
            runs: config.runs,
            ..SchedulerConfig::default()
        };
        let scheduler = Part::spawn(&runtime, |stop| async move {
            let told = tell.clone();
            let ready = move |address, runs| drop(told.send(Ok((address, runs))));
            let served = server::serve(
                listener,
                scheduler_config,
                port,
                Told::Troubles,
                ready,
                stop,
            );
            if let Err(error) = served.await {
                drop(tell.send(Err(error.into())));
            }
        });
        let (address, runs) = wait(&start)?;
        let endpoint = Endpoint {
            address,
            external_host: None,
            security,
        };
        let access = endpoint.own_access();

        let mut parts = Vec::new();
        for _ in 0..config.executors.get() {
            let executor = ExecutorConfig {
                listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
                task_slots: config.task_slots,
                stores: config.stores.clone(),
                ..ExecutorConfig::new(access.clone())
            };
            let started = started.clone();
            parts.push(Part::spawn(&runtime, |stop| async move {
                let ready = |address| drop(started.send(Ok((address, None))));
                if let Err(error) = run_executor(executor, ready, stop).await {
                    drop(started.send(Err(error.into())));
                }
            }));
            wait(&start)?;
        }
        parts.push(scheduler);
        Ok(Self {
            access,
            runs,
            parts,
            runtime: Some(runtime),
        })
    }

    /// Where the scheduler is.
    #[must_use]
    pub fn url(&self) -> &ClusterUrl {
        &self.access.url
    }

    /// Shows a new run on the pages. The caller drives the run and counts its models in `progress`.
    ///
    /// # Errors
    /// [`RunError`] when the run cannot be kept, or the cluster shows no runs.
    pub fn show_run(
        &self,
        request: &RunRequest,
        job: &JobName,
        progress: Progress,
        stop: &CancellationToken,
    ) -> Result<ShownRun, RunError> {
        let runs = self.runs.as_ref().ok_or(RunError::NotShown)?;
        runs.show(request, job, progress, stop)
    }

    /// How to reach the scheduler.
    #[must_use]
    pub fn access(&self) -> &Access {
        &self.access
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        for part in &self.parts {
            part.stop.cancel();
            // Disconnected is what is waited for.
            let _ = part.ended.recv_timeout(STOP_WITHIN);
        }
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// The next word from either part. A part that ends without one has dropped its sender.
fn wait(
    start: &mpsc::Receiver<Result<(SocketAddr, Option<Runs>), EmbeddedError>>,
) -> Result<(SocketAddr, Option<Runs>), EmbeddedError> {
    start.recv().unwrap_or_else(|_| {
        Err(EmbeddedError::Threads(io::Error::other(
            "a part of the embedded cluster ended before it was ready",
        )))
    })
}
