//! `--scheduler`: the cluster that a command works on.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use clap::Args;
use gugus_engine::{Access, Cluster, ClusterUrl, Security};
use gugus_files::Stores;
use gugus_scheduler::{Configuration, Embedded, EmbeddedConfig, RunsConfig};
use tokio_util::sync::CancellationToken;

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
            None => ChosenCluster::Embedded(Box::default(), Box::new(security)),
        })
    }
}

/// The chosen cluster, with checked flags.
#[derive(Debug)]
pub(crate) enum ChosenCluster {
    Remote(Box<Access>),
    /// The proofs count only if others are to look at the cluster.
    Embedded(Box<EmbeddedConfig>, Box<Security>),
}

impl ChosenCluster {
    /// The proofs of this process.
    pub(crate) fn security(&self) -> &Security {
        match self {
            Self::Remote(access) => &access.security,
            Self::Embedded(_, security) => security,
        }
    }

    /// Shows the pages of a cluster in this process at an address. A cluster elsewhere has pages of its own. Other machines
    /// may come only with a token or a certificate, because the pages read and train what this process may. The pages keep
    /// so many runs that ended in the folder `state`.
    pub(crate) fn shown_at(
        &mut self,
        address: SocketAddr,
        settings: Configuration,
        state: &Path,
        keep: usize,
    ) -> Result<(), Failure> {
        if let Self::Embedded(config, security) = self {
            if !address.ip().to_canonical().is_loopback() && !security.is_proof() {
                return Err(Failure::usage(format!(
                    "other machines reach {address}, and its pages can train; name a token with --token-file, or show the pages on 127.0.0.1"
                )));
            }
            config.security = Security::clone(security);
            config.listen = address;
            config.configuration = settings;
            config.runs = Some(RunsConfig {
                state: state.to_owned(),
                data_root: "/".into(),
                keep,
                at_once: 1,
            });
        }
        Ok(())
    }

    /// Connects as [`Self::connect`] does, and waits for a cluster elsewhere while nobody answers, with growing pauses that begin
    /// with `pause`. `None` after `stop`.
    pub(crate) async fn connect_or_wait(
        self,
        stores: &Stores,
        pause: Duration,
        stop: &CancellationToken,
    ) -> Result<Option<Connected>, Failure> {
        let access = match self {
            Self::Remote(access) => *access,
            Self::Embedded(..) => return self.connect(stores, stop).await.map(Some),
        };
        let cluster = Cluster::connect_or_wait(access, pause, stop).await;
        let cluster = cluster.map_err(Failure::failed)?;
        Ok(cluster.map(|cluster| Connected {
            cluster,
            embedded: None,
        }))
    }

    /// Connects to the cluster, which is started before if it is in this process.
    pub(crate) async fn connect(
        self,
        stores: &Stores,
        stop: &CancellationToken,
    ) -> Result<Connected, Failure> {
        let (access, embedded) = match self {
            Self::Remote(access) => (*access, None),
            Self::Embedded(config, _) => {
                let config = EmbeddedConfig {
                    stores: stores.clone(),
                    ..*config
                };
                let embedded = tokio::task::spawn_blocking(move || Embedded::start(config))
                    .await
                    .map_err(Failure::failed)?
                    .map_err(Failure::failed)?;
                (embedded.access().clone(), Some(embedded))
            }
        };
        let connecting = stop.run_until_cancelled(Cluster::connect(access));
        let Some(cluster) = connecting.await else {
            return Err(Failure::interrupted(
                "stopped before the scheduler answered; run the same command again",
            ));
        };
        Ok(Connected {
            cluster: cluster.map_err(Failure::failed)?,
            embedded,
        })
    }
}

/// A connected cluster. A cluster in this process lives as long as this.
pub(crate) struct Connected {
    pub(crate) cluster: Cluster,
    pub(crate) embedded: Option<Embedded>,
}

impl Connected {
    /// What `work` on the cluster gives, unless a part of a cluster in this process ends by itself before.
    pub(crate) async fn outlive<T>(&self, work: impl Future<Output = T>) -> Result<T, Failure> {
        match &self.embedded {
            Some(embedded) => embedded.outlive(work).await.map_err(Failure::failed),
            None => Ok(work.await),
        }
    }
}
