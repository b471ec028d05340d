//! The one place where errors become exit codes.

use std::error::Error;
use std::process::ExitCode;

use crate::signals::Signal;

/// What a command that did not fail says by its exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    /// Everything was done.
    Done,
    /// It was done, and the result is that something is wrong (`batches verify`).
    Problems,
    /// It was finished, but some models failed.
    SomeModelsFailed,
}

impl From<Code> for ExitCode {
    fn from(code: Code) -> Self {
        ExitCode::from(match code {
            Code::Done => 0,
            Code::Problems => 1,
            Code::SomeModelsFailed => 3,
        })
    }
}

/// Why a command gave no result.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It failed on the way.
    Failed(Box<dyn Error + Send + Sync>),
    /// The request, the job file or the input was wrong; nothing was begun.
    Usage(Box<dyn Error + Send + Sync>),
    /// A signal cut it short.
    Interrupted(Signal, Box<dyn Error + Send + Sync>),
}

impl Failure {
    pub(crate) fn failed(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Failed(error.into())
    }

    pub(crate) fn usage(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Usage(error.into())
    }
}

/// Prints an error with all its causes, and says which exit code it means.
pub(crate) fn report(failure: Failure) -> ExitCode {
    let (code, error) = match failure {
        Failure::Failed(error) => (1, error),
        Failure::Usage(error) => (2, error),
        Failure::Interrupted(signal, error) => (signal.exit_code(), error),
    };
    let mut text = format!("error: {error}");
    let mut said = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        // Some errors already hold their cause's words; saying them twice helps nobody.
        if !said.contains(&cause_text) {
            text.push_str("\n  caused by: ");
            text.push_str(&cause_text);
            said = cause_text;
        }
        source = cause.source();
    }
    eprintln!("{text}");
    ExitCode::from(code)
}
