//! A command that runs.

use std::collections::BTreeMap;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use tempfile::TempDir;

use crate::kit::output::Output;
use crate::kit::pipe::{Heard, complete_line};
use crate::kit::same::short;
use crate::kit::wait::PATIENCE;

/// How long a command may take to end. Far more than any should: a debug build on a busy machine of two cores is slow,
/// and a test that fails for haste costs more than one that hangs for minutes.
const DEADLINE: Duration = Duration::from_secs(300);

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
    /// Starts a command that stands in `folder`, and reads what it says.
    #[track_caller]
    pub(super) fn start(mut command: Command, called: String, folder: TempDir) -> Up {
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary that cargo built starts");
        let stdout = Heard::listen(child.stdout.take().expect("a piped standard output"));
        let stderr = Heard::listen(child.stderr.take().expect("a piped standard error"));
        Up {
            called,
            id: child.id(),
            ended: wait_in_background(child),
            status: None,
            stdout,
            stderr,
            urls: BTreeMap::new(),
            _folder: folder,
        }
    }

    /// Waits for the `ready` line.
    #[track_caller]
    pub(super) fn await_ready(&mut self) {
        let line = self.hear(|text| complete_line(text, "ready"));
        let Some(line) = line else {
            // One that ended has said why by then; one that hangs is not waited for again.
            self.status = self.ended.recv_timeout(Duration::from_millis(500)).ok();
            let ended = match self.status {
                Some(status) => format!("ended ({status})"),
                None => format!("ran for {PATIENCE:?}"),
            };
            self.signal(Signal::Kill);
            panic!(
                "`{}` {ended} and printed no `ready` line\n--- stdout\n{}\n--- stderr\n{}",
                self.called,
                short(&self.stdout.whole()),
                short(&self.stderr.whole())
            );
        };
        let words = line.split_whitespace();
        self.urls = words
            .filter_map(|word| word.split_once('='))
            .map(|(name, url)| (name.to_owned(), url.to_owned()))
            .collect();
    }

    /// Waits until `find` finds something in standard output; `None` when that takes too long, or the command ended.
    pub(crate) fn hear<T>(&self, find: impl Fn(&str) -> Option<T>) -> Option<T> {
        self.stdout.wait_for(PATIENCE, find)
    }

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

    /// The process's number.
    pub(crate) fn id(&self) -> u32 {
        self.id
    }

    /// Standard error so far.
    pub(crate) fn stderr(&self) -> String {
        self.stderr.text()
    }

    /// Waits until standard error contains the text; fails the test when that takes too long.
    #[track_caller]
    pub(crate) fn await_stderr(&self, text: &str) {
        let found = self
            .stderr
            .wait_for(PATIENCE, |all| all.contains(text).then_some(()));
        assert!(
            found.is_some(),
            "`{}` did not say {text:?} within {PATIENCE:?}:\n{}",
            self.called,
            short(&self.stderr.text())
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

    /// Waits for the end. When that has not come by [`DEADLINE`], the command is killed and the test fails.
    #[track_caller]
    pub(crate) fn wait(mut self) -> Output {
        if self.status.is_none() {
            self.status = self.ended.recv_timeout(DEADLINE).ok();
        }
        let Some(status) = self.status else {
            self.signal(Signal::Kill);
            panic!(
                "`{}` had not ended after {DEADLINE:?}\n--- stdout\n{}\n--- stderr\n{}",
                self.called,
                short(&self.stdout.text()),
                short(&self.stderr.text())
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
    pub(crate) fn stop(mut self, signal: Signal) -> Output {
        self.signal(signal);
        self.wait()
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
