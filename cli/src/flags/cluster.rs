//! `--scheduler`: the cluster that a command works on.

use clap::Args;
use gugus_engine::{Access, Cluster, ClusterUrl, TaskSlots};
use gugus_files::Stores;
use gugus_scheduler::{Embedded, EmbeddedConfig};

use crate::exit::Failure;
use crate::flags::security::ClusterSecurity;

/// A running cluster, or a cluster that is started in this process.
#[derive(Debug, Args)]
pub(crate) struct OnCluster {
    /// The cluster to work on; when absent, a cluster is started in this process
    #[arg(long, value_name = "df://HOST:PORT")]
    scheduler: Option<ClusterUrl>,
    #[command(flatten)]
    security: ClusterSecurity,
}

impl OnCluster {
    /// Checks the flags, so that a mistake in them shows before anything is read.
    pub(crate) fn load(self) -> Result<ChosenCluster, Failure> {
        let security = self.security.load()?;
        Ok(match self.scheduler {
            Some(url) => ChosenCluster::Remote(Box::new(Access { url, security })),
            None => ChosenCluster::Embedded,
        })
    }
}

/// The chosen cluster, with checked flags.
#[derive(Debug)]
pub(crate) enum ChosenCluster {
    Remote(Box<Access>),
    Embedded,
}

impl ChosenCluster {
    /// Connects to the cluster. A cluster in this process lives until the second value is dropped.
    pub(crate) async fn connect(
        self,
        stores: &Stores,
    ) -> Result<(Cluster, Option<Embedded>), Failure> {
        let (access, embedded) = match self {
            Self::Remote(access) => (*access, None),
            Self::Embedded => {
                let config = EmbeddedConfig {
                    stores: stores.clone(),
                    task_slots: TaskSlots::Cores,
                    ..EmbeddedConfig::default()
                };
                let embedded = tokio::task::spawn_blocking(move || Embedded::start(config))
                    .await
                    .map_err(Failure::failed)?
                    .map_err(Failure::failed)?;
                (embedded.url().clone().into(), Some(embedded))
            }
        };
        let cluster = Cluster::connect(access).await;
        Ok((cluster.map_err(Failure::failed)?, embedded))
    }
}
