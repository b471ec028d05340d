//! The processes of the group.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::kit::process::{Gugus, Output, Signal, Up};
use crate::kit::wait::until;

/// A process that ignores SIGXFSZ gets an error from a write beyond its limit of file sizes, as from a full disk, where
/// others die. What a shell ignores, the program that it becomes ignores too.
const NO_SIGNAL_WHEN_FULL: [&str; 4] = ["sh", "-c", "trap '' XFSZ; exec \"$@\"", "sh"];

/// What the system says of such a write.
const FULL: &str = "File too large";

/// How processes are started.
pub(super) struct Setup {
    pub(super) job: String,
    pub(super) batches: String,
    pub(super) brokers: String,
    pub(super) properties: Vec<(String, String)>,
    /// What each process says goes to a file here.
    pub(super) logs: PathBuf,
}

impl Setup {
    fn call(&self) -> Gugus {
        let Self {
            job,
            brokers,
            batches,
            ..
        } = self;
        let call = format!("ingest --job {job} --brokers {brokers} --batches {batches}");
        let properties = self.properties.iter();
        properties.fold(Gugus::new(call), |call, (key, value)| {
            call.with(["-K", &format!("{key}={value}")])
        })
    }

    /// Starts a process and waits until it is ready.
    #[track_caller]
    pub(super) fn start(&self, name: &str) -> Process {
        let up = self.call().under(NO_SIGNAL_WHEN_FULL).up();
        Process {
            log: self.logs.join(format!("{name}-{}.log", up.id())),
            up: Some(up),
        }
    }

    /// Takes what is left, alone.
    #[track_caller]
    pub(super) fn until_end(&self) -> Output {
        let output = self.call().with(["--until-end"]).run();
        keep(&self.logs.join("until-end.log"), &output.stderr);
        output.expect(0)
    }
}

/// Whether a process can write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Disk {
    Full,
    Free,
}

/// A process that runs.
pub(super) struct Process {
    /// None once its end was taken.
    up: Option<Up>,
    log: PathBuf,
}

impl Process {
    fn up(&mut self) -> &mut Up {
        self.up.as_mut().expect("a process whose end nobody took")
    }

    pub(super) fn signal(&mut self, signal: Signal) {
        self.up().signal(signal);
    }

    pub(super) fn runs(&mut self) -> bool {
        self.up().runs()
    }

    /// Waits until it was given partitions.
    #[track_caller]
    pub(super) fn await_assigned(&mut self) {
        self.up().await_stderr(" assigned ");
    }

    /// Kills it.
    #[track_caller]
    pub(super) fn kill(mut self) {
        self.signal(Signal::Kill);
        assert_eq!(self.end().code(), -1, "a process that was killed");
    }

    /// Tells it to stop, which it must do cleanly.
    #[track_caller]
    pub(super) fn stop(mut self) {
        self.signal(Signal::Term);
        self.stopped();
    }

    /// Waits for the clean end of one that was told to stop. A second signal would end it at once.
    #[track_caller]
    pub(super) fn stopped(mut self) {
        self.end().expect(0);
    }

    /// Waits until it gives up, which it must do by saying that it could not write.
    #[track_caller]
    pub(super) fn give_up(mut self) {
        until("the process gives up on a full disk", || {
            match self.runs() {
                false => Ok(()),
                true => Err(self.up().stderr()),
            }
        });
        let output = self.end().expect(1);
        assert!(
            last_words(&output.stderr).contains(FULL),
            "the error names the full disk:\n{}",
            output.stderr
        );
    }

    /// The end of one that was told nothing: always a failure.
    #[track_caller]
    pub(super) fn ended_by_itself(mut self) -> ! {
        let output = self.end();
        panic!(
            "an ingest process ended by itself ({})\n{}",
            output.status, output.stderr
        );
    }

    /// Makes all writes to files fail, or lets them succeed again.
    pub(super) fn disk(&mut self, disk: Disk) {
        let limit = match disk {
            Disk::Full => "--fsize=0:",
            Disk::Free => "--fsize=unlimited:",
        };
        let id = self.up().id().to_string();
        let limited = prlimit(&["--pid", &id, limit]);
        // It may have given up since.
        assert!(limited || !self.runs(), "prlimit limits a process of ours");
    }

    fn end(&mut self) -> Output {
        let up = self.up.take().expect("a process whose end nobody took");
        let output = up.wait();
        keep(&self.log, &output.stderr);
        output
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(up) = &self.up {
            keep(&self.log, &up.stderr());
        }
    }
}

/// What a process ended with, without what it logged before.
pub(super) fn last_words(stderr: &str) -> &str {
    stderr.rfind("\nerror: ").map_or("", |at| &stderr[at..])
}

/// Whether a process's limits can be changed here while it runs.
pub(super) fn disks_can_be_filled() -> bool {
    prlimit(&["--version"])
}

fn prlimit(arguments: &[&str]) -> bool {
    Command::new("prlimit")
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// For whoever looks into a run that failed; not worth failing for.
fn keep(log: &Path, text: &str) {
    let _ = std::fs::write(log, text);
}

/// Waits where time itself is the point.
pub(super) fn dwell(time: Duration) {
    std::thread::sleep(time);
}
