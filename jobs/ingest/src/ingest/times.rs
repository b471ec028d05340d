//! Where the time of a run went, for people who tune it. Invariant: measuring costs nothing unless the log shows it.

use std::time::{Duration, Instant};

/// Time by part, of the reading thread. Another thread writes at the same time.
#[derive(Debug)]
pub(super) struct Times {
    /// Two looks at the clock per record cost a few percent, so they are made for debug logs only.
    is_measured: bool,
    poll: Duration,
    parse: Duration,
    /// The sum of the times from a full batch to its commit.
    commit: Duration,
}

impl Default for Times {
    fn default() -> Self {
        Self {
            is_measured: tracing::enabled!(tracing::Level::DEBUG),
            poll: Duration::ZERO,
            parse: Duration::ZERO,
            commit: Duration::ZERO,
        }
    }
}

impl Times {
    pub(super) fn clock(&self) -> Option<Instant> {
        self.is_measured.then(Instant::now)
    }

    pub(super) fn polled(&mut self, since: Option<Instant>) {
        self.poll += since.map_or(Duration::ZERO, |since| since.elapsed());
    }

    pub(super) fn parsed(&mut self, since: Option<Instant>) {
        self.parse += since.map_or(Duration::ZERO, |since| since.elapsed());
    }

    pub(super) fn committed(&mut self, took: Duration) {
        self.commit += took;
    }

    /// Logs the times. `waited` is how long reading waited for commits.
    pub(super) fn tell(&self, begun: Instant, waited: Duration) {
        tracing::debug!(
            poll_s = self.poll.as_secs_f64(),
            parse_s = self.parse.as_secs_f64(),
            commit_s = self.commit.as_secs_f64(),
            wait_s = waited.as_secs_f64(),
            whole_s = begun.elapsed().as_secs_f64(),
            "time by part"
        );
    }
}
