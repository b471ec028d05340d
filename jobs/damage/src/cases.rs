//! Runs a test's cases: how many, with which draws, and how long one may take.

use std::ops::Range;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use crate::Draw;

/// How long a reader may take with a damaged file, also on a busy machine.
pub const HANG: Duration = Duration::from_secs(10);

/// Failing cases that are shown.
const SHOWN: usize = 3;

/// A number that a variable says. `cargo xtask chaos` sets them.
#[must_use]
pub fn number(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text.parse().expect(name),
        Err(_) => default,
    }
}

/// The seeds to run.
#[must_use]
pub fn seeds() -> Range<u64> {
    let first = number("GUGUS_CHAOS_SEED", 1);
    first..first + number("GUGUS_CHAOS_SEEDS", 1)
}

/// Runs the cases of each seed: as many as `GUGUS_CHAOS_CASES` says, or the one that `GUGUS_CHAOS_CASE` names. Each has its
/// own draws, and says what is wrong. `purpose` keeps the draws of different tests apart; it is below 256. Returns how many ran.
#[track_caller]
pub fn cases(
    default: u64,
    purpose: u64,
    mut run: impl FnMut(&mut Draw) -> Result<(), String>,
) -> u64 {
    let mut numbers = 0..number("GUGUS_CHAOS_CASES", default);
    if std::env::var_os("GUGUS_CHAOS_CASE").is_some() {
        let only = number("GUGUS_CHAOS_CASE", 0);
        numbers = only..only + 1;
    }
    let mut failed = Vec::new();
    let mut ran = 0;
    for seed in seeds() {
        for case in numbers.clone() {
            ran += 1;
            let ended = run(&mut Draw::new(seed, (case << 8) + purpose));
            failed.extend(
                ended
                    .err()
                    .map(|wrong| format!("seed {seed}, case {case}: {wrong}")),
            );
        }
    }
    let shown = &failed[..failed.len().min(SHOWN)];
    assert!(
        failed.is_empty(),
        "{} cases failed, among them:\n{}",
        failed.len(),
        shown.join("\n")
    );
    ran
}

/// Runs a case on a thread of its own.
///
/// # Errors
/// If the case panics, or takes longer than [`HANG`].
pub fn in_time<T: Send + 'static>(case: impl FnOnce() -> T + Send + 'static) -> Result<T, String> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_of_a_case_is_an_error() {
        assert_eq!(in_time(|| 1), Ok(1));
        assert!(in_time(|| assert!(std::env::args().count() > 99)).is_err());
    }

    #[test]
    #[should_panic(expected = "cases failed, among them:\nseed")]
    fn a_failing_case_is_named() {
        let ran = cases(2, 0, |_| Err("wrong".to_owned()));
        assert_eq!(ran, 0, "it does not come so far");
    }
}
