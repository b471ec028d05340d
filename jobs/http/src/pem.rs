//! Certificates and keys in files.
//!
//! Invariant: mistakes in the files show when the files are loaded, by an error that names the file, and not by a
//! connection that fails later.

use std::path::{Path, PathBuf};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use thiserror::Error;

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

/// The content of a file.
///
/// # Errors
/// [`TlsError::Read`].
pub fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    gugus_error::read_regular(path).map_err(|source| TlsError::Read {
        path: path.to_owned(),
        source,
    })
}

/// The certificates in the content of the file at `path`: one or more.
///
/// # Errors
/// [`TlsError::Content`].
pub fn certificates(pem: &[u8], path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
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
