//! The real binary, as a user's script runs it: arguments in, exit status, standard output and standard error out.
//!
//! Every run gets an empty folder to stand in and none of the developer's own settings: no `gugus.toml` that happens
//! to lie about, no `GUGUS_…` variable, no `RUST_LOG`. Nothing here waits without a deadline, and nothing outlives the
//! test that started it.

#![allow(dead_code, reason = "a kit: each test takes what it needs")]
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// How long a command may take to end. Far more than any should: a debug build on a busy machine of two cores is slow,
/// and a test that fails for haste costs more than one that hangs for minutes.
pub(crate) const DEADLINE: Duration = Duration::from_secs(300);

/// How long a long-running command may take to its `ready` line.
pub(crate) const READY_DEADLINE: Duration = Duration::from_secs(120);

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

/// What a process can be told.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Signal {
    /// Ctrl-C.
    Int,
    /// What service managers send.
    Term,
    /// The end, at once.
    Kill,
    /// Freeze.
    Stop,
    /// Go on after a freeze.
    Cont,
}

impl Signal {
    fn name(self) -> &'static str {
        match self {
            Self::Int => "INT",
            Self::Term => "TERM",
            Self::Kill => "KILL",
            Self::Stop => "STOP",
            Self::Cont => "CONT",
        }
    }
}

/// What a command that ended left.
#[derive(Debug)]
pub(crate) struct Output {
    /// How it ended.
    pub(crate) status: ExitStatus,
    /// All of its standard output.
    pub(crate) stdout: String,
    /// All of its standard error.
    pub(crate) stderr: String,
}

impl Output {
    /// The exit code; −1 when a signal ended it.
    pub(crate) fn code(&self) -> i32 {
        self.status.code().unwrap_or(-1)
    }

    /// Itself, if the exit code is this one; else the test fails and shows all that the command said.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Output {
        assert_eq!(
            self.code(),
            code,
            "exit code of the command ({})\n--- stdout\n{}\n--- stderr\n{}",
            self.status,
            self.stdout,
            self.stderr
        );
        self
    }

    /// Standard output as the one JSON document that `--output json` promises.
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        match serde_json::from_str(&self.stdout) {
            Ok(value) => value,
            Err(error) => panic!(
                "standard output is not one JSON document: {error}\n{}\n--- stderr\n{}",
                self.stdout, self.stderr
            ),
        }
    }
}

/// Runs `gugus` with these arguments to its end, at most [`DEADLINE`].
#[track_caller]
pub(crate) fn run<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Output {
    Gugus::new(arguments).run()
}

/// Starts `gugus` with these arguments and waits until it is ready, at most [`READY_DEADLINE`].
#[track_caller]
pub(crate) fn up<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Up {
    Gugus::new(arguments).up()
}

/// A call of the binary that is being put together; [`run`] and [`up`] do for most tests.
#[derive(Debug)]
pub(crate) struct Gugus {
    wrapper: Vec<OsString>,
    arguments: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
    folder: Option<PathBuf>,
    deadline: Option<Duration>,
}

impl Gugus {
    /// `gugus` with these arguments.
    pub(crate) fn new<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Gugus {
        Gugus {
            wrapper: Vec::new(),
            arguments: arguments
                .into_iter()
                .map(|argument| argument.as_ref().to_owned())
                .collect(),
            environment: Vec::new(),
            folder: None,
            deadline: None,
        }
    }

