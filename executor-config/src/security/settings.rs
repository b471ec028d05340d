//! TLS and token of a process, in one value that every role takes.

use std::net::IpAddr;

use gugus_http::{Door, Token};
use uuid::Uuid;

use super::tls::{Clients, Tls};

/// The proofs that a port accepts, beside a certificate of the cluster's authority.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Port {
    /// The port of a scheduler: it takes the token, and on joining demands the same version.
    Scheduler,
    /// The port of a scheduler inside a command that shows its pages on this machine. Its gRPC calls take the token. Its
    /// pages and documents take none, because the command made the token itself and nobody else knows it.
    Shown,
    /// The port of an executor, which Ballista's own clients call, too: it takes the token, or the secret derived from it.
    Executor,
}

/// TLS and the token of a process. Without both, connections are plain and anybody may call.
#[derive(Clone, Debug, Default)]
pub struct Security {
    /// Certificates, when connections are encrypted.
    pub tls: Option<Tls>,
    /// The cluster's token, when it has one.
    pub token: Option<Token>,
}

impl Security {
    /// These proofs, or a random token if there are none.
    #[must_use]
    pub fn or_random(self) -> Self {
        if self.is_proof() {
            return self;
        }
        let (first, second) = (Uuid::new_v4(), Uuid::new_v4());
        let mut bytes = [0; 32];
        bytes[..16].copy_from_slice(first.as_bytes());
        bytes[16..].copy_from_slice(second.as_bytes());
        Self {
            token: Some(Token::from_random(bytes)),
            ..self
        }
    }

    /// Whether callers must show the token or a certificate.
    #[must_use]
    pub fn is_proof(&self) -> bool {
        self.token.is_some() || self.tls.is_some()
    }

    /// The scheme of addresses that this process serves and calls: `http` or `https`.
    #[must_use]
    pub fn scheme(&self) -> &'static str {
        match self.tls {
            Some(_) => "https",
            None => "http",
        }
    }

    /// The door of a port.
    ///
    /// # Errors
    /// The error of rustls. Files that [`Tls::load`] has checked cause none.
    pub fn door(&self, port: Port) -> Result<Door, rustls::Error> {
        let clients = match port {
            // Browsers and probes have no certificate; the guard asks them for the token.
            Port::Scheduler | Port::Shown => Clients::Any,
            Port::Executor => Clients::Certified,
        };
        match &self.tls {
            Some(tls) => Ok(Door::with_tls(tls.acceptor(clients)?)),
            None => Ok(Door::default()),
        }
    }

    /// Warns about an address that others can reach without TLS or token. Loopback needs neither.
    pub fn warn_when_open(&self, role: &'static str, address: IpAddr) {
        if address.to_canonical().is_loopback() || self.tls.is_some() {
            return;
        }
        match self.token {
            None => tracing::warn!(
                %address,
                "this {role} takes work from anybody who reaches it, unencrypted: give it --tls-ca, --tls-cert and --tls-key, or keep others off this network"
            ),
            Some(_) => tracing::warn!(
                %address,
                "this {role} is reached without encryption, and whoever can listen learns the token: give it --tls-ca, --tls-cert and --tls-key"
            ),
        }
    }
}
