//! The limit on rejects. Invariant: the limit is checked once per thousand records, so it never stops a short run.

use crate::Error;

/// Records that are counted together. The number is low enough to stop before a disk is full of rejects, and high enough
/// that a few wrong records in a row do not stop a run.
const WINDOW: u64 = 1_000;

/// Counts records and rejects against a job's `max_reject_ratio`.
pub(crate) struct RejectLimit {
    ratio: Option<f64>,
    records: u64,
    rejected: u64,
    reason: String,
    exceeded: Option<Error>,
}

impl RejectLimit {
    pub(crate) fn new(ratio: Option<f64>) -> Self {
        Self {
            ratio,
            records: 0,
            rejected: 0,
            reason: String::new(),
            exceeded: None,
        }
    }

    pub(crate) fn accepted(&mut self, records: u64) {
        self.records += records;
        self.compare();
    }

    pub(crate) fn rejected(&mut self, reason: &str) {
        if self.ratio.is_some() {
            self.reason.clear();
            self.reason.push_str(reason);
        }
        self.records += 1;
        self.rejected += 1;
        self.compare();
    }

    /// Whether there were too many rejects.
    pub(crate) fn is_exceeded(&self) -> bool {
        self.exceeded.is_some()
    }

    /// The error to stop with when there were too many rejects. It is given once.
    pub(crate) fn exceeded(&mut self) -> Option<Error> {
        self.exceeded.take()
    }

    fn compare(&mut self) {
        let Some(ratio) = self.ratio.filter(|_| self.records >= WINDOW) else {
            return;
        };
        if self.rejected as f64 > ratio * self.records as f64 {
            self.exceeded = Some(Error::TooManyRejects {
                rejected: self.rejected,
                records: self.records,
                ratio,
                reason: std::mem::take(&mut self.reason),
            });
        }
        self.records = 0;
        self.rejected = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(ratio: Option<f64>, rejects_in_1000: u64, records: u64) -> Option<Error> {
        let mut limit = RejectLimit::new(ratio);
        for record in 0..records {
            if record % 1_000 < rejects_in_1000 {
                limit.rejected("why")
            } else {
                limit.accepted(1)
            }
        }
        limit.exceeded()
    }

    #[test]
    fn it_stops_above_the_ratio_and_not_at_it() {
        assert!(run(Some(0.1), 100, 5_000).is_none());
        let error = run(Some(0.1), 101, 5_000).unwrap();
        assert!(
            error.to_string().contains("101 of the last 1000") && error.to_string().contains("why"),
            "{error}"
        );
        assert!(run(None, 1_000, 5_000).is_none());
        assert!(
            run(Some(0.0), 999, 999).is_none(),
            "records are compared a thousand at a time"
        );
    }
}
