//! What the driver of a standing run tells, counted and kept in memory.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use gugus_pages::run::{Following, Run};
use gugus_progress::{Lag, ModelReport, Outcome, PassReport};
use gugus_spec::{BatchNumber, ModelName};
use gugus_train::Observer;

/// What a standing run has told since it began or went on. Clones are the same.
#[derive(Clone, Debug, Default)]
pub(super) struct Heard(Arc<Mutex<Counts>>);

/// The counts. They stay equal while nothing happens, so nothing is written then.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Counts {
    pub(super) trained: u64,
    pub(super) failed: u64,
    skipped: u64,
    pub(super) caught_up: bool,
    /// Whether any attempt has caught up so far.
    looked: bool,
    pub(super) batches: u64,
    /// When the oldest batch was committed that is not trained on.
    oldest: Option<SystemTime>,
}

/// What a log says of a model that the data did not allow.
pub(super) fn failure(model: &ModelReport) -> String {
    let reason = model.reason.as_deref().unwrap_or("no reason is known");
    format!("failed: {} {}: {reason}", model.model, model.data())
}

/// Hears what the driver of a standing run tells, and passes it on to the course of the run.
#[derive(Debug)]
struct Listener {
    heard: Heard,
    course: Arc<dyn Observer>,
}

impl Heard {
    /// The observer that the driver reports to; it passes everything on to `course`.
    pub(super) fn listener(&self, course: Arc<dyn Observer>) -> Arc<dyn Observer> {
        let heard = self.clone();
        Arc::new(Listener { heard, course })
    }

    /// A new attempt begins: what is there has to be looked at again. Models that were counted stay counted. The first
    /// attempt that looks at everything counts the models that are left alone.
    pub(super) fn begin(&self) {
        let mut counts = self.counts();
        counts.caught_up = false;
        if !counts.looked {
            counts.skipped = 0;
        }
    }

    /// The counts as they are now.
    pub(super) fn now(&self) -> Counts {
        self.counts().clone()
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        // Counters are whole after a panic, too.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    /// Puts the counts into the record of the run.
    pub(super) fn put(&self, run: &mut Run) {
        (run.trained, run.failed, run.skipped) = (self.trained, self.failed, self.skipped);
        let since = |oldest: SystemTime| SystemTime::now().duration_since(oldest).ok();
        run.follow = Some(Following {
            caught_up: self.caught_up,
            lag: Lag {
                batches: self.batches,
                seconds: self
                    .oldest
                    .and_then(since)
                    .map_or(0.0, |age| age.as_secs_f64()),
            },
        });
    }
}

impl Observer for Listener {
    fn model(&self, line: &ModelReport) {
        let mut counts = self.heard.counts();
        match line.status {
            Outcome::Trained => counts.trained += 1,
            Outcome::Failed => {
                counts.failed += 1;
                tracing::warn!("{}", failure(line));
            }
            Outcome::Skipped if counts.caught_up || !counts.looked => counts.skipped += 1,
            Outcome::Skipped | Outcome::Planned => {}
        }
        drop(counts);
        self.course.model(line);
    }

    fn promotion(&self, line: &ModelReport) {
        self.course.promotion(line);
    }

    fn begun(&self, model: &ModelName, batches: &[BatchNumber]) {
        self.course.begun(model, batches);
    }

    fn pass(&self, pass: &PassReport) {
        self.course.pass(pass);
    }

    fn caught_up(&self) {
        let mut counts = self.heard.counts();
        (counts.caught_up, counts.looked) = (true, true);
        drop(counts);
        self.course.caught_up();
    }

    fn lag(&self, lag: Lag) {
        let age = Duration::try_from_secs_f64(lag.seconds).unwrap_or_default();
        let mut counts = self.heard.counts();
        counts.batches = lag.batches;
        counts.oldest = SystemTime::now()
            .checked_sub(age)
            .filter(|_| lag.batches > 0);
        drop(counts);
        self.course.lag(lag);
    }
}

#[cfg(test)]
mod tests {
    use gugus_progress::ReportScope;

    use super::*;

    fn line(batch: u64, status: Outcome) -> ModelReport {
        ModelReport {
            model: "m".to_owned(),
            scope: ReportScope::Batch,
            batch: Some(batch),
            window: None,
            status,
            reason: None,
            rows: 10,
            iterations: None,
            training_cost: None,
            sizes: Vec::new(),
            path: None,
            promotion: None,
        }
    }

    #[test]
    fn what_each_attempt_finds_there_is_counted_once() {
        let heard = Heard::default();
        let observer = heard.listener(Arc::new(()));
        let attempt = |there: u64| {
            heard.begin();
            (1..=there).for_each(|batch| observer.model(&line(batch, Outcome::Skipped)));
        };
        // The first one fails before it has looked at everything.
        attempt(2);
        attempt(3);
        observer.model(&line(4, Outcome::Trained));
        observer.caught_up();
        let counted = || {
            let counts = heard.now();
            (counts.trained, counts.skipped)
        };
        assert_eq!(counted(), (1, 3));
        // Another begins, and finds what the first one trained.
        attempt(4);
        assert_eq!(counted(), (1, 3));
        observer.caught_up();
        // A batch without rows comes.
        observer.model(&line(5, Outcome::Skipped));
        assert_eq!(counted(), (1, 4));
    }
}
