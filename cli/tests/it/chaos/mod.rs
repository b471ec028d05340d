//! Mishaps and damage drawn from a seed: whatever happens, no record is lost, no bit of a model changes, and no command
//! hangs or panics.

mod cluster;
mod files;
mod ingest;
mod jobs;

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

/// Runs the cases of each seed, as many as `GUGUS_CHAOS_CASES` says. Each has its own draws and a name for messages.
/// `purpose` keeps the draws of different tests apart.
fn cases(default: u64, purpose: u64, mut run: impl FnMut(&str, &mut Draw)) {
    let count = number("GUGUS_CHAOS_CASES", default);
    let only = std::env::var("GUGUS_CHAOS_CASE").ok();
    for seed in seeds() {
        for case in 0..count {
            if only.as_ref().is_none_or(|only| *only == case.to_string()) {
                let what = format!("seed {seed}, case {case}");
                run(&what, &mut Draw::new(seed, (case << 8) + purpose));
            }
        }
    }
}

/// Runs a case on a thread of its own. The test fails when the case panics or takes longer than [`HANG`].
#[track_caller]
fn in_time<T: Send + 'static>(what: &str, case: impl FnOnce() -> T + Send + 'static) -> T {
    let (tell, ended) = mpsc::channel();
    let thread = std::thread::spawn(move || {
        let _ = tell.send(case());
    });
    match ended.recv_timeout(HANG) {
        Ok(found) => found,
        Err(RecvTimeoutError::Timeout) => panic!("{what} took more than {HANG:?}"),
        Err(RecvTimeoutError::Disconnected) => {
            let _ = thread.join();
            panic!("{what} panicked")
        }
    }
}
