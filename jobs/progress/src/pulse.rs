//! When a line about the progress is due in a log that grows.

use std::time::Duration;

use crate::Standing;

/// The shortest time between two lines.
const EVERY: Duration = Duration::from_secs(10);

/// Chooses the moments for lines about one piece of work: at most one in ten seconds, and only if something changed. A run that
/// ends sooner has none.
#[derive(Clone, Debug, Default)]
pub struct Pulse {
    told_at: Duration,
    told: Standing,
}

impl Pulse {
    /// Whether a line is due `after` this time since the beginning.
    pub fn is_due(&mut self, after: Duration, now: &Standing) -> bool {
        let due = after.saturating_sub(self.told_at) >= EVERY && *now != self.told;
        if due {
            self.told_at = after;
            self.told.clone_from(now);
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(standings: impl IntoIterator<Item = Standing>) -> Vec<u64> {
        let mut pulse = Pulse::default();
        let seconds = standings.into_iter().enumerate();
        let due =
            seconds.filter(|(second, now)| pulse.is_due(Duration::from_secs(*second as u64), now));
        due.map(|(second, _)| second as u64).collect()
    }

    #[test]
    fn lines_are_bounded_by_time_and_silent_while_nothing_changes() {
        let at = |done: u64| Standing {
            done,
            total: 1_000,
            message: String::new(),
        };
        assert_eq!(lines((0..35).map(at)), [10, 20, 30]);
        assert_eq!(lines((0..9).map(|second| at(100 * second))), [0; 0]);
        // It stands still from the second 12 on, which one line shows.
        assert_eq!(lines((0..60).map(|second| at(second.min(12)))), [10, 20]);
        let nothing = std::iter::repeat_n(Standing::default(), 60);
        assert_eq!(lines(nothing), [0; 0]);
    }
}
