//! `gugus scheduler`.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use bytesize::ByteSize;
use clap::Args;
use gugus_engine::ClusterUrl;
use gugus_files::Stores;
use gugus_http::Origin;
use gugus_scheduler::{Configuration, KeepJobs, RunsConfig, SchedulerConfig, SchedulerError};

use crate::exit::{Code, Failure};
use crate::flags::security::{ClusterSecurity, Insecure};
use crate::output::ready;
use crate::servers::{host_port, listen};
use crate::signals::Stop;

/// Run a cluster's scheduler: gRPC, REST and a page for browsers on one port
///
/// A cluster is one scheduler and any number of executors. `gugus train` sends it work, and `gugus submit` hands it job files
/// that it trains by itself. The scheduler listens on loopback unless told otherwise.
///
/// Example: gugus scheduler --listen 127.0.0.1:50050
///
/// Next: start executors with `gugus executor --scheduler df://127.0.0.1:50050`; docs/deploy.md shows several machines.
#[derive(Debug, Args)]
pub(crate) struct Scheduler {
    /// Where to listen; port 0 chooses a free one
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:50050", value_parser = host_port)]
    listen: SocketAddr,
    /// The name by which executors call back; when absent, the address that the scheduler listens on
    #[arg(long, value_name = "HOST")]
    external_host: Option<String>,
    /// The folder of submitted runs
    #[arg(long, value_name = "DIR", default_value = "data/runs")]
    state: PathBuf,
    /// How many ended runs are kept; older runs are removed, and their models stay
    #[arg(long, value_name = "N", default_value = "100")]
    keep_runs: NonZeroUsize,
    /// How many records of ended Ballista jobs are kept
    #[arg(long, value_name = "N", default_value = "10000")]
    keep_jobs: NonZeroUsize,
    /// How long records of Ballista jobs and their tasks are kept
    #[arg(long, value_name = "TIME", default_value = "30d", value_parser = humantime::parse_duration)]
    keep_jobs_for: Duration,
    /// How many bytes all records of Ballista jobs may have on disk
    #[arg(long, value_name = "SIZE", default_value = "1GiB")]
    keep_jobs_size: ByteSize,
    /// How many runs train at the same time; the others wait
    #[arg(long, value_name = "N", default_value = "1")]
    runs_at_once: NonZeroUsize,
    /// The folder below which submitted runs may read batches and write models; for buckets, the scheduler's credentials
    /// decide
    #[arg(long, value_name = "DIR", default_value = "data")]
    data_root: PathBuf,
    /// Sites whose pages may read the answers, for example `https://grafana.example`; none when absent
    #[arg(long, value_name = "ORIGIN,…", value_delimiter = ',')]
    cors_allowed_origins: Vec<Origin>,
    #[command(flatten)]
    security: ClusterSecurity,
    #[command(flatten)]
    insecure: Insecure,
}

impl Scheduler {
    pub(crate) async fn run(
        self,
        stop: Stop,
        configuration: Configuration,
    ) -> Result<Code, Failure> {
        let security = self.security.load()?;
        self.insecure.check("scheduler", self.listen, &security)?;
        let scheme = security.scheme();
        let listener = listen(self.listen)?;
        let name = self.external_host.clone();
        let config = SchedulerConfig {
            external_host: self.external_host,
            security,
            cors_allowed_origins: self.cors_allowed_origins,
            runs: Some(RunsConfig {
                state: self.state,
                data_root: self.data_root,
                keep: self.keep_runs.get(),
                at_once: self.runs_at_once.get(),
            }),
            stores: Stores::from_env(),
            keep_jobs: KeepJobs {
                number: self.keep_jobs.get(),
                age: self.keep_jobs_for,
                bytes: self.keep_jobs_size.as_u64(),
            },
            configuration,
        };
        let tell = |address: SocketAddr| {
            let url = ClusterUrl::new(
                name.unwrap_or_else(|| address.ip().to_string()),
                address.port(),
            );
            let http = format!("{scheme}://{}", url.authority());
            ready(&[("grpc", url.to_string()), ("http", http)]);
        };
        match gugus_scheduler::run(listener, config, tell, stop.token).await {
            Ok(()) => Ok(Code::Done),
            Err(error @ SchedulerError::State(_)) => Err(Failure::usage(error)),
            Err(error) => Err(Failure::failed(error)),
        }
    }
}
