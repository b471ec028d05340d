//! The one place where errors become exit codes.

use std::error::Error;
use std::process::ExitCode;

use gugus_error::Kind;

use crate::signals::{Signal, Stop};

/// The exit code of a command that did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    /// The command did its work.
    Done,
    /// The command did its work and found problems (`batches verify`).
    Problems,
    /// The command did its work, but some models failed.
    SomeModelsFailed,
    /// The command did its work, but rejected every record.
    AllRejected,
}

impl Code {
    /// The code of a command that trained or fitted models, of which so many failed.
    pub(crate) fn of_models(failed: u64) -> Self {
        match failed {
            0 => Self::Done,
            _ => Self::SomeModelsFailed,
        }
    }
}

impl From<Code> for ExitCode {
    fn from(code: Code) -> Self {
        ExitCode::from(match code {
            Code::Done => 0,
            Code::Problems => 1,
            Code::SomeModelsFailed | Code::AllRejected => 3,
        })
    }
}

/// Why a command gave no result.
#[derive(Debug)]
pub(crate) enum Failure {
    /// An error, with its kind.
    Error(Kind, Box<dyn Error + Send + Sync>),
    /// A signal cut the command short.
    Interrupted(Box<dyn Error + Send + Sync>),
}

impl Failure {
    pub(crate) fn failed(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Error(Kind::Failed, error.into())
    }

    pub(crate) fn usage(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Error(Kind::Usage, error.into())
    }

    pub(crate) fn interrupted(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Interrupted(error.into())
    }
}

impl From<gugus_ingest::Error> for Failure {
    fn from(error: gugus_ingest::Error) -> Self {
        Self::Error(error.kind(), error.into())
    }
}

impl From<gugus_up::Error> for Failure {
    fn from(error: gugus_up::Error) -> Self {
        Self::Error(error.kind(), error.into())
    }
}

impl From<gugus_train::Error> for Failure {
    fn from(error: gugus_train::Error) -> Self {
        match error {
            gugus_train::Error::Interrupted { .. } => Self::interrupted(error),
            _ => Self::Error(error.kind(), error.into()),
        }
    }
}

impl From<gugus_evaluate::Error> for Failure {
    fn from(error: gugus_evaluate::Error) -> Self {
        match error {
            gugus_evaluate::Error::Stopped => Self::interrupted(error),
            _ => Self::Error(error.kind(), error.into()),
        }
    }
}

/// An error of a command that a signal cut short. `text` says what is done and how to go on.
pub(crate) fn unless_stopped(stop: &Stop, text: &'static str) -> Result<(), Failure> {
    match stop.signal() {
        None => Ok(()),
        Some(_) => Err(Failure::interrupted(text)),
    }
}

/// Ends the process with an error of the command line, which repeats arguments. An argument may hold any character.
pub(crate) fn usage(error: &clap::Error) -> ! {
    use clap::error::ErrorKind;
    match error.kind() {
        ErrorKind::DisplayHelp
        | ErrorKind::DisplayVersion
        | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => error.exit(),
        _ => {
            // Without colors: the text of an argument could pose as one.
            let text = error.render().to_string();
            eprint!("{}", gugus_error::printable(&text));
            std::process::exit(error.exit_code())
        }
    }
}

/// Turns the end of a command into an exit code. Prints an error with all its causes; `signal` is the one that came.
pub(crate) fn code(ended: Result<Code, Failure>, signal: Option<Signal>) -> ExitCode {
    let (code, error) = match ended {
        Ok(code) => return code.into(),
        Err(Failure::Error(kind, error)) => (kind.exit_code(), error),
        Err(Failure::Interrupted(error)) => {
            let signal = signal.unwrap_or(Signal::Interrupt);
            (signal.exit_code(), error)
        }
    };
    let text = gugus_error::chain_with(&*error, "\n  caused by: ");
    eprintln!("error: {}", gugus_error::printable(&text));
    ExitCode::from(code)
}
