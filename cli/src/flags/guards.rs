//! The flags of what stands before the routes of `serve`.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use bytesize::ByteSize;
use clap::Args;
use gugus_http::{Origin, ServerCertificate};
use gugus_serve::{AccessLog, Config, RootPath};

use super::security::TokenFile;
use crate::exit::Failure;

/// Who may ask, and the rest of the guards.
#[derive(Debug, Args)]
pub(crate) struct GuardFlags {
    #[command(flatten)]
    token: TokenFile,
    /// The certificate of the service, followed by those between it and its authority (PEM). With --tls-key the service
    /// answers HTTPS only
    #[arg(long, value_name = "FILE", help_heading = "Security")]
    tls_cert: Option<PathBuf>,
    /// The key of that certificate (PEM)
    #[arg(long, value_name = "FILE", help_heading = "Security")]
    tls_key: Option<PathBuf>,
    #[command(flatten)]
    limits: LimitFlags,
}

/// Which pages may ask, how much at a time, and what is told about it.
#[derive(Debug, Args)]
pub(crate) struct LimitFlags {
    /// Sites whose pages may ask and read the answers, for example `https://app.example`; none when absent. Pages of other
    /// sites can send nothing but GET
    #[arg(
        long,
        value_name = "ORIGIN,…",
        value_delimiter = ',',
        help_heading = "Security"
    )]
    cors_origin: Vec<Origin>,
    /// Names by which a service on loopback is called, beside its address and `localhost`: the names that a proxy on this
    /// machine passes on. A service with a token, or on another address, answers to every name
    #[arg(
        long,
        value_name = "HOST,…",
        value_delimiter = ',',
        help_heading = "Security"
    )]
    external_host: Vec<String>,
    /// The path below which a proxy shows the service, for example `/gugus`. The proxy may take the path off or leave it on
    #[arg(long, value_name = "PATH", help_heading = "Security")]
    root_path: Option<RootPath>,
    /// The longest body of a request; longer ones get 413
    #[arg(
        long,
        value_name = "SIZE",
        default_value = "8MiB",
        help_heading = "Limits"
    )]
    max_body: ByteSize,
    /// The most records of a request; requests with more get 413
    #[arg(
        long,
        value_name = "N",
        default_value = "1000000",
        help_heading = "Limits"
    )]
    max_rows: NonZeroUsize,
    /// The most requests that are answered at a time. Each may hold a body, so this number bounds the memory
    #[arg(
        long,
        value_name = "N",
        default_value = "1024",
        help_heading = "Limits"
    )]
    max_in_flight: NonZeroUsize,
    /// The most requests that wait for their turn; others get 503 with Retry-After at once
    #[arg(
        long,
        value_name = "N",
        default_value = "1024",
        help_heading = "Limits"
    )]
    max_queued: usize,
    /// How long a request may take, with its body and its time in the queue; then it gets 503
    #[arg(long, value_name = "TIME", default_value = "90s", value_parser = humantime::parse_duration, help_heading = "Limits")]
    max_request_time: Duration,
    /// Log one line for each request, without queries, headers and bodies
    #[arg(long)]
    access_log: bool,
}

impl GuardFlags {
    /// Reads the files and sets the guards of `config`.
    pub(crate) fn set(self, config: &mut Config) -> Result<(), Failure> {
        let guards = &mut config.guards;
        guards.token = self.token.load()?;
        guards.certificate = match (&self.tls_cert, &self.tls_key) {
            (None, None) => None,
            (Some(certificate), Some(key)) => {
                Some(ServerCertificate::load(certificate, key).map_err(Failure::usage)?)
            }
            (Some(_), None) => return Err(missing("--tls-key")),
            (None, Some(_)) => return Err(missing("--tls-cert")),
        };
        self.limits.set(config);
        Ok(())
    }
}

impl LimitFlags {
    /// Sets these guards of `config`.
    pub(crate) fn set(self, config: &mut Config) {
        let guards = &mut config.guards;
        guards.origins = self.cors_origin;
        guards.hosts = self.external_host;
        guards.root_path = self.root_path;
        guards.in_flight = self.max_in_flight;
        guards.queued = self.max_queued;
        guards.request_time = self.max_request_time;
        if self.access_log {
            guards.access_log = AccessLog::On;
        }
        config.body_limit = usize::try_from(self.max_body.as_u64()).unwrap_or(usize::MAX);
        config.max_rows = self.max_rows.get();
    }
}

fn missing(flag: &str) -> Failure {
    Failure::usage(format!(
        "TLS wants a certificate and its key; {flag} is missing"
    ))
}
