//! Mishaps and damage drawn from a seed: whatever happens, no record is lost, no bit of a model changes, and no command
//! hangs or panics.

mod batches;
mod cluster;
mod files;
mod ingest;
mod jobs;
mod pipeline;
mod standing;
mod up;

use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use crate::kit::draw::Draw;

/// How long a command may take with a damaged file.
const HANG: Duration = Duration::from_secs(10);

/// A number that a variable says. `cargo xtask chaos` sets them.
fn number(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text.parse().expect(name),
        Err(_) => default,
    }
}

/// The seeds to run.
fn seeds() -> std::ops::Range<u64> {
    let first = number("GUGUS_CHAOS_SEED", 1);
    first..first + number("GUGUS_CHAOS_SEEDS", 1)
}

/// Failing cases that are shown.
const SHOWN: usize = 3;

/// Runs the cases of each seed, as many as `GUGUS_CHAOS_CASES` says. Each has its own draws, and
/// says what is wrong. `purpose` keeps the draws of different tests apart.
#[track_caller]
fn cases(default: u64, purpose: u64, mut run: impl FnMut(&mut Draw) -> Result<(), String>) {
    let mut numbers = 0..number("GUGUS_CHAOS_CASES", default);
    if std::env::var_os("GUGUS_CHAOS_CASE").is_some() {
        let only = number("GUGUS_CHAOS_CASE", 0);
        numbers = only..only + 1;
    }
    let mut failed = Vec::new();
    for seed in seeds() {
        for case in numbers.clone() {
            let what = format!("seed {seed}, case {case}");
            let ended = run(&mut Draw::new(seed, (case << 8) + purpose));
            failed.extend(ended.err().map(|wrong| format!("{what}: {wrong}")));
        }
    }
    let shown = &failed[..failed.len().min(SHOWN)];
    assert!(
        failed.is_empty(),
        "{} cases failed, among them:\n{}",
        failed.len(),
        shown.join("\n")
    );
}

/// Runs a case on a thread of its own. It is an error when the case panics or takes longer than [`HANG`].
fn in_time<T: Send + 'static>(case: impl FnOnce() -> T + Send + 'static) -> Result<T, String> {
    let (tell, ended) = mpsc::channel();
    let thread = std::thread::spawn(move || {
        let _ = tell.send(case());
    });
    match ended.recv_timeout(HANG) {
        Ok(found) => Ok(found),
        Err(RecvTimeoutError::Timeout) => Err(format!("it took more than {HANG:?}")),
        Err(RecvTimeoutError::Disconnected) => {
            let _ = thread.join();
            Err("it panicked".to_owned())
        }
    }
}
