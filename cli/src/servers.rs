//! Sockets of servers, and the server of `ingest --listen` and `executor --monitor`: metrics, health, readiness.

use std::net::{SocketAddr, TcpListener};

use gugus_http::Monitor;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::exit::Failure;

/// The server of metrics. It still answers while the service ends, and ends after the service.
pub(crate) struct Monitoring {
    pub(crate) address: SocketAddr,
    stop: CancellationToken,
    server: JoinHandle<Result<(), gugus_http::Error>>,
}

impl Monitoring {
    pub(crate) fn start(address: SocketAddr, monitor: &Monitor) -> Result<Self, Failure> {
        let listener = listen(address)?;
        let address = listener.local_addr().map_err(Failure::failed)?;
        let stop = CancellationToken::new();
        let server = gugus_http::serve(listener, monitor.routes(), |_| {}, stop.clone());
        Ok(Self {
            address,
            stop,
            server: tokio::spawn(server),
        })
    }

    pub(crate) async fn stop(self) -> Result<(), Failure> {
        self.stop.cancel();
        self.server
            .await
            .map_err(Failure::failed)?
            .map_err(Failure::failed)
    }
}

/// A socket for a server, or an error that names the address.
pub(crate) fn listen(address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).map_err(|source| Failure::failed(ListenError { address, source }))
}

#[derive(Debug, thiserror::Error)]
#[error(
    "cannot listen on {address}; name another address with --listen, port 0 chooses a free one"
)]
struct ListenError {
    address: SocketAddr,
    #[source]
    source: std::io::Error,
}
