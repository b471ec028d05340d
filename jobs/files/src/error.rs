//! The errors of a place for files, by what the caller can do about them.

use std::{io, path::Path};

/// A failure of the folder or object store itself, before anybody looked into a file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The location names a kind of store that this build does not have.
    #[error(
        "{location}: stores of scheme {scheme}:// are not built in; name a local folder, as a path or a file:// url, or s3://bucket/prefix"
    )]
    Unsupported {
        /// The location as it was given.
        location: String,
        /// The part before `://`.
        scheme: String,
    },
    /// The location is no path that we can use.
    #[error("{location:?} does not name a folder: {reason}")]
    Location {
        /// The location as it was given.
        location: String,
        /// The mistake.
        reason: String,
    },
    /// The settings for this kind of store in the process's environment are wrong.
    #[error("{location} cannot be opened: {reason}")]
    Settings {
        /// The location as it was given.
        location: String,
        /// The variables that are missing or contradict each other.
        reason: String,
    },
    /// A file stands where a folder should be.
    #[error("{path} is a file where a folder is needed; move it away, or name another folder")]
    NotAFolder {
        /// The path that was to be a folder.
        path: String,
    },
    /// Nothing is there.
    #[error("{path} is not there")]
    NotFound {
        /// The missing content.
        path: String,
    },
    /// The operating system or the object store refuses us.
    #[error(
        "{action} {path} is not permitted; give this user the right to, or name another folder"
    )]
    Denied {
        /// The operation, such as "reading".
        action: &'static str,
        /// The file or folder.
        path: String,
        /// The error of the system.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The object store has no such bucket.
    #[error("{path}: there is no bucket {bucket} at {endpoint}; create it, or name another")]
    NoBucket {
        /// The file or folder that was asked for.
        path: String,
        /// The bucket.
        bucket: String,
        /// The store that was asked.
        endpoint: String,
    },
    /// The object store does not take our credentials, or there are none.
    #[error(
        "{action} {path}: {endpoint} does not take the credentials; check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN"
    )]
    Credentials {
        /// The operation, such as "reading".
        action: &'static str,
        /// The file or folder.
        path: String,
        /// The store that was asked.
        endpoint: String,
        /// Its error.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The bucket is in another region than requests are signed for.
    #[error("{path}: the bucket {bucket} is in another region; set AWS_REGION to the bucket's")]
    Region {
        /// The file or folder that was asked for.
        path: String,
        /// The bucket.
        bucket: String,
        /// The answer of the store; it may name the region.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The object store does not answer at its endpoint. Trying again may help.
    #[error(
        "{action} {path} failed: {endpoint} cannot be reached; check AWS_ENDPOINT_URL and the network"
    )]
    Unreachable {
        /// The operation, such as "reading".
        action: &'static str,
        /// The file or folder.
        path: String,
        /// The store that was asked.
        endpoint: String,
        /// The error of the system.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Without hard links there is no way to create a file that two writers cannot create at the same time.
    #[error(
        "the file system of {folder} has no hard links, which commits need; put the batches on a local disk"
    )]
    HardLinks {
        /// The folder.
        folder: String,
        /// The error of the system.
        #[source]
        source: io::Error,
    },
    /// Without creations that fail where something stands, two writers would overwrite each other's files.
    #[error(
        "{folder}: the store lets a second creation of the same name through, so commits would overwrite each other; use a store that honours If-None-Match on PUT, or a local folder"
    )]
    CreateOnly {
        /// The folder.
        folder: String,
        /// The answer of the store, if it refused the header itself.
        #[source]
        source: Option<Box<StoreError>>,
    },
    /// Anything else the system reports: a full disk, a broken connection. Trying again may help.
    #[error("{action} {path} failed")]
    Failed {
        /// The operation, such as "reading".
        action: &'static str,
        /// The file or folder.
        path: String,
        /// The error of the system.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl StoreError {
    /// True when nothing stands at the place that was asked for.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::NotFound { .. })
    }

    /// True when the same may succeed later, without anybody changing anything.
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::Failed { .. } | Self::Unreachable { .. })
    }

    /// An error of the system on this machine.
    pub(crate) fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        let path = path.display().to_string();
        match source.kind() {
            io::ErrorKind::NotFound => Self::NotFound { path },
            io::ErrorKind::NotADirectory => Self::NotAFolder { path },
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Self::Denied {
                action,
                path,
                source: source.into(),
            },
            _ => Self::Failed {
                action,
                path,
                source: source.into(),
            },
        }
    }
}
