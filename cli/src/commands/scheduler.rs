//! `gugus scheduler`.

use std::net::SocketAddr;

use clap::Args;
use gugus_engine::ClusterUrl;
use gugus_scheduler::SchedulerConfig;

use crate::commands::cluster::ClusterSecurity;
use crate::commands::listen;
use crate::exit::{Code, Failure};
use crate::output::ready;
use crate::signals::Stop;

/// Run a cluster's scheduler: gRPC and REST on one port
///
/// Executors register with it (`gugus executor --scheduler df://HOST:PORT`), `gugus train --scheduler df://HOST:PORT`
/// sends it work. It listens on loopback unless told otherwise.
#[derive(Debug, Args)]
pub(crate) struct Scheduler {
    /// Where to listen; port 0 chooses a free one
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:50050")]
    listen: SocketAddr,
    /// The name by which executors call back, when it is not the address listened on
    #[arg(long, value_name = "HOST")]
    external_host: Option<String>,
    #[command(flatten)]
    security: ClusterSecurity,
}

impl Scheduler {
    pub(crate) async fn run(self, stop: Stop) -> Result<Code, Failure> {
        let security = self.security.load()?;
        let scheme = security.scheme();
        let listener = listen(self.listen)?;
        let name = self.external_host.clone();
        let config = SchedulerConfig {
            external_host: self.external_host,
            security,
        };
        let tell = |address: SocketAddr| {
            let url = ClusterUrl::new(
                name.unwrap_or_else(|| address.ip().to_string()),
                address.port(),
            );
            let http = format!("{scheme}://{}", url.authority());
            ready(&[("grpc", url.to_string()), ("http", http)]);
        };
        gugus_scheduler::run(listener, config, tell, stop.token)
            .await
            .map_err(Failure::failed)?;
        Ok(Code::Done)
    }
}
