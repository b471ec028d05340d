//! What can go wrong here, by what the caller does about it.

use std::fmt;

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
    /// 2 for wrong usage, 1 for the rest: the same numbers as `gugus` itself has.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Problem::Usage(_) => 2,
            Problem::Missing(_) | Problem::Failed(_) => 1,
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
