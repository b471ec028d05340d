//! How often a write is tried.

use std::time::Duration;

/// How often one write is tried before the caller gets its error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// How many tries there are.
    pub tries: u32,
    /// The wait after the first try. The wait doubles with each try.
    pub first_wait: Duration,
}

/// With the waits between (0.1, 0.2, 0.4, 0.8, 1.6 s), six tries outlast a failure of three seconds. The caller decides
/// about longer failures.
impl Default for Retry {
    fn default() -> Self {
        Self {
            tries: 6,
            first_wait: Duration::from_millis(100),
        }
    }
}
