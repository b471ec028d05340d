//! A whole cluster in this process.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::num::NonZeroUsize;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use gugus_engine::{Access, ClusterUrl, ExecutorConfig, Port, Security, TaskSlots, run_executor};
use gugus_files::Stores;
use gugus_pages::configuration::Configuration;
use gugus_progress::Progress;
use gugus_spec::JobName;
use thiserror::Error;
use tokio::runtime::Runtime;
use tokio::sync::Mutex;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio_util::sync::CancellationToken;

use crate::ballista::log_events::LogEvents;
use crate::endpoint::Endpoint;
use crate::runs::{RunError, RunRequest, Runs, RunsConfig, ShownRun};
use crate::server::{self, SchedulerConfig};

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

type Source = Box<dyn std::error::Error + Send + Sync>;

/// Why the embedded cluster did not start, or ended by itself.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EmbeddedError {
    /// The address is taken or not ours.
    #[error(
        "the embedded scheduler cannot listen on {address}; give another address with --scheduler-listen (--ui for `gugus train`), or port 0 for a free one"
    )]
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
    /// A part did not start.
    #[error("the embedded {part} did not start")]
    Start {
        /// The scheduler, or an executor.
        part: &'static str,
        /// What the part says; nothing if it panicked.
        #[source]
        source: Option<Source>,
    },
    /// A part ended after its start, and nobody had told it to.
    #[error(
        "the embedded {part} ended by itself; what is written stays, run the same command again to go on"
    )]
    Over {
        /// The scheduler, or an executor.
        part: &'static str,
        /// What the part says; nothing if it panicked.
        #[source]
        source: Option<Source>,
    },
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
    words: Arc<Mutex<UnboundedReceiver<Word>>>,
    runtime: Option<Runtime>,
}

/// What a part says: that it is ready, or that it ended by itself.
type Word = Result<(SocketAddr, Option<Runs>), EmbeddedError>;

/// How to end a part, and how to know that it has ended.
#[derive(Debug)]
struct Part {
    stop: CancellationToken,
    ended: mpsc::Receiver<()>,
}

impl Part {
    /// Begins it on `runtime`; `run` gets the signal to stop. If the part ends before that signal, `tell` hears of it.
    fn spawn<F, E>(
        runtime: &Runtime,
        name: &'static str,
        tell: &UnboundedSender<Word>,
        run: impl FnOnce(CancellationToken) -> F,
    ) -> Self
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<Source> + 'static,
    {
        let stop = CancellationToken::new();
        let (ends, ended) = mpsc::channel();
        let end = End {
            part: name,
            stop: stop.clone(),
            tell: tell.clone(),
            error: None,
            _ends: ends,
        };
        let running = run(stop.clone());
        runtime.spawn(async move {
            let ended = running.await;
            end.with(ended.err().map(Into::into));
        });
        Self { stop, ended }
    }
}

/// Lives as long as a part. It is dropped however the part ends, also by a panic.
struct End {
    part: &'static str,
    stop: CancellationToken,
    tell: UnboundedSender<Word>,
    error: Option<Source>,
    _ends: mpsc::Sender<()>,
}

impl End {
    fn with(mut self, error: Option<Source>) {
        self.error = error;
    }
}

