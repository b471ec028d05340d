//! The executor: Ballista's, with our functions, codec and limits.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ballista_core::error::BallistaError;
use ballista_executor::executor_process::{ExecutorProcessConfig, start_executor_process};
use ballista_executor::health::ExecutorHealth;
use thiserror::Error;
use tokio_util::sync::CancellationToken;

use crate::address::ClusterUrl;
use crate::codec::PlanCodec;
use crate::ports::free_ports;
use crate::session;

/// Seconds between two heartbeats. Ballista's 60 would let a dead executor be trusted for minutes; its tasks are lost
/// for as long. Five missed beats end the executor, so this is also a fifth of how long a scheduler may be away.
const HEARTBEAT_SECONDS: u64 = 5;

/// How often choosing free ports is tried again when another process was faster.
const PORT_ATTEMPTS: usize = 8;

/// How long an executor may take until the scheduler answered its first heartbeat.
const READY_WITHIN: Duration = Duration::from_secs(30);

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

/// What an executor is started with.
#[derive(Clone, Debug)]
pub struct ExecutorConfig {
    /// The scheduler to register with.
    pub scheduler: ClusterUrl,
    /// Where results are fetched from (Arrow Flight); port 0 chooses a free one. Task messages take a second port of the
    /// same address, which is always chosen.
    pub listen: SocketAddr,
    /// The host name that scheduler and clients reach this executor by, when it is not the address it listens on.
    pub external_host: Option<String>,
    /// How many tasks run at the same time.
    pub task_slots: TaskSlots,
    /// Where shuffle and result files are kept; a temporary folder of its own when absent.
    pub work_dir: Option<PathBuf>,
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
    /// The scheduler cannot be reached or refused the registration.
    #[error(
        "no executor could register with the scheduler at {scheduler}; see that it runs and that both are the same version"
    )]
    Register {
        /// The scheduler asked.
        scheduler: ClusterUrl,
        /// What Ballista says.
        #[source]
        source: BallistaError,
    },
    /// The executor ended by itself.
    #[error("the executor of {scheduler} stopped: it lost the scheduler or one of its services")]
    Stopped {
        /// The scheduler it belonged to.
        scheduler: ClusterUrl,
        /// What Ballista says.
        #[source]
        source: BallistaError,
    },
    /// The scheduler answered no heartbeat.
    #[error("the scheduler at {scheduler} answered no heartbeat in {} seconds", READY_WITHIN.as_secs())]
    NotReady {
        /// The scheduler asked.
        scheduler: ClusterUrl,
    },
}

/// Runs an executor until `shutdown`, Ctrl-C or SIGTERM (Ballista listens for the signals itself; running tasks end
/// first). Calls `ready` with the Flight address when the scheduler has answered.
///
/// # Errors
/// [`ExecutorError`]: nothing was begun for `Listen`, `WorkDir` and `Register`.
pub async fn run(
    config: ExecutorConfig,
    ready: impl FnOnce(SocketAddr),
    shutdown: CancellationToken,
) -> Result<(), ExecutorError> {
    let folder = WorkDir::new(config.work_dir.clone())?;
    let mut attempt = 0;
    let mut ready = Some(ready);
    loop {
        attempt += 1;
        let (flight, process) = process_config(&config, &folder)?;
        let health = process.health.clone();
        let running = start_executor_process(Arc::new(process));
        tokio::pin!(running);
        let first = tokio::select! {
            ended = &mut running => Some(ended),
            () = shutdown.cancelled() => return Ok(()),
            answered = answered(&health, flight) => {
                if !answered {
                    return Err(ExecutorError::NotReady { scheduler: config.scheduler });
                }
                None
            }
        };
        match first {
            None => {
                if let Some(ready) = ready.take() {
                    ready(flight);
                }
                return tokio::select! {
                    ended = &mut running => {
                        ended.map_err(|source| ExecutorError::Stopped { scheduler: config.scheduler, source })
                    }
                    () = shutdown.cancelled() => Ok(()),
                };
            }
            Some(Ok(())) => return Ok(()),
            Some(Err(source)) if attempt < PORT_ATTEMPTS && lost_a_port(&source) => {
                tracing::debug!(attempt, error = %source, "another process took a chosen port; choosing again");
            }
            Some(Err(source)) => {
                return Err(ExecutorError::Register {
                    scheduler: config.scheduler,
                    source,
                });
            }
        }
    }
}

