//! Waiting for conditions.

use std::fmt::Display;
use std::time::{Duration, Instant};

use crate::kit::same::short;

/// How long one condition may take to come true on a machine where a compiler runs beside the tests.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// Between two looks.
const LOOK: Duration = Duration::from_millis(10);

/// Waits until something is so; after [`PATIENCE`] the test fails with the state that the last look found.
#[track_caller]
pub(crate) fn until<T>(what: &str, mut look: impl FnMut() -> Result<T, String>) -> T {
    let begun = Instant::now();
    loop {
        match look() {
            Ok(found) => return found,
            Err(state) => assert!(
                begun.elapsed() < PATIENCE,
                "waited {PATIENCE:?} in vain until {what}:\n{state}"
            ),
        }
        std::thread::sleep(LOOK);
    }
}

/// Asks until the answer is as wanted, and gives it.
#[track_caller]
pub(crate) fn until_so<T: Display>(
    what: &str,
    mut ask: impl FnMut() -> T,
    wanted: impl Fn(&T) -> bool,
) -> T {
    until(what, || {
        let found = ask();
        match wanted(&found) {
            true => Ok(found),
            false => Err(short(&found.to_string())),
        }
    })
}