impl Drop for End {
    fn drop(&mut self) {
        if !self.stop.is_cancelled() {
            let over = EmbeddedError::Over {
                part: self.part,
                source: self.error.take(),
            };
            // This fails only if the cluster is gone.
            let _ = self.tell.send(Err(over));
        }
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
        let runtime = threads().map_err(EmbeddedError::Threads)?;
        let shown = config.runs.is_some() && !config.security.is_proof();
        let port = match shown && config.listen.ip().to_canonical().is_loopback() {
            true => Port::Shown,
            false => Port::Scheduler,
        };
        let security = config.security.or_random();
        let (tell, mut words) = unbounded_channel();

        let scheduler_config = SchedulerConfig {
            stores: config.stores.clone(),
            security: security.clone(),
            configuration: config.configuration,
            runs: config.runs,
            ..SchedulerConfig::default()
        };
        let told = tell.clone();
        let ready = move |address, runs| drop(told.send(Ok((address, runs))));
        let scheduler = Part::spawn(&runtime, "scheduler", &tell, |stop| {
            server::serve(
                listener,
                scheduler_config,
                port,
                LogEvents::Losses,
                ready,
                stop,
            )
        });
        let (address, runs) = wait(&mut words)?;
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
            let told = tell.clone();
            let ready = move |address| drop(told.send(Ok((address, None))));
            parts.push(Part::spawn(&runtime, "executor", &tell, |stop| {
                run_executor(executor, ready, stop)
            }));
            wait(&mut words)?;
        }
        parts.push(scheduler);
        Ok(Self {
            access,
            runs,
            parts,
            words: Arc::new(Mutex::new(words)),
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

    /// Waits until a part ends by itself, and gives its error. Without all its parts the cluster does no more work. A caller that
    /// only waits for such work would wait for ever.
    pub fn over(&self) -> impl Future<Output = EmbeddedError> + Send + use<> {
        let words = Arc::clone(&self.words);
        async move {
            let mut words = words.lock().await;
            while let Some(word) = words.recv().await {
                if let Err(error) = word {
                    return error;
                }
            }
            // Each part was told to stop.
            std::future::pending().await
        }
    }

    /// What `work` gives, unless a part ends by itself before.
    ///
    /// # Errors
    /// [`EmbeddedError::Over`] of that part.
    pub async fn outlive<T>(&self, work: impl Future<Output = T>) -> Result<T, EmbeddedError> {
        tokio::select! {
            biased;
            done = work => Ok(done),
            error = self.over() => Err(error),
        }
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

/// The threads of all parts.
fn threads() -> io::Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .thread_name("ballista")
        .enable_all()
        .build()
}

/// The word of a part that is starting.
fn wait(words: &mut UnboundedReceiver<Word>) -> Word {
    match words.blocking_recv() {
        Some(Err(EmbeddedError::Over { part, source })) => {
            Err(EmbeddedError::Start { part, source })
        }
        Some(word) => word,
        None => Err(EmbeddedError::Threads(io::Error::other(
            "a part of the embedded cluster ended before it was ready",
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A cluster of one part.
    fn of<F>(part: impl FnOnce(CancellationToken) -> F) -> Embedded
    where
        F: Future<Output = io::Result<()>> + Send + 'static,
    {
        let runtime = threads().unwrap();
        let (tell, words) = unbounded_channel();
        Embedded {
            access: ClusterUrl::new("127.0.0.1", 1).into(),
            runs: None,
            parts: vec![Part::spawn(&runtime, "executor", &tell, part)],
            words: Arc::new(Mutex::new(words)),
            runtime: Some(runtime),
        }
    }

    fn wait_for<T>(work: impl Future<Output = T>) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build();
        let work = async { tokio::time::timeout(Duration::from_secs(20), work).await };
        runtime.unwrap().block_on(work).expect("it is noticed")
    }

    async fn faulty() -> io::Result<()> {
        panic!("a fault")
    }

    #[test]
    fn work_does_not_outlive_a_part_that_ends_by_itself_and_the_error_names_the_part() {
        const OVER: &str = "the embedded executor ended by itself; what is written stays, run the same command again to go on";
        let error = |embedded: Embedded| {
            let work = std::future::pending::<()>();
            let error = wait_for(embedded.outlive(work)).unwrap_err();
            gugus_error::chain(&error)
        };
        assert_eq!(error(of(|_| async { Ok(()) })), OVER);
        assert_eq!(error(of(|_| faulty())), OVER);
        let refused = of(|_| async { Err(io::Error::other("refused")) });
        assert_eq!(error(refused), format!("{OVER}: refused"));
    }

    #[test]
    fn a_part_that_does_not_get_ready_ends_the_start() {
        let embedded = of(|_| faulty());
        let started = wait(&mut embedded.words.try_lock().unwrap());
        let error = started.err().map(|error| error.to_string());
        assert_eq!(
            error.as_deref(),
            Some("the embedded executor did not start")
        );
    }

    #[test]
    fn a_part_that_is_told_to_stop_says_nothing() {
        let embedded = Embedded::start(EmbeddedConfig::default()).unwrap();
        assert_eq!(wait_for(embedded.outlive(async { 7 })).unwrap(), 7);
        let words = Arc::clone(&embedded.words);
        drop(embedded);
        assert!(words.try_lock().unwrap().blocking_recv().is_none());
    }
}
