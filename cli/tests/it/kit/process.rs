//! The real binary, as a user's script runs it: arguments in, exit status, standard output and standard error out.
//!
//! Every run gets an empty folder to stand in and none of the developer's own settings: no `gugus.toml` that happens
//! to lie about, no `GUGUS_…` variable, no `RUST_LOG`. Nothing here waits without a deadline, and nothing outlives the
//! test that started it.

use std::ffi::{OsStr, OsString};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Command;

pub(crate) use crate::kit::output::Output;
pub(crate) use crate::kit::up::{Signal, Up};

/// Says on standard error that a test cannot run here, and why. In CI (`CI=true`) that is a failure.
///
/// It writes past libtest, which keeps what `eprintln!` says of a test that passes; `cargo xtask test` looks for
/// these lines and repeats them at its end.
pub(crate) fn skipped(what: &str, why: &str) {
    assert!(
        !matches!(std::env::var("CI").as_deref(), Ok("true" | "1")),
        "CI=true, and {what} cannot run: {why}"
    );
    let _ = writeln!(std::io::stderr().lock(), "SKIPPED: {what}: {why}");
}

/// The words of a command: a text that is cut at its spaces, or a list whose words may contain spaces.
pub(crate) trait Words {
    fn words(self) -> Vec<OsString>;
}

impl Words for &str {
    fn words(self) -> Vec<OsString> {
        self.split_whitespace().map(OsString::from).collect()
    }
}

impl Words for String {
    fn words(self) -> Vec<OsString> {
        self.as_str().words()
    }
}

impl<W: AsRef<OsStr>> Words for &[W] {
    fn words(self) -> Vec<OsString> {
        self.iter().map(|word| word.as_ref().to_owned()).collect()
    }
}

impl<W: AsRef<OsStr>, const N: usize> Words for [W; N] {
    fn words(self) -> Vec<OsString> {
        self.as_slice().words()
    }
}

impl<W: AsRef<OsStr>> Words for Vec<W> {
    fn words(self) -> Vec<OsString> {
        self.as_slice().words()
    }
}

/// Runs `gugus` with these arguments to its end.
#[track_caller]
pub(crate) fn run(arguments: impl Words) -> Output {
    Gugus::new(arguments).run()
}

/// Starts `gugus` with these arguments and waits until it is ready.
#[track_caller]
pub(crate) fn up(arguments: impl Words) -> Up {
    Gugus::new(arguments).up()
}

/// A call of the binary that is being put together; [`run`] and [`up`] do for most tests.
#[derive(Debug)]
pub(crate) struct Gugus {
    wrapper: Vec<OsString>,
    arguments: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
    folder: Option<PathBuf>,
}

impl Gugus {
    /// `gugus` with these arguments.
    pub(crate) fn new(arguments: impl Words) -> Gugus {
        Gugus {
            wrapper: Vec::new(),
            arguments: arguments.words(),
            environment: Vec::new(),
            folder: None,
        }
    }

    /// Through another program, which gets the binary and its arguments after these words.
    pub(crate) fn under(mut self, wrapper: impl Words) -> Gugus {
        self.wrapper = wrapper.words();
        self
    }

    /// With an environment variable.
    pub(crate) fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Gugus {
        self.environment
            .push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// In this folder instead of an empty one.
    pub(crate) fn folder(mut self, folder: impl Into<PathBuf>) -> Gugus {
        self.folder = Some(folder.into());
        self
    }

    /// With further arguments.
    pub(crate) fn with<A: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = A>) -> Gugus {
        let arguments = arguments.into_iter().map(|word| word.as_ref().to_owned());
        self.arguments.extend(arguments);
        self
    }

    /// Runs it to its end.
    #[track_caller]
    pub(crate) fn run(self) -> Output {
        self.spawn().wait()
    }

    /// Starts it and waits for its `ready` line.
    #[track_caller]
    pub(crate) fn up(self) -> Up {
        let mut up = self.spawn();
        up.await_ready();
        up
    }

    /// Starts it and waits for nothing.
    #[track_caller]
    pub(crate) fn spawn(self) -> Up {
        let empty = tempfile::tempdir().unwrap();
        let binary = OsString::from(env!("CARGO_BIN_EXE_gugus"));
        let mut words = self.wrapper.into_iter().chain([binary]);
        let mut command = Command::new(words.next().unwrap_or_default());
        command
            .args(words)
            .args(&self.arguments)
            .current_dir(self.folder.as_deref().unwrap_or(empty.path()));
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("GUGUS_") || text == "RUST_LOG" {
                command.env_remove(&name);
            }
        }
        command.envs(self.environment);
        let words = self.arguments.iter().map(|word| word.to_string_lossy());
        let called = words.collect::<Vec<_>>().join(" ");
        Up::start(command, format!("gugus {called}"), empty)
    }
}