/// The folder for results, removed at the end when it is our own.
struct WorkDir {
    path: PathBuf,
    _own: Option<tempfile::TempDir>,
}

impl WorkDir {
    fn new(named: Option<PathBuf>) -> Result<Self, ExecutorError> {
        match named {
            Some(path) => match std::fs::create_dir_all(&path) {
                Ok(()) => Ok(Self { path, _own: None }),
                Err(source) => Err(ExecutorError::WorkDir { path, source }),
            },
            None => match tempfile::Builder::new().prefix("gugus-executor-").tempdir() {
                Ok(own) => Ok(Self {
                    path: own.path().to_owned(),
                    _own: Some(own),
                }),
                Err(source) => Err(ExecutorError::WorkDir {
                    path: std::env::temp_dir(),
                    source,
                }),
            },
        }
    }
}

fn process_config(
    config: &ExecutorConfig,
    folder: &WorkDir,
) -> Result<(SocketAddr, ExecutorProcessConfig), ExecutorError> {
    let listen = |source| ExecutorError::Listen {
        address: config.listen,
        source,
    };
    let [chosen, grpc] = free_ports::<2>(config.listen.ip()).map_err(listen)?;
    let flight = match config.listen.port() {
        0 => SocketAddr::new(config.listen.ip(), chosen),
        _ => {
            // Ballista reports a taken port only in its log; look before it does.
            TcpListener::bind(config.listen).map_err(listen)?;
            config.listen
        }
    };
    let external = config
        .external_host
        .clone()
        .unwrap_or_else(|| flight.ip().to_string());
    let process = ExecutorProcessConfig {
        bind_host: bracketed(flight),
        external_host: Some(external),
        port: flight.port(),
        grpc_port: grpc,
        scheduler_host: config.scheduler.host().to_owned(),
        scheduler_port: config.scheduler.port(),
        scheduler_connect_timeout_seconds: 10,
        vcores: config.task_slots.count(),
        work_dir: Some(folder.path.to_string_lossy().into_owned()),
        // Results are fetched within seconds; what a client left behind goes after an hour.
        job_data_ttl_seconds: 3600,
        job_data_clean_up_interval_seconds: 600,
        executor_heartbeat_interval_seconds: HEARTBEAT_SECONDS,
        override_function_registry: Some(session::function_registry()),
        override_physical_codec: Some(Arc::new(PlanCodec::default())),
        override_config_producer: Some(Arc::new(session::session_config)),
        override_runtime_producer: Some(Arc::new(|_| Ok(session::runtime()))),
        ..ExecutorProcessConfig::default()
    };
    Ok((flight, process))
}

/// Ballista joins host and port with a colon, so an IPv6 address needs its brackets.
fn bracketed(address: SocketAddr) -> String {
    if address.is_ipv6() {
        format!("[{}]", address.ip())
    } else {
        address.ip().to_string()
    }
}

fn lost_a_port(error: &BallistaError) -> bool {
    let mut source: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = source {
        if error
            .downcast_ref::<io::Error>()
            .is_some_and(|e| e.kind() == io::ErrorKind::AddrInUse)
        {
            return true;
        }
        source = error.source();
    }
    error.to_string().contains("Address already in use")
}

/// Waits until the scheduler answered a heartbeat and the Flight port takes connections.
async fn answered(health: &ExecutorHealth, flight: SocketAddr) -> bool {
    // Ballista offers a flag and no notification, so the flag is looked at; 5 ms is far below what starting takes.
    let look = Duration::from_millis(5);
    let reachable = async {
        while !(health.is_ready() && tokio::net::TcpStream::connect(flight).await.is_ok()) {
            tokio::time::sleep(look).await;
        }
    };
    tokio::time::timeout(READY_WITHIN, reachable).await.is_ok()
}
