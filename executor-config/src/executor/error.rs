//! Why an executor ended, or did not begin.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use thiserror::Error;

use crate::connection::access::AccessError;
use crate::connection::address::ClusterUrl;
use crate::connection::status::GrpcError;

/// What to do about an executor that cannot be called.
pub(super) const OPEN_THE_PORT: &str = "see that no firewall between them blocks this port (--listen chooses it), and that the scheduler's machine knows this host (--external-host)";

/// Why an executor ended, or did not begin.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ExecutorError {
    /// The address cannot be listened on.
    #[error("the executor cannot listen on {address}; name another with --listen")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// The error of the system.
        #[source]
        source: io::Error,
    },
    /// The folder for results cannot be used.
    #[error("the executor cannot use its work folder {}", path.display())]
    WorkDir {
        /// The folder.
        path: PathBuf,
        /// The error of the system.
        #[source]
        source: io::Error,
    },
    /// The metrics cannot be made.
    #[error("the executor's metrics could not be made")]
    Metrics(#[source] prometheus::Error),
    /// No threads for tasks.
    #[error("the threads for tasks could not be started")]
    Threads(#[source] io::Error),
    /// The certificates cannot be served.
    #[error("the executor's port cannot be opened with TLS")]
    Tls(#[source] rustls::Error),
    /// The scheduler is not there, or this executor cannot work with it.
    #[error(transparent)]
    Access(AccessError),
    /// The scheduler cannot call this executor back.
    #[error(
        "the scheduler at {scheduler} cannot call {address}, this executor; {}",
        OPEN_THE_PORT
    )]
    Unreachable {
        /// The scheduler.
        scheduler: ClusterUrl,
        /// The address under which this executor registers.
        address: String,
        /// What the scheduler says.
        #[source]
        status: GrpcError,
    },
    /// The scheduler refuses this executor.
    #[error("the scheduler at {scheduler} refused this executor: {status}")]
    Refused {
        /// The scheduler asked.
        scheduler: ClusterUrl,
        /// The refusal.
        #[source]
        status: GrpcError,
    },
    /// The executor's own port failed.
    #[error("the executor's port failed")]
    Serve(#[source] gugus_http::Error),
}
