//! Errors in a job file, with their place.

use std::fmt;
use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// Why there is no job. For every error but [`Error::Read`], edit the file at the place that the error names.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// The file cannot be read, or is not UTF-8: check its path and its encoding.
    #[error("cannot read the job file {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// The text is not TOML.
    #[error("{place}: not TOML: {message}")]
    Syntax {
        /// Where parsing stopped.
        place: Place,
        /// What the parser wanted.
        message: String,
    },
    /// A key is unknown in its table.
    #[error("{place}: unknown key {key:?} in {table}{}", Hint { nearest: *nearest, allowed })]
    UnknownKey {
        /// Where the key stands.
        place: Place,
        /// The key.
        key: Box<str>,
        /// The table it stands in, as a header: `[source]`.
        table: Box<str>,
        /// The most similar allowed key, if one is similar.
        nearest: Option<&'static str>,
        /// All allowed keys of the table.
        allowed: Box<[&'static str]>,
    },
    /// A required key is missing.
    #[error("{place}: {table} lacks the key {key:?}, {expected}")]
    MissingKey {
        /// Where the table begins.
        place: Place,
        /// The table, as a header.
        table: Box<str>,
        /// The key to add.
        key: &'static str,
        /// The value that the key needs.
        expected: &'static str,
    },
    /// The value of a key is not allowed.
    #[error("{place}: {key} in {table} is {found}, but {expected}")]
    Value {
        /// Where the value stands.
        place: Place,
        /// The key.
        key: Box<str>,
        /// The table it stands in, as a header.
        table: Box<str>,
        /// The value, shortened.
        found: Box<str>,
        /// The allowed values, as a clause.
        expected: Box<str>,
    },
}

impl Error {
    /// The place in the file, if the error has one.
    pub fn place(&self) -> Option<&Place> {
        match self {
            Self::Read { .. } => None,
            Self::Syntax { place, .. }
            | Self::UnknownKey { place, .. }
            | Self::MissingKey { place, .. }
            | Self::Value { place, .. } => Some(place),
        }
    }
}

/// A line of a job file. Displays as `crime.toml line 12`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// What the file is called, in general its path.
    pub origin: String,
    /// The line, from 1.
    pub line: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} line {}", self.origin, self.line)
    }
}

/// The end of the message about an unknown key: the most similar key, or all keys if none is similar.
struct Hint<'a> {
    nearest: Option<&'a str>,
    allowed: &'a [&'a str],
}

impl fmt::Display for Hint<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.nearest {
            Some(nearest) => write!(f, ", did you mean {nearest:?}"),
            None => write!(f, ", it takes {}", self.allowed.join(", ")),
        }
    }
}
