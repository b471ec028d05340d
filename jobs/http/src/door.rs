//! The way into a port: the TLS handshake, if there is TLS, and the identity of the caller.

use std::io;
use std::net::SocketAddr;

use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::either::Either;

use crate::accept::Accept;

/// The caller at the other end of a connection. Every request over the connection has it among its extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The address of the caller.
    pub address: SocketAddr,
    /// The proof that the caller showed.
    pub certificate: PeerCertificate,
}

/// Whether a caller showed a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerCertificate {
    /// A certificate of the authority that the port trusts. Any other certificate ends the connection.
    Trusted,
    /// No certificate.
    Absent,
}

/// Accepts the connections of a port, plain unless the port has TLS.
#[derive(Clone, Default)]
pub struct Door {
    tls: Option<TlsAcceptor>,
}

impl std::fmt::Debug for Door {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.tls.is_some() {
            "Door(TLS)"
        } else {
            "Door"
        })
    }
}

impl Door {
    /// The door of a port with TLS.
    #[must_use]
    pub fn with_tls(acceptor: TlsAcceptor) -> Self {
        Self {
            tls: Some(acceptor),
        }
    }
}

/// An accepted connection, without TLS or after a handshake.
pub type DoorStream = Either<TcpStream, Box<TlsStream<TcpStream>>>;

impl Accept for Door {
    type Stream = DoorStream;
    type Peer = Peer;

    async fn accept(
        self,
        stream: TcpStream,
        address: SocketAddr,
    ) -> io::Result<(DoorStream, Peer)> {
        let stream = match self.tls {
            Some(tls) => Either::Right(Box::new(tls.accept(stream).await?)),
            None => Either::Left(stream),
        };
        let certificate = match &stream {
            Either::Right(tls) if tls.get_ref().1.peer_certificates().is_some() => {
                PeerCertificate::Trusted
            }
            _ => PeerCertificate::Absent,
        };
        let peer = Peer {
            address,
            certificate,
        };
        Ok((stream, peer))
    }
}