    /// Through another program, which gets the binary and its arguments after these words.
    pub(crate) fn under<A: AsRef<OsStr>>(mut self, wrapper: impl IntoIterator<Item = A>) -> Gugus {
        self.wrapper = wrapper
            .into_iter()
            .map(|word| word.as_ref().to_owned())
            .collect();
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

    /// With a deadline of its own instead of [`DEADLINE`] (to the end) or [`READY_DEADLINE`] (to `ready`).
    pub(crate) fn deadline(mut self, deadline: Duration) -> Gugus {
        self.deadline = Some(deadline);
        self
    }

    /// Runs it to its end.
    #[track_caller]
    pub(crate) fn run(self) -> Output {
        let deadline = self.deadline.unwrap_or(DEADLINE);
        self.spawn().wait(deadline)
    }

    /// Starts it and waits for its `ready` line.
    #[track_caller]
    pub(crate) fn up(self) -> Up {
        let deadline = self.deadline.unwrap_or(READY_DEADLINE);
        let mut up = self.spawn();
        let line = up
            .stdout
            .wait_for(deadline, |text| complete_line(text, "ready"));
        let Some(line) = line else {
            // One that ended has said why by then; one that hangs is not waited for again.
            up.status = up.ended.recv_timeout(Duration::from_millis(500)).ok();
            let ended = match up.status {
                Some(status) => format!("ended ({status})"),
                None => format!("ran for {deadline:?}"),
            };
            up.signal(Signal::Kill);
            panic!(
                "`{}` {ended} and printed no `ready` line\n--- stdout\n{}\n--- stderr\n{}",
                up.called,
                up.stdout.whole(),
                up.stderr.whole()
            );
        };
        up.urls = line
            .split_whitespace()
            .filter_map(|word| word.split_once('='))
            .map(|(a, b)| (a.to_owned(), b.to_owned()))
            .collect();
        up
    }

    /// Starts it and waits for nothing.
    #[track_caller]
    pub(crate) fn spawn(self) -> Up {
        let empty = tempfile::tempdir().expect("a temporary folder");
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
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let called = self
            .arguments
            .iter()
            .map(|a| a.to_string_lossy())
            .collect::<Vec<_>>()
            .join(" ");
        let mut child = command.spawn().expect("the binary that cargo built starts");
        let stdout = Heard::listen(child.stdout.take().expect("a piped standard output"));
        let stderr = Heard::listen(child.stderr.take().expect("a piped standard error"));
        let id = child.id();
        Up {
            called: format!("gugus {called}"),
            id,
            ended: wait_in_background(child),
            status: None,
            stdout,
            stderr,
            urls: BTreeMap::new(),
            _folder: empty,
        }
    }
}

/// A command that runs. Dropping it kills it.
#[derive(Debug)]
pub(crate) struct Up {
    called: String,
    id: u32,
    ended: Receiver<ExitStatus>,
    status: Option<ExitStatus>,
    stdout: Heard,
    stderr: Heard,
    urls: BTreeMap<String, String>,
    _folder: TempDir,
}

impl Up {
    /// What the `ready` line says of this name, such as `rest` or `broker`.
    #[track_caller]
    pub(crate) fn url(&self, name: &str) -> &str {
        match self.urls.get(name) {
            Some(url) => url.trim_end_matches('/'),
            None => panic!(
                "the ready line of `{}` names no {name}, only {:?}",
                self.called, self.urls
            ),
        }
    }

    /// All pairs of the `ready` line.
    pub(crate) fn urls(&self) -> &BTreeMap<String, String> {
        &self.urls
    }

    /// The process's number.
    pub(crate) fn id(&self) -> u32 {
        self.id
    }

    /// Standard output so far.
    pub(crate) fn stdout(&self) -> String {
        self.stdout.text()
    }

    /// Standard error so far.
    pub(crate) fn stderr(&self) -> String {
        self.stderr.text()
    }

    /// Waits until standard error contains the text; fails the test when it has not by the deadline.
    #[track_caller]
    pub(crate) fn await_stderr(&self, text: &str, deadline: Duration) {
        let found = self
            .stderr
            .wait_for(deadline, |all| all.contains(text).then_some(()));
        assert!(
            found.is_some(),
            "`{}` did not say {text:?} within {deadline:?}:\n{}",
            self.called,
            self.stderr.text()
        );
    }

    /// Sends a signal. To one that ended already: nothing happens.
    pub(crate) fn signal(&mut self, signal: Signal) {
        self.look();
        if self.status.is_some() {
            // Its number may belong to another process by now.
            return;
        }
        // The shell's own `kill`: no crate and no unsafe code for one call.
        let command = format!("kill -{} {}", signal.name(), self.id);
        let sent = Command::new("sh")
            .args(["-c", &command])
            .stderr(Stdio::null())
            .status();
        assert!(sent.is_ok(), "a shell to send {signal:?} with: {sent:?}");
    }

    /// Whether it runs still.
    pub(crate) fn runs(&mut self) -> bool {
        self.look();
        self.status.is_none()
    }

