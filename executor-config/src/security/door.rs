//! The way into a port of the cluster: the TLS handshake, if there is TLS, and the identity of the caller.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use gugus_http::Accept;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::settings::{Port, Security};
use super::tls::Clients;

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
    /// A certificate of our authority. Any other certificate ends the connection.
    Trusted,
    /// No certificate.
    Absent,
}

/// Accepts the connections of a port.
#[derive(Clone)]
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

impl Security {
    /// The door of a port.
    ///
    /// # Errors
    /// The error of rustls. Files that [`Tls::load`] has checked cause none.
    pub fn door(&self, port: Port) -> Result<Door, rustls::Error> {
        let clients = match port {
            // Browsers and probes have no certificate; the guard asks them for the token.
            Port::Scheduler => Clients::Any,
            Port::Executor => Clients::Certified,
        };
        let tls = self.tls.as_ref().map(|tls| tls.acceptor(clients));
        Ok(Door {
            tls: tls.transpose()?,
        })
    }
}

impl Accept for Door {
    type Stream = DoorStream;
    type Peer = Peer;

    async fn accept(
        self,
        stream: TcpStream,
        address: SocketAddr,
    ) -> io::Result<(DoorStream, Peer)> {
        let Some(tls) = self.tls else {
            let certificate = PeerCertificate::Absent;
            return Ok((
                DoorStream::Plain(stream),
                Peer {
                    address,
                    certificate,
                },
            ));
        };
        let stream = tls.accept(stream).await?;
        let certificate = match stream.get_ref().1.peer_certificates() {
            Some(_) => PeerCertificate::Trusted,
            None => PeerCertificate::Absent,
        };
        Ok((
            DoorStream::Tls(Box::new(stream)),
            Peer {
                address,
                certificate,
            },
        ))
    }
}

/// An accepted connection.
#[derive(Debug)]
pub enum DoorStream {
    /// Without TLS.
    Plain(TcpStream),
    /// After a handshake.
    Tls(Box<TlsStream<TcpStream>>),
}

impl AsyncRead for DoorStream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_read(context, buffer),
            Self::Tls(tls) => Pin::new(tls).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for DoorStream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_write(context, bytes),
            Self::Tls(tls) => Pin::new(tls).poll_write(context, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_write_vectored(context, slices),
            Self::Tls(tls) => Pin::new(tls).poll_write_vectored(context, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(tcp) => tcp.is_write_vectored(),
            Self::Tls(tls) => tls.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_flush(context),
            Self::Tls(tls) => Pin::new(tls).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_shutdown(context),
            Self::Tls(tls) => Pin::new(tls).poll_shutdown(context),
        }
    }
}
