//! Mutual TLS between the processes of a cluster.
//!
//! Every process has a certificate of the cluster's own authority. It shows this certificate when it calls and when it is
//! called. Invariant: mistakes in the files show when the files are loaded, by an error that names the file, and not by a
//! connection that fails later.

use std::error::Error as _;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use gugus_http::pem::{certificates, read};
use gugus_http::{ServerCertificate, TlsError};
use rustls::RootCertStore;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::UnixTime;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use tokio_rustls::TlsAcceptor;
use tonic::transport::{Certificate, ClientTlsConfig, Identity};

/// The three files of a process, all PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificates of the trusted authorities.
    pub authority: PathBuf,
    /// This process's certificate, followed by those between it and the authority.
    pub certificate: PathBuf,
    /// The key of this process's certificate.
    pub key: PathBuf,
}

/// Which clients a server accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clients {
    /// Only clients with a certificate of the authority.
    Certified,
    /// Also clients without a certificate, from whom the guard demands the token. A certificate of another authority is
    /// refused.
    Any,
}

/// The TLS files of a process, loaded and checked. All clones share them.
#[derive(Clone)]
pub struct Tls {
    provider: Arc<CryptoProvider>,
    roots: Arc<RootCertStore>,
    own: ServerCertificate,
    client: ClientTlsConfig,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}

impl Tls {
    /// Reads and checks the files.
    ///
    /// # Errors
    /// [`TlsError`] that names the file.
    pub fn load(files: &TlsFiles) -> Result<Self, TlsError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let authority = read(&files.authority)?;
        let certificate = read(&files.certificate)?;
        let key = read(&files.key)?;
        let own = ServerCertificate::load(&files.certificate, &files.key)?;

        let mut roots = RootCertStore::empty();
        for root in certificates(&authority, &files.authority)? {
            roots.add(root).map_err(|source| TlsError::Authority {
                path: files.authority.clone(),
                source,
            })?;
        }
        let roots = Arc::new(roots);
        let tls = Self {
            client: ClientTlsConfig::new()
                .ca_certificate(Certificate::from_pem(authority))
                .identity(Identity::from_pem(certificate, key)),
            provider,
            roots,
            own,
        };
        tls.check_own().map_err(|source| TlsError::Certificate {
            certificate: files.certificate.clone(),
            authority: files.authority.clone(),
            source,
        })?;
        Ok(tls)
    }

    /// Checks our own certificate in the same way as a server that we call would check it.
    fn check_own(&self) -> Result<(), rustls::Error> {
        let Some((first, rest)) = self.own.chain().split_first() else {
            return Err(rustls::Error::NoCertificatesPresented);
        };
        self.verifier(Clients::Certified)?
            .verify_client_cert(first, rest, UnixTime::now())
            .map(drop)
    }

    fn verifier(&self, clients: Clients) -> Result<Arc<dyn ClientCertVerifier>, rustls::Error> {
        let builder = WebPkiClientVerifier::builder_with_provider(
            Arc::clone(&self.roots),
            Arc::clone(&self.provider),
        );
        let builder = match clients {
            Clients::Certified => builder,
            Clients::Any => builder.allow_unauthenticated(),
        };
        builder
            .build()
            .map_err(|error| rustls::Error::General(error.to_string()))
    }

    /// The TLS settings of a client.
    pub(crate) fn client(&self) -> ClientTlsConfig {
        self.client.clone()
    }

    /// This process's certificate and key, for other ports of this process.
    #[must_use]
    pub fn own(&self) -> &ServerCertificate {
        &self.own
    }

    /// The TLS settings of a server, for HTTP/2 and HTTP/1.1, because gRPC and people with `curl` share a port.
    ///
    /// # Errors
    /// The error of rustls. Files that [`Tls::load`] has checked cause none.
    pub fn acceptor(&self, clients: Clients) -> Result<TlsAcceptor, rustls::Error> {
        self.own.acceptor(Some(self.verifier(clients)?))
    }
}

/// The TLS error at the bottom of a transport's error, if there is one.
pub(crate) fn tls_error(error: &(dyn std::error::Error + 'static)) -> Option<rustls::Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<rustls::Error>() {
            return Some(found.clone());
        }
        let Some(system) = error.downcast_ref::<std::io::Error>() else {
            next = error.source();
            continue;
        };
        // In TLS 1.3 an alert of the other side comes after the handshake. It comes through h2, which keeps only its
        // text.
        if system.to_string().starts_with("received fatal alert") {
            return Some(rustls::Error::General(system.to_string()));
        }
        // This error does not name the error in it as its source.
        next = match system.get_ref() {
            Some(held) => Some(held),
            None => system.source(),
        };
    }
    None
}