    /// Waits for the end. When that has not come by the deadline, the command is killed and the test fails.
    #[track_caller]
    pub(crate) fn wait(mut self, deadline: Duration) -> Output {
        if self.status.is_none() {
            self.status = self.ended.recv_timeout(deadline).ok();
        }
        let Some(status) = self.status else {
            self.signal(Signal::Kill);
            panic!(
                "`{}` had not ended after {deadline:?}\n--- stdout\n{}\n--- stderr\n{}",
                self.called,
                self.stdout.text(),
                self.stderr.text()
            );
        };
        Output {
            status,
            stdout: self.stdout.whole(),
            stderr: self.stderr.whole(),
        }
    }

    /// Sends a signal and waits for the end.
    #[track_caller]
    pub(crate) fn stop(mut self, signal: Signal, deadline: Duration) -> Output {
        self.signal(signal);
        self.wait(deadline)
    }

    fn look(&mut self) {
        if self.status.is_none() {
            self.status = self.ended.try_recv().ok();
        }
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        self.signal(Signal::Kill);
        if self.status.is_none() {
            // Killed processes end at once; the wait only keeps the folder until nobody writes to it.
            let _ = self.ended.recv_timeout(Duration::from_secs(10));
        }
    }
}

/// The standard library has no wait with a deadline, but channels have.
fn wait_in_background(mut child: Child) -> Receiver<ExitStatus> {
    let (tell, ended) = mpsc::channel();
    std::thread::spawn(move || {
        if let Ok(status) = child.wait() {
            let _ = tell.send(status);
        }
    });
    ended
}

/// The first whole line whose first word is this one.
fn complete_line(text: &str, word: &str) -> Option<String> {
    text.split_inclusive('\n')
        .filter(|line| line.ends_with('\n'))
        .find(|line| line.split_whitespace().next() == Some(word))
        .map(|line| line.trim().to_owned())
}

/// What came out of a pipe so far, read by a thread of its own so that the command never blocks on a full pipe.
#[derive(Clone, Debug)]
struct Heard(Arc<(Mutex<(String, Pipe)>, Condvar)>);

#[derive(Debug, PartialEq)]
enum Pipe {
    Open,
    Closed,
}

impl Heard {
    fn listen(pipe: impl Read + Send + 'static) -> Heard {
        let heard = Heard(Arc::new((
            Mutex::new((String::new(), Pipe::Open)),
            Condvar::new(),
        )));
        let ours = heard.clone();
        std::thread::spawn(move || {
            let mut pipe = BufReader::new(pipe);
            loop {
                // What is there, up to a buffer full: a prompt without a line's end is heard as well.
                let read = match pipe.fill_buf() {
                    Ok([]) | Err(_) => break,
                    Ok(bytes) => {
                        ours.change(|(text, _)| text.push_str(&String::from_utf8_lossy(bytes)));
                        bytes.len()
                    }
                };
                pipe.consume(read);
            }
            ours.change(|(_, pipe)| *pipe = Pipe::Closed);
        });
        heard
    }

    fn change(&self, change: impl FnOnce(&mut (String, Pipe))) {
        change(&mut self.0.0.lock().unwrap_or_else(PoisonError::into_inner));
        self.0.1.notify_all();
    }

    fn text(&self) -> String {
        self.0
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .0
            .clone()
    }

    /// Waits until `find` finds something; `None` at the deadline, or when the pipe closed without it.
    fn wait_for<T>(&self, deadline: Duration, find: impl Fn(&str) -> Option<T>) -> Option<T> {
        let end = Instant::now() + deadline;
        let mut heard = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let found = find(&heard.0);
            let left = end.saturating_duration_since(Instant::now());
            if found.is_some() || heard.1 == Pipe::Closed || left.is_zero() {
                return found;
            }
            heard = self
                .0
                .1
                .wait_timeout(heard, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    /// All of it, once the command has ended. A process that it left behind may hold the pipe open: not waited for long.
    fn whole(&self) -> String {
        let end = Instant::now() + Duration::from_secs(10);
        let mut heard = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        while heard.1 == Pipe::Open && Instant::now() < end {
            let left = end.saturating_duration_since(Instant::now());
            heard = self
                .0
                .1
                .wait_timeout(heard, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        heard.0.clone()
    }
}
