//! Time as a number that fits in an atomic.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Milliseconds since the first call.
pub(crate) fn now() -> u64 {
    u64::try_from(START.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// The time between two of [`now`].
pub(crate) fn since(then: u64, now: u64) -> Duration {
    Duration::from_millis(now.saturating_sub(then))
}
