//! Which batches wait for models, and since when.

use std::collections::BTreeMap;

use gugus_progress::Lag;
use gugus_spec::BatchNumber;
use tokio::time::Instant;

/// Batches that wait for models.
#[derive(Debug, Default)]
pub(super) struct Behind(BTreeMap<BatchNumber, Waiting>);

/// One batch that waits.
#[derive(Debug)]
struct Waiting {
    /// When it was noticed.
    since: Instant,
    /// How many models have to see it.
    models: usize,
}

impl Behind {
    /// A model has to see these batches.
    pub(super) fn add<'a>(&mut self, batches: impl IntoIterator<Item = &'a BatchNumber>) {
        let since = Instant::now();
        for batch in batches {
            let waiting = Waiting { since, models: 0 };
            self.0.entry(*batch).or_insert(waiting).models += 1;
        }
    }

    /// A model has seen these batches.
    pub(super) fn done(&mut self, batches: &[BatchNumber]) {
        for batch in batches {
            if let Some(waiting) = self.0.get_mut(batch) {
                waiting.models -= 1;
                if waiting.models == 0 {
                    self.0.remove(batch);
                }
            }
        }
    }

    /// The oldest batch that waits.
    pub(super) fn oldest(&self) -> Option<BatchNumber> {
        self.0.first_key_value().map(|(number, _)| *number)
    }

    pub(super) fn lag(&self) -> Lag {
        let since = self.0.values().map(|waiting| waiting.since).min();
        Lag {
            batches: self.0.len() as u64,
            seconds: since.map_or(0.0, |since| since.elapsed().as_secs_f64()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_waits_until_each_model_has_seen_it() {
        let number = |number| BatchNumber::new(number).unwrap();
        let (first, second) = (number(1), number(2));
        let mut behind = Behind::default();
        behind.add(&[first, second]);
        behind.add(&[second]);
        assert_eq!((behind.lag().batches, behind.oldest()), (2, Some(first)));
        behind.done(&[first, second]);
        assert_eq!((behind.lag().batches, behind.oldest()), (1, Some(second)));
        // A batch that nobody waits for may end, too.
        behind.done(&[first, second]);
        assert_eq!(behind.lag(), Lag::default());
    }
}
