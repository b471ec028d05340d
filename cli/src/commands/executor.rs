//! `gugus executor`.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;
use gugus_engine::{ClusterUrl, ExecutorConfig, TaskSlots, run_executor};

use crate::exit::{Code, Failure};
use crate::output::ready;
use crate::signals::Stop;

/// Run one of a cluster's executors
///
/// It registers with the scheduler and runs tasks until it is told to stop. Batches must be reachable under the same
/// path as on the client: a shared folder or an object store.
#[derive(Debug, Args)]
pub(crate) struct Executor {
    /// The scheduler to register with
    #[arg(long, value_name = "df://HOST:PORT")]
    scheduler: ClusterUrl,
    /// Where results are fetched from; port 0 chooses a free one
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// The name by which scheduler and clients reach this executor, when it is not the address listened on
    #[arg(long, value_name = "HOST")]
    external_host: Option<String>,
    /// How many tasks run at the same time; the number of cores when absent
    #[arg(long, value_name = "N")]
    task_slots: Option<NonZeroUsize>,
    /// Where results are kept until they are fetched; a temporary folder when absent
    #[arg(long, value_name = "DIR")]
    work_dir: Option<PathBuf>,
}

impl Executor {
    pub(crate) async fn run(self, stop: Stop) -> Result<Code, Failure> {
        let config = ExecutorConfig {
            scheduler: self.scheduler,
            listen: self.listen,
            external_host: self.external_host,
            task_slots: self.task_slots.map_or(TaskSlots::Cores, TaskSlots::Exactly),
            work_dir: self.work_dir,
        };
        let tell = |address: SocketAddr| ready(&[("flight", address.to_string())]);
        // The executor ends by the same signals itself, when its tasks have ended; `stop` is for the second signal.
        let drained = tokio_util::sync::CancellationToken::new();
        let result = run_executor(config, tell, drained).await;
        match (result, stop.signal()) {
            (Ok(()), _) | (Err(_), Some(_)) => Ok(Code::Done),
            (Err(error), None) => Err(Failure::failed(error)),
        }
    }
}
