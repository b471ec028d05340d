//! The common part of all errors of Gugus: their kind, and how an error is printed with its causes.
//!
//! Each crate has its own error type, because only the crate knows what can go wrong in it. Programs need two answers from
//! every one of these types. [`Kind`] says whether the request was wrong or the work failed: that decides the exit code of
//! a command and the status of an HTTP answer. [`chain`] prints an error and its causes in one line, for logs and answers.
//!
//! # What it guarantees
//! * One place maps a [`Kind`] to an exit code ([`Kind::exit_code`]), and one to an HTTP status ([`Kind::http_status`]).
//! * [`chain`] says nothing twice: many errors repeat the words of their cause.
//! * [`printable`] leaves nothing in a text that a terminal obeys.
//! * [`open_regular`] refuses pipes, devices and sockets at once, so that no pipe in the place of a file holds up a process.
//! * [`catch`] keeps a panic inside one call. Programs that call [`hush_caught`] print nothing about such a panic.
//!
//! # What it is not
//! It is no error type. A type that every crate shares would have to know all that can go wrong in any of them, and would
//! take from callers what they match on. It is no trait either: a method `kind` of each error type needs no import.
//!
//! ```
//! use gugus_error::{Kind, chain};
//!
//! let cause = std::io::Error::other("no space left on device");
//! let error = std::io::Error::other(cause);
//! assert_eq!(chain(&error), "no space left on device");
//! assert_eq!((Kind::Usage.exit_code(), Kind::Failed.exit_code()), (2, 1));
//! ```

mod panics;
mod printable;
mod regular;

use std::error::Error;

pub use panics::{catch, hush_caught, panic_text};
pub use printable::{printable, printable_json, turns_text};
pub use regular::{open_regular, open_regular_with, read_regular, read_regular_text};

/// Whether a user must change the request, or the work failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Kind {
    /// The caller: the request, the job file or the input is wrong. Nothing was begun.
    Usage,
    /// The request was right. The work failed on the way.
    Failed,
}

impl Kind {
    /// The exit code of a command that ends with such an error.
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Failed => 1,
            Self::Usage => 2,
        }
    }

    /// The HTTP status of an answer that tells such an error, where no other status says more.
    #[must_use]
    pub fn http_status(self) -> u16 {
        match self {
            Self::Usage => 422,
            Self::Failed => 500,
        }
    }
}

/// An error and its causes in one line, without words that were said already.
#[must_use]
pub fn chain(error: &(dyn Error + 'static)) -> String {
    chain_with(error, ": ")
}

/// As [`chain`], with other words before each cause.
#[must_use]
pub fn chain_with(error: &(dyn Error + 'static), before_cause: &str) -> String {
    let mut text = String::new();
    for error in causes(error) {
        let words = error.to_string();
        if text.is_empty() {
            text = words;
        } else if !text.contains(&words) {
            text.push_str(before_cause);
            text.push_str(&words);
        }
    }
    text
}

/// An error, its cause, the cause of that, and so on.
pub fn causes<'a>(
    error: &'a (dyn Error + 'static),
) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

/// The first error of type `E` among an error and its causes.
#[must_use]
pub fn find<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    causes(error).find_map(|error| error.downcast_ref())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt;

    #[derive(Debug)]
    struct Told(&'static str, Option<Box<Told>>);

    impl fmt::Display for Told {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }

    impl Error for Told {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            self.1.as_deref().map(|cause| cause as _)
        }
    }

    #[test]
    fn causes_follow_in_one_line_and_nothing_is_said_twice() {
        let disk = Told("disk full", None);
        let write = Told("write of a.parquet: disk full", Some(Box::new(disk)));
        let commit = Told("batch 3 was not committed", Some(Box::new(write)));
        let all = "batch 3 was not committed: write of a.parquet: disk full";
        assert_eq!(chain(&commit), all);
        let lines = "batch 3 was not committed\n  caused by: write of a.parquet: disk full";
        assert_eq!(chain_with(&commit, "\n  caused by: "), lines);
        assert_eq!(causes(&commit).count(), 3);
    }

    #[test]
    fn a_cause_is_found_by_its_type() {
        let inner = std::io::Error::other(Told("inner", None));
        assert!(find::<std::io::Error>(&inner).is_some());
        assert!(find::<fmt::Error>(&inner).is_none());
    }
}
