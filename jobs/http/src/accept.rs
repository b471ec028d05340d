//! What a port does with a connection before it is served.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

/// Turns an accepted connection into one that can be served, for example by TLS.
pub trait Accept: Clone + Send + 'static {
    /// The connection to be served.
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;
    /// What is known about the other end. Every request over the connection has this among its extensions.
    type Peer: Clone + Send + Sync + 'static;

    /// Turns one connection. An error is the client's fault and costs a debug line.
    fn accept(
        self,
        stream: TcpStream,
        address: SocketAddr,
    ) -> impl Future<Output = io::Result<(Self::Stream, Self::Peer)>> + Send;
}
