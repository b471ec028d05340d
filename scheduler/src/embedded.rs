//! A whole cluster in this process.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::mpsc;

use gugus_engine::{ClusterUrl, ExecutorConfig, ExecutorError, TaskSlots, run_executor};
use thiserror::Error;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use crate::server::{self, SchedulerConfig, SchedulerError};

/// What an embedded cluster is started with.
#[derive(Clone, Copy, Debug)]
pub struct EmbeddedConfig {
    /// How many tasks run at the same time.
    pub task_slots: TaskSlots,
    /// Where the scheduler listens; port 0 on loopback unless somebody wants to look at it.
    pub listen: SocketAddr,
}

impl Default for EmbeddedConfig {
    fn default() -> Self {
        Self {
            task_slots: TaskSlots::Cores,
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
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
        /// What the system says.
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

/// A scheduler and an executor on loopback ports, on a runtime of their own. Dropping it ends both at once: Ballista's
/// parts have endless loops and no stop, so they are not waited for.
#[derive(Debug)]
pub struct Embedded {
    url: ClusterUrl,
    stop: CancellationToken,
    runtime: Option<Runtime>,
}

impl Embedded {
    /// Starts both and returns when the executor has registered. Blocks for some 30 ms: call it from a thread that may
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
        let (started, start) = mpsc::channel::<Result<SocketAddr, EmbeddedError>>();
        let stop = CancellationToken::new();

        let (token, tell) = (stop.clone(), started.clone());
        runtime.spawn(async move {
            let ready = |address| drop(tell.send(Ok(address)));
            if let Err(error) =
                server::run(listener, SchedulerConfig::default(), ready, token).await
            {
                drop(tell.send(Err(error.into())));
            }
        });
        let address = wait(&start)?;
        let url = ClusterUrl::new(address.ip().to_string(), address.port());

        let executor = ExecutorConfig {
            scheduler: url.clone(),
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            external_host: None,
            task_slots: config.task_slots,
            work_dir: None,
        };
        let token = stop.clone();
        runtime.spawn(async move {
            let ready = |address| drop(started.send(Ok(address)));
            if let Err(error) = run_executor(executor, ready, token).await {
                drop(started.send(Err(error.into())));
            }
        });
        wait(&start)?;
        Ok(Self {
            url,
            stop,
            runtime: Some(runtime),
        })
    }

    /// Where the scheduler is.
    #[must_use]
    pub fn url(&self) -> &ClusterUrl {
        &self.url
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// The next word from either part. A part that ends without one has dropped its sender.
fn wait(
    start: &mpsc::Receiver<Result<SocketAddr, EmbeddedError>>,
) -> Result<SocketAddr, EmbeddedError> {
    start.recv().unwrap_or_else(|_| {
        Err(EmbeddedError::Threads(io::Error::other(
            "a part of the embedded cluster ended before it was ready",
        )))
    })
}
