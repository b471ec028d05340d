//! Mutual TLS between the processes of a cluster.
//!
//! Every process has a certificate of the cluster's own authority. It shows this certificate when it calls and when it is
//! called. Invariant: mistakes in the files show when the files are loaded, by an error that names the file, and not by a
//! connection that fails later.

use std::error::Error as _;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::sign::CertifiedKey;
use rustls::{RootCertStore, ServerConfig};
use thiserror::Error;
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

/// Files that cannot be used for TLS.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file cannot be read.
    #[error("the TLS file {} could not be read", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        #[source]
        source: std::io::Error,
    },
    /// A file does not hold what it should.
    #[error("the TLS file {} holds no {wanted} in PEM; it must have a section {section}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// The missing content.
        wanted: &'static str,
        /// How such a section begins.
        section: &'static str,
    },
    /// A certificate in the file of authorities is not that of an authority.
    #[error("the TLS file {} holds a certificate that cannot be used as an authority", path.display())]
    Authority {
        /// The file.
        path: PathBuf,
        /// The error of rustls.
        #[source]
        source: rustls::Error,
    },
    /// Certificate and key do not belong together.
    #[error("the key in {} is not that of the certificate in {}", key.display(), certificate.display())]
    Key {
        /// The key's file.
        key: PathBuf,
        /// The certificate's file.
        certificate: PathBuf,
        /// The error of rustls.
        #[source]
        source: rustls::Error,
    },
    /// The authority would not accept this process's own certificate.
    #[error(
        "the certificate in {} would be refused by the others: it must be signed by an authority in {}, be valid now, and be for both server and client use", certificate.display(), authority.display()
    )]
    Certificate {
        /// The certificate's file.
        certificate: PathBuf,
        /// The file of authorities.
        authority: PathBuf,
        /// The error of rustls.
        #[source]
        source: rustls::Error,
    },
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
    own: Arc<CertifiedKey>,
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

        let mut roots = RootCertStore::empty();
        for root in certificates(&authority, &files.authority)? {
            roots.add(root).map_err(|source| TlsError::Authority {
                path: files.authority.clone(),
                source,
            })?;
        }
        let roots = Arc::new(roots);
        let chain = certificates(&certificate, &files.certificate)?;
        let private = PrivateKeyDer::from_pem_slice(&key).map_err(|_| TlsError::Content {
            path: files.key.clone(),
            wanted: "private key",
            section: "-----BEGIN PRIVATE KEY-----",
        })?;
        let own =
            CertifiedKey::from_der(chain, private, &provider).map_err(|source| TlsError::Key {
                key: files.key.clone(),
                certificate: files.certificate.clone(),
                source,
            })?;
        let tls = Self {
            client: ClientTlsConfig::new()
                .ca_certificate(Certificate::from_pem(authority))
                .identity(Identity::from_pem(certificate, key)),
            provider,
            roots,
            own: Arc::new(own),
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
        let Some((first, rest)) = self.own.cert.split_first() else {
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

    /// The TLS settings of a server, for HTTP/2 and HTTP/1.1, because gRPC and people with `curl` share a port.
    ///
    /// # Errors
    /// The error of rustls. Files that [`Tls::load`] has checked cause none.
    pub fn acceptor(&self, clients: Clients) -> Result<TlsAcceptor, rustls::Error> {
        let mut config = ServerConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()?
            .with_client_cert_verifier(self.verifier(clients)?)
            .with_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(Arc::clone(
                &self.own,
            ))));
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    std::fs::read(path).map_err(|source| TlsError::Read {
        path: path.to_owned(),
        source,
    })
}

fn certificates(pem: &[u8], path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err(TlsError::Content {
            path: path.to_owned(),
            wanted: "certificate",
            section: "-----BEGIN CERTIFICATE-----",
        }),
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
