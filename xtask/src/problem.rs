//! What can go wrong here, by what the caller does about it.

use std::fmt;

use gugus_error::Kind;

/// Why a command ended early. Each is told to a person, who reads the text and acts.
#[derive(Debug)]
pub(crate) enum Problem {
    /// The command line makes no sense; nothing was begun.
    Usage(String),
    /// Something that must be there is not; the text says how to get it.
    Missing(String),
    /// A program that we ran failed; it has said why itself.
    Failed(String),
}

impl Problem {
    /// Decides the exit code, as for `gugus` itself.
    pub(crate) fn kind(&self) -> Kind {
        match self {
            Problem::Usage(_) => Kind::Usage,
            Problem::Missing(_) | Problem::Failed(_) => Kind::Failed,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::Usage(text) | Problem::Missing(text) | Problem::Failed(text) => {
                f.write_str(text)
            }
        }
    }
}

impl std::error::Error for Problem {}
