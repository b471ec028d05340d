//! `--tls-ca`, `--tls-cert`, `--tls-key` and `--token-file`: the proofs that the members of a cluster show each other.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use gugus_engine::{Security, Tls, TlsFiles, Token};

use crate::exit::Failure;

/// The variable that holds the token itself. It has no flag, because other users of the machine can see arguments.
pub(crate) const TOKEN: &str = "GUGUS_TOKEN";

/// `--tls-…` and `--token-file`.
#[derive(Debug, Args)]
pub(crate) struct ClusterSecurity {
    /// The certificates of the trusted authorities (PEM). With --tls-cert and --tls-key every connection of the cluster is
    /// encrypted, and both sides show a certificate
    #[arg(long, value_name = "FILE", help_heading = "Security")]
    tls_ca: Option<PathBuf>,
    /// The certificate of this process, for server and client use (PEM)
    #[arg(long, value_name = "FILE", help_heading = "Security")]
    tls_cert: Option<PathBuf>,
    /// The key of that certificate (PEM)
    #[arg(long, value_name = "FILE", help_heading = "Security")]
    tls_key: Option<PathBuf>,
    #[command(flatten)]
    token: TokenFile,
}

/// `--token-file`.
#[derive(Debug, Args)]
pub(crate) struct TokenFile {
    /// The file with the token that servers ask for and callers show; the variable GUGUS_TOKEN may hold the token itself
    #[arg(long, value_name = "FILE", help_heading = "Security")]
    token_file: Option<PathBuf>,
}

/// `--insecure`, of commands that take work from others.
#[derive(Debug, Args)]
pub(crate) struct Insecure {
    /// Listen beyond this machine without a token and without certificates: whoever reaches the port may then run work as
    /// this user
    #[arg(long, help_heading = "Security")]
    insecure: bool,
}

impl Insecure {
    /// Refuses an address that other machines reach if callers need to prove nothing.
    pub(crate) fn check(
        &self,
        role: &str,
        address: SocketAddr,
        security: &Security,
    ) -> Result<(), Failure> {
        let open = !address.ip().to_canonical().is_loopback() && !security.is_proof();
        if !open || self.insecure {
            return Ok(());
        }
        Err(Failure::usage(format!(
            "other machines reach {address}, and this {role} would run work for all of them: make a token with `openssl rand -hex 32 > token`, and name the file with --token-file on scheduler, executors and clients; or name certificates with --tls-ca, --tls-cert and --tls-key; or listen on 127.0.0.1. To take work from anybody, give --insecure"
        )))
    }
}

impl ClusterSecurity {
    /// Reads and checks the files.
    pub(crate) fn load(&self) -> Result<Security, Failure> {
        Ok(Security {
            tls: self.tls()?,
            token: self.token.load()?,
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
}

impl TokenFile {
    /// The token of the file, else that of the variable.
    pub(crate) fn load(&self) -> Result<Option<Token>, Failure> {
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
