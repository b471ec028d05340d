//! The certificate that a server shows.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::danger::ClientCertVerifier;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use tokio_rustls::TlsAcceptor;

use crate::pem::{TlsError, certificates, read};
use crate::secret::warn_if_open;

/// A certificate and its key, loaded and checked. All clones share them.
#[derive(Clone)]
pub struct ServerCertificate(Arc<CertifiedKey>);

impl fmt::Debug for ServerCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServerCertificate")
    }
}

impl ServerCertificate {
    /// Reads a certificate, followed by those between it and its authority, and its key, all PEM.
    ///
    /// # Errors
    /// [`TlsError`] that names the file.
    pub fn load(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        let chain = certificates(&read(certificate)?, certificate)?;
        warn_if_open(key);
        let private =
            PrivateKeyDer::from_pem_slice(&read(key)?).map_err(|_| TlsError::Content {
                path: key.to_owned(),
                wanted: "private key",
                section: "-----BEGIN PRIVATE KEY-----",
            })?;
        let provider = rustls::crypto::ring::default_provider();
        let own = CertifiedKey::from_der(chain, private, &provider);
        let own = own.map_err(|source| TlsError::Key {
            key: key.to_owned(),
            certificate: certificate.to_owned(),
            source,
        })?;
        Ok(Self(Arc::new(own)))
    }

    /// The certificate, and those between it and its authority.
    #[must_use]
    pub fn chain(&self) -> &[CertificateDer<'static>] {
        &self.0.cert
    }

    /// The TLS settings of a server, for HTTP/2 and HTTP/1.1, because gRPC and people with `curl` may share a port. Clients
    /// show a certificate where a verifier asks for it.
    ///
    /// # Errors
    /// The error of rustls; none that files could cause.
    pub fn acceptor(
        &self,
        clients: Option<Arc<dyn ClientCertVerifier>>,
    ) -> Result<TlsAcceptor, rustls::Error> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder =
            ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        let builder = match clients {
            Some(verifier) => builder.with_client_cert_verifier(verifier),
            None => builder.with_no_client_auth(),
        };
        let resolver = SingleCertAndKey::from(Arc::clone(&self.0));
        let mut config = builder.with_cert_resolver(Arc::new(resolver));
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}
