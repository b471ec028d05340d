//! How long a job may take, and how often it is tried.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How long a run waits for a job, and how often it submits one.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// How often a plan is submitted.
    pub attempts: u32,
    /// How long the first repetition waits; each further one waits twice as long.
    pub first_wait: Duration,
    /// What a job may take before anything is known of its kind.
    pub first_limit: Duration,
    /// What a job may take in any case: a cluster that lost executors works on with what is left.
    pub least_limit: Duration,
    /// How many times longer than the longest job of its kind so far a job may take, until it is held to be lost.
    pub slower: u32,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            // What fails four times in a row is not a passing trouble.
            attempts: 4,
            // An executor that died is noticed within five seconds, and until then tasks may be sent to it again.
            first_wait: Duration::from_millis(500),
            first_limit: Duration::from_secs(30 * 60),
            least_limit: Duration::from_secs(60),
            slower: 20,
        }
    }
}

/// How long jobs of one kind took, and so how long one may take: the word of a task's end can get lost, and nobody but
/// the clock notices.
#[derive(Debug, Default)]
pub struct Pace {
    /// Milliseconds of the longest, 0 before the first.
    longest: AtomicU64,
}

impl Pace {
    /// A job of this kind took so long.
    pub(crate) fn took(&self, time: Duration) {
        let milliseconds = u64::try_from(time.as_millis()).unwrap_or(u64::MAX).max(1);
        self.longest.fetch_max(milliseconds, Ordering::Relaxed);
    }

    /// How long the next one may take.
    pub(crate) fn limit(&self, patience: &Patience) -> Duration {
        match self.longest.load(Ordering::Relaxed) {
            0 => patience.first_limit,
            milliseconds => {
                let longest = Duration::from_millis(milliseconds);
                patience
                    .least_limit
                    .max(longest.saturating_mul(patience.slower))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_may_take_much_longer_than_the_longest_before_it() {
        let (pace, patience) = (Pace::default(), Patience::default());
        assert_eq!(pace.limit(&patience), patience.first_limit);
        pace.took(Duration::from_millis(10));
        assert_eq!(pace.limit(&patience), patience.least_limit);
        pace.took(Duration::from_secs(40));
        pace.took(Duration::from_secs(1));
        assert_eq!(pace.limit(&patience), Duration::from_secs(800));
    }
}
