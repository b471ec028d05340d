//! The settings of an executor, and the state that it shows.

use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use gugus_files::Stores;
use prometheus::Registry;
use tokio::sync::watch;

use crate::connection::access::Access;
use crate::runtime::memory::MemoryLimit;

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

/// The state of an executor.
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

/// The settings of an executor.
#[derive(Clone, Debug)]
pub struct ExecutorConfig {
    /// The scheduler to register with, and the TLS and token of its cluster.
    pub scheduler: Access,
    /// Where tasks are taken and results fetched from; port 0 chooses a free one.
    pub listen: SocketAddr,
    /// The host name by which the scheduler and clients reach this executor, if it differs from the address that it
    /// listens on.
    pub external_host: Option<String>,
    /// How many tasks run at the same time.
    pub task_slots: TaskSlots,
    /// Where the folder for shuffle and result files is made; the system's place for temporary files when absent.
    pub work_dir: Option<PathBuf>,
    /// How long running tasks and fetches of results may take after the request to stop.
    pub drain: Duration,
    /// The most memory that tasks take together; no limit when absent.
    pub memory_limit: Option<MemoryLimit>,
    /// Opens the buckets that plans name.
    pub stores: Stores,
    /// Where the executor registers its metrics.
    pub metrics: Registry,
    /// Gets every change of the state.
    pub state: watch::Sender<ExecutorState>,
}

impl ExecutorConfig {
    /// An executor of this scheduler on a free loopback port, with one slot per core. Its metrics are in a registry
    /// that nobody reads, and it leaves at once when it is told to stop.
    #[must_use]
    pub fn new(scheduler: impl Into<Access>) -> Self {
        Self {
            scheduler: scheduler.into(),
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            external_host: None,
            task_slots: TaskSlots::Cores,
            work_dir: None,
            drain: Duration::ZERO,
            memory_limit: None,
            stores: Stores::from_env(),
            metrics: Registry::new(),
            state: watch::Sender::default(),
        }
    }
}
