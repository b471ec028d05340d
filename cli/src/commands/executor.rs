//! `gugus executor`.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use gugus_engine::{
    Access, ClusterUrl, ExecutorConfig, ExecutorState, MemoryLimit, TaskSlots, run_executor,
};
use gugus_files::Stores;
use gugus_http::{Monitor, Readiness};
use tokio::sync::watch;

use crate::exit::{Code, Failure};
use crate::flags::security::{ClusterSecurity, Insecure};
use crate::output::ready;
use crate::servers::{Monitoring, host_port};
use crate::signals::Stop;

/// Run an executor of a cluster
///
/// The executor registers with the scheduler and runs tasks until it is told to stop. It waits for a scheduler that goes away.
/// Batches must be reachable under the same path as on the client: in a shared folder or an object store.
///
/// Example: gugus executor --scheduler df://127.0.0.1:50050
///
/// Next: `gugus train --scheduler df://127.0.0.1:50050` trains on the cluster.
#[derive(Debug, Args)]
pub(crate) struct Executor {
    /// The scheduler to register with
    #[arg(long, value_name = "df://HOST:PORT")]
    scheduler: ClusterUrl,
    /// Where to listen for tasks and for requests for results; port 0 chooses a free one
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:0", value_parser = host_port)]
    listen: SocketAddr,
    /// The name by which scheduler and clients reach this executor; when absent, the address that it listens on
    #[arg(long, value_name = "HOST")]
    external_host: Option<String>,
    /// How many tasks run at the same time; the number of cores when absent
    #[arg(long, value_name = "N")]
    task_slots: Option<NonZeroUsize>,
    /// The most memory of all tasks together: a size, or a share of the memory of the machine or container
    #[arg(long, value_name = "SIZE", default_value_t)]
    memory_limit: MemoryLimit,
    /// Where to make the folder of results, which are kept until they are fetched; when absent, the system's temporary folder
    #[arg(long, value_name = "DIR")]
    work_dir: Option<PathBuf>,
    /// How long running tasks and fetches of results may take after the executor is told to stop
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = humantime::parse_duration)]
    drain: Duration,
    /// Where to serve /metrics (Prometheus), /healthz and /readyz; nowhere when absent, port 0 chooses a free one. On loopback
    /// it answers to addresses, localhost and the name of --external-host
    #[arg(long, value_name = "HOST:PORT", value_parser = host_port)]
    monitor: Option<SocketAddr>,
    #[command(flatten)]
    security: ClusterSecurity,
    #[command(flatten)]
    insecure: Insecure,
}

impl Executor {
    pub(crate) async fn run(self, stop: Stop) -> Result<Code, Failure> {
        let security = self.security.load()?;
        self.insecure.check("executor", self.listen, &security)?;
        let names = self.external_host.clone();
        let monitor = Monitor::new().map_err(Failure::failed)?;
        let (state, states) = watch::channel(ExecutorState::Starting);
        let config = ExecutorConfig {
            scheduler: Access {
                url: self.scheduler,
                security,
            },
            listen: self.listen,
            external_host: self.external_host,
            task_slots: self.task_slots.map_or(TaskSlots::Cores, TaskSlots::Exactly),
            work_dir: self.work_dir,
            drain: self.drain,
            memory_limit: Some(self.memory_limit),
            stores: Stores::from_env(),
            metrics: monitor.registry().clone(),
            state,
        };
        let monitoring = self
            .monitor
            .map(|address| Monitoring::start(address, names, &monitor))
            .transpose()?;
        let http = monitoring
            .as_ref()
            .map(|monitoring| format!("http://{}", monitoring.address));
        let tell = |address: SocketAddr| {
            let mut urls = vec![("flight", address.to_string())];
            urls.extend(http.map(|url| ("http", url)));
            ready(&urls);
        };
        let showing = tokio::spawn(show(states, monitor));
        stop.may_take(config.drain);
        let result = run_executor(config, tell, stop.token).await;
        showing.abort();
        if let Some(monitoring) = monitoring {
            monitoring.stop().await?;
        }
        result.map_err(Failure::failed)?;
        Ok(Code::Done)
    }
}

/// Shows on `/readyz` whether the executor takes tasks.
async fn show(mut states: watch::Receiver<ExecutorState>, monitor: Monitor) {
    loop {
        let readiness = match *states.borrow_and_update() {
            ExecutorState::Ready => Readiness::Ready,
            ExecutorState::Starting | ExecutorState::Away | ExecutorState::Leaving => {
                Readiness::NotReady
            }
        };
        monitor.set(readiness);
        if states.changed().await.is_err() {
            return;
        }
    }
}
