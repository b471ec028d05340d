//! What does not answer is asked again after growing pauses, and the log says so once.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::error::Error;

/// The longest pause. A cluster or a store that is back is found so soon.
const LONGEST: Duration = Duration::from_secs(30);

/// Whether something answers.
#[derive(Debug)]
pub(super) struct Trouble {
    what: &'static str,
    first: Duration,
    next: Duration,
    until: Option<Instant>,
}

impl Trouble {
    /// Of `what`, with a first pause of this length.
    pub(super) fn new(what: &'static str, first: Duration) -> Self {
        Self {
            what,
            first,
            next: first.min(LONGEST),
            until: None,
        }
    }

    /// It failed. Failures during a pause are the same failure.
    pub(super) fn happened(&mut self, error: &Error) {
        if self.paused().is_some() {
            return;
        }
        let (what, reason) = (self.what, gugus_error::chain(error));
        match self.until {
            None => tracing::warn!(
                what,
                reason,
                "this does not answer; the run waits and goes on by itself"
            ),
            Some(_) => tracing::debug!(what, reason, "this still does not answer"),
        }
        self.until = Some(Instant::now() + self.next);
        self.next = (2 * self.next).min(LONGEST);
    }

    /// It answered.
    pub(super) fn over(&mut self) {
        if self.until.is_some() {
            tracing::info!(what = self.what, "this answers again; the run goes on");
            *self = Self::new(self.what, self.first);
        }
    }

    /// Whether it failed, and has not answered since.
    pub(super) fn is_there(&self) -> bool {
        self.until.is_some()
    }

    /// When to try again, if that is not now.
    pub(super) fn paused(&self) -> Option<Instant> {
        self.until.filter(|until| *until > Instant::now())
    }

    /// Waits until it may be tried again.
    pub(super) async fn pause(&self) {
        if let Some(until) = self.until {
            sleep_until(until).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_limit_and_end_with_an_answer() {
        let error = Error::Cluster(gugus_submit::SubmitError::Cancelled);
        let mut trouble = Trouble::new("cluster", Duration::from_secs(4));
        let pause = |trouble: &mut Trouble| {
            let began = Instant::now();
            trouble.happened(&error);
            trouble.happened(&error);
            let until = trouble.paused().expect("it is paused");
            // The pause is over.
            trouble.until = Some(Instant::now());
            assert!(trouble.is_there() && trouble.paused().is_none());
            until.duration_since(began).as_secs()
        };
        let pauses = [(); 5].map(|()| pause(&mut trouble));
        assert_eq!(pauses, [4, 8, 16, 30, 30]);
        trouble.over();
        assert!(!trouble.is_there());
        assert_eq!(pause(&mut trouble), 4);
    }
}
