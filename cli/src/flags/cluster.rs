//! `--scheduler`: the cluster that a command works on.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use clap::Args;
use gugus_engine::{Access, Cluster, ClusterError, ClusterUrl, Security};
use gugus_files::Stores;
use gugus_scheduler::{Configuration, Embedded, EmbeddedConfig, RunsConfig};
use tokio_util::sync::CancellationToken;

use crate::exit::Failure;
use crate::flags::security::ClusterSecurity;

/// The longest time between two tries to reach a scheduler that does not answer.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

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
            None => ChosenCluster::Embedded(Box::default(), security),
        })
    }
}

/// The chosen cluster, with checked flags.
#[derive(Debug)]
pub(crate) enum ChosenCluster {
    Remote(Box<Access>),
    /// The proofs count only if others are to look at the cluster.
    Embedded(Box<EmbeddedConfig>, Security),
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
            if !address.ip().is_loopback() && security.token.is_none() && security.tls.is_none() {
                return Err(Failure::usage(format!(
                    "other machines reach {address}, and its pages can train; name a token with --token-file, or show the pages on 127.0.0.1"
                )));
            }
            config.security = security.clone();
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

    /// Connects as [`Self::connect`] does. Where nobody answers, tries again after growing pauses that begin with `pause`.
    /// `None` after `stop`.
    pub(crate) async fn connect_or_wait(
        self,
        stores: &Stores,
        mut pause: Duration,
        stop: &CancellationToken,
    ) -> Result<Option<(Cluster, Option<Embedded>)>, Failure> {
        let access = match self {
            Self::Remote(access) => *access,
            Self::Embedded(..) => return self.connect(stores).await.map(Some),
        };
        let mut told = false;
        loop {
            match stop
                .run_until_cancelled(Cluster::connect(access.clone()))
                .await
            {
                None => return Ok(None),
                Some(Ok(cluster)) => return Ok(Some((cluster, None))),
                Some(Err(ClusterError::Connect { url, source })) => {
                    if !told {
                        let reason = gugus_error::chain(&source);
                        tracing::warn!(scheduler = %url, reason, "the scheduler does not answer; the run waits for it");
                        told = true;
                    }
                }
                Some(Err(error)) => return Err(Failure::failed(error)),
            }
            stop.run_until_cancelled(tokio::time::sleep(pause)).await;
            pause = (2 * pause).min(LONGEST_PAUSE);
        }
    }

    /// Connects to the cluster. A cluster in this process lives until the second value is dropped.
    pub(crate) async fn connect(
        self,
        stores: &Stores,
    ) -> Result<(Cluster, Option<Embedded>), Failure> {
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
        let cluster = Cluster::connect(access).await;
        Ok((cluster.map_err(Failure::failed)?, embedded))
    }
}
