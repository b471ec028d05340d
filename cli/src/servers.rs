//! Sockets of servers, and the server of `ingest --listen` and `executor --monitor`: metrics, health, readiness.

use std::net::{SocketAddr, TcpListener, ToSocketAddrs};

use gugus_http::{Hosts, Monitor};
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
    /// On loopback it answers to addresses, `localhost` and these names.
    pub(crate) fn start(
        address: SocketAddr,
        names: impl IntoIterator<Item = String>,
        monitor: &Monitor,
    ) -> Result<Self, Failure> {
        let listener = listen(address)?;
        let address = listener.local_addr().map_err(Failure::failed)?;
        let routes = monitor.routes(Hosts::of(address.ip(), None, names, &[]));
        let stop = CancellationToken::new();
        let server = gugus_http::serve(listener, routes, |_| {}, stop.clone());
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

/// Reads `HOST:PORT`, where the host is a name or an address. Of several addresses of a name, one of IP version 4 counts.
pub(crate) fn host_port(text: &str) -> Result<SocketAddr, String> {
    let found = text.to_socket_addrs();
    let found: Vec<SocketAddr> = found
        .map_err(|e| format!("{e}; name a host and a port, such as localhost:8000"))?
        .collect();
    let first = found.iter().find(|address| address.is_ipv4());
    let first = first.or(found.first()).copied();
    first.ok_or_else(|| "the name has no address".to_owned())
}

/// A socket for a server, or an error that names the address.
pub(crate) fn listen(address: SocketAddr) -> Result<TcpListener, Failure> {
    listen_as("--listen", address)
}

/// As [`listen`], for an address that another flag names.
pub(crate) fn listen_as(flag: &'static str, address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).map_err(|source| {
        Failure::failed(ListenError {
            address,
            flag,
            source,
        })
    })
}

#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}; name another address with {flag}, port 0 chooses a free one")]
struct ListenError {
    address: SocketAddr,
    flag: &'static str,
    #[source]
    source: std::io::Error,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_names_or_addresses() {
        for (text, address) in [
            ("localhost:0", "127.0.0.1:0"),
            ("127.0.0.1:8000", "127.0.0.1:8000"),
            ("[::1]:80", "[::1]:80"),
        ] {
            assert_eq!(host_port(text), Ok(address.parse().unwrap()), "{text}");
        }
        for text in ["localhost", "8000", "127.0.0.1:99999", ""] {
            assert!(
                host_port(text).unwrap_err().contains("localhost:8000"),
                "{text}"
            );
        }
    }
}
