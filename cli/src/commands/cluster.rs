//! Which cluster a command works on, and what its members show each other: TLS and the token.

use std::path::PathBuf;

use clap::Args;
use gugus_engine::{Access, Cluster, ClusterUrl, Security, Tls, TlsFiles, Token};
use gugus_scheduler::Embedded;

use crate::commands::train::start_embedded;
use crate::exit::Failure;

/// The variable that holds the token itself. It has no flag: other users of the machine see arguments.
const TOKEN: &str = "GUGUS_TOKEN";

/// `--scheduler`, and what it wants to see.
#[derive(Debug, Args)]
pub(crate) struct OnCluster {
    /// The cluster to work on; one is started in this process when absent
    #[arg(long, value_name = "df://HOST:PORT")]
    scheduler: Option<ClusterUrl>,
    #[command(flatten)]
    security: ClusterSecurity,
}

impl OnCluster {
    /// Connects to the cluster. One in this process is there until the second value is dropped.
    pub(crate) async fn connect(&self) -> Result<(Cluster, Option<Embedded>), Failure> {
        let security = self.security.load()?;
        connect(self.scheduler.clone(), security).await
    }
}

/// Connects to a cluster, or starts one in this process, which is there until the second value is dropped.
pub(crate) async fn connect(
    scheduler: Option<ClusterUrl>,
    security: Security,
) -> Result<(Cluster, Option<Embedded>), Failure> {
    let (access, embedded) = match scheduler {
        Some(url) => (Access { url, security }, None),
        None => {
            let embedded = start_embedded().await?;
            (embedded.url().clone().into(), Some(embedded))
        }
    };
    let cluster = Cluster::connect(access).await;
    Ok((cluster.map_err(Failure::failed)?, embedded))
}

/// `--tls-…` and `--token-file`.
#[derive(Debug, Args)]
pub(crate) struct ClusterSecurity {
    /// The certificates of the authorities whose word counts, PEM. With --tls-cert and --tls-key every connection of the
    /// cluster is encrypted, and both sides show a certificate
    #[arg(long, value_name = "FILE", help_heading = "Security")]
    tls_ca: Option<PathBuf>,
    /// The certificate of this process, for server and client use, PEM
    #[arg(long, value_name = "FILE", help_heading = "Security")]
    tls_cert: Option<PathBuf>,
    /// The key of that certificate, PEM
    #[arg(long, value_name = "FILE", help_heading = "Security")]
    tls_key: Option<PathBuf>,
    /// The file that holds the cluster's token; GUGUS_TOKEN may hold the token itself
    #[arg(long, value_name = "FILE", help_heading = "Security")]
    token_file: Option<PathBuf>,
}

impl ClusterSecurity {
    /// Reads and checks the files.
    pub(crate) fn load(&self) -> Result<Security, Failure> {
        Ok(Security {
            tls: self.tls()?,
            token: self.token()?,
        })
    }

    fn tls(&self) -> Result<Option<Tls>, Failure> {
        match (&self.tls_ca, &self.tls_cert, &self.tls_key) {
            (None, None, None) => Ok(None),
            (Some(authority), Some(certificate), Some(key)) => {
                let files = TlsFiles {
                    authority: authority.clone(),
                    certificate: certificate.clone(),
                    key: key.clone(),
                };
                Tls::load(&files).map(Some).map_err(Failure::usage)
            }
            (ca, certificate, key) => {
                let missing: Vec<&str> = [
                    ("--tls-ca", ca),
                    ("--tls-cert", certificate),
                    ("--tls-key", key),
                ]
                .into_iter()
                .filter_map(|(flag, file)| file.is_none().then_some(flag))
                .collect();
                Err(Failure::usage(format!(
                    "TLS wants three files; {} is missing",
                    missing.join(" and ")
                )))
            }
        }
    }

    fn token(&self) -> Result<Option<Token>, Failure> {
        if let Some(file) = &self.token_file {
            return Token::from_file(file).map(Some).map_err(Failure::usage);
        }
        match std::env::var(TOKEN) {
            Ok(text) => Token::new(&text).map(Some).map_err(Failure::usage),
            Err(std::env::VarError::NotPresent) => Ok(None),
            Err(std::env::VarError::NotUnicode(_)) => {
                Err(Failure::usage(format!("{TOKEN} is not text")))
            }
        }
    }
}
