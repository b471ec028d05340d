//! What goes wrong between us and the place where files lie, by what the caller can do about it.

use std::{io, path::Path};

/// A failure of the folder or object store itself, before anybody looked into a file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The location names a kind of store that this build does not have.
    #[error(
        "{location}: stores of scheme {scheme}:// are not built in; name a local folder, as a path or a file:// url"
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
        /// What is the matter with it.
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
        /// What was looked for.
        path: String,
    },
    /// The operating system or the object store refuses us.
    #[error(
        "{action} {path} is not permitted; give this user the right to, or name another folder"
    )]
    Denied {
        /// What was tried, as in "reading".
        action: &'static str,
        /// On which file or folder.
        path: String,
        /// What the system said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Anything else the system reports: a full disk, a broken connection. Trying again may help.
    #[error("{action} {path} failed")]
    Failed {
        /// What was tried, as in "reading".
        action: &'static str,
        /// On which file or folder.
        path: String,
        /// What the system said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl StoreError {
    /// True when nothing stands at the place that was asked for.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::NotFound { .. })
    }

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

    pub(crate) fn object(action: &'static str, path: String, source: object_store::Error) -> Self {
        match source {
            object_store::Error::NotFound { .. } => Self::NotFound { path },
            object_store::Error::PermissionDenied { .. }
            | object_store::Error::Unauthenticated { .. } => Self::Denied {
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

    pub(crate) fn join(source: tokio::task::JoinError) -> Self {
        Self::Failed {
            action: "waiting for a thread that works on",
            path: "files".to_owned(),
            source: source.into(),
        }
    }
}
