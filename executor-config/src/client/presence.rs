//! Whether the scheduler answers. All jobs of a client share this knowledge.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What a client knows of its scheduler. Clones share it: the jobs of a run wait together, and the log says so once.
#[derive(Clone, Debug)]
pub(super) struct Presence(Arc<Mutex<Known>>);

#[derive(Debug)]
struct Known {
    scheduler: String,
    away_since: Option<Instant>,
    /// All silences that have ended, added up.
    away_before: Duration,
}

impl Presence {
    /// A scheduler of this id, which answers.
    pub(super) fn new(scheduler: String) -> Self {
        let known = Known {
            scheduler,
            away_since: None,
            away_before: Duration::ZERO,
        };
        Self(Arc::new(Mutex::new(known)))
    }

    /// The id of the scheduler that answered last. Each start of a scheduler has its own.
    pub(super) fn scheduler(&self) -> String {
        self.known().scheduler.clone()
    }

    /// The scheduler does not answer. Gives how long it has been silent, and whether its silence is news.
    pub(super) fn away(&self) -> (Duration, bool) {
        let mut known = self.known();
        let news = known.away_since.is_none();
        let since = *known.away_since.get_or_insert_with(Instant::now);
        (since.elapsed(), news)
    }

    /// A scheduler of this id answered.
    pub(super) fn met(&self, scheduler: String) {
        self.known().scheduler = scheduler;
    }

    /// The scheduler answers. If it had been silent, gives for how long.
    pub(super) fn back(&self) -> Option<Duration> {
        let mut known = self.known();
        let silence = known.away_since.take()?.elapsed();
        known.away_before += silence;
        Some(silence)
    }

    /// How long the scheduler was silent so far, all silences added up.
    pub(super) fn away_so_far(&self) -> Duration {
        let known = self.known();
        let now = known.away_since.map(|since| since.elapsed());
        known.away_before + now.unwrap_or_default()
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silence_is_news_once_and_so_is_its_end() {
        let (one, other) = {
            let presence = Presence::new("first".to_owned());
            (presence.clone(), presence)
        };
        assert!(one.back().is_none());
        assert!(one.away().1);
        assert!(!other.away().1);
        other.met("second".to_owned());
        let silence = other.back().unwrap();
        assert_eq!(one.away_so_far(), silence);
        assert!(one.back().is_none());
        assert_eq!(one.scheduler(), "second");
        assert!(other.away().1);
        assert!(one.away_so_far() >= silence);
    }
}
