//! How the predictions of a model are spread over its clusters, beside the records that it learned from.

use std::sync::atomic::{AtomicU64, Ordering};

/// Fewer predictions tell nothing: their shares differ from those in training by chance.
const FEWEST: u64 = 100;

/// Counts predictions by cluster. Threads count without waiting for each other.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Predictions by cluster; those of no cluster come last.
    counts: Box<[AtomicU64]>,
    /// The shares of the same in training.
    learned: Box<[f64]>,
}

/// How far predictions are from training.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Drift {
    /// How many predictions were counted.
    pub(crate) predictions: u64,
    /// Half the sum of the absolute differences between the shares: 0 if both are the same, 1 if they have no cluster in
    /// common.
    pub(crate) distance: f64,
}

impl Tally {
    /// For a model with these rows per cluster, and this noise, in training.
    pub(crate) fn new(sizes: &[u64], noise: u64) -> Self {
        let rows = || sizes.iter().copied().chain([noise]);
        let all = rows().sum::<u64>() as f64;
        if all == 0.0 {
            return Self::default();
        }
        Self {
            counts: rows().map(|_| AtomicU64::new(0)).collect(),
            learned: rows().map(|rows| rows as f64 / all).collect(),
        }
    }

    /// Counts predictions by the number of their cluster, which is negative for none.
    pub(crate) fn count(&self, labels: impl ExactSizeIterator<Item = i64>) {
        if labels.len() <= 1 {
            for label in labels {
                self.add(label, 1);
            }
            return;
        }
        // Threads that answer many records touch the shared counts once per cluster, not once per record.
        let mut counts = vec![0; self.counts.len()];
        for label in labels {
            if let Some(count) = counts.get_mut(self.place(label)) {
                *count += 1;
            }
        }
        for (count, shared) in counts.into_iter().zip(&self.counts) {
            if count > 0 {
                shared.fetch_add(count, Ordering::Relaxed);
            }
        }
    }

    fn add(&self, label: i64, predictions: u64) {
        if let Some(count) = self.counts.get(self.place(label)) {
            count.fetch_add(predictions, Ordering::Relaxed);
        }
    }

    fn place(&self, label: i64) -> usize {
        usize::try_from(label).unwrap_or(self.counts.len().saturating_sub(1))
    }

    /// None for fewer than [`FEWEST`] predictions, and if nothing is known about training.
    pub(crate) fn drift(&self) -> Option<Drift> {
        let counts: Vec<u64> = self
            .counts
            .iter()
            .map(|count| count.load(Ordering::Relaxed))
            .collect();
        let predictions: u64 = counts.iter().sum();
        if predictions < FEWEST {
            return None;
        }
        let pairs = counts.iter().zip(&self.learned);
        let differences =
            pairs.map(|(count, share)| (*count as f64 / predictions as f64 - share).abs());
        Some(Drift {
            predictions,
            distance: differences.sum::<f64>() / 2.0,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn predictions_like_those_of_training_do_not_drift() {
        let tally = Tally::new(&[30, 10], 0);
        assert_eq!(tally.drift(), None);
        let some = |label: i64, predictions| std::iter::repeat_n(label, predictions);
        tally.count(some(0, 75));
        tally.count(some(1, 24));
        assert_eq!(tally.drift(), None);
        tally.count(some(1, 1));
        let drift = tally.drift().unwrap();
        assert_eq!((drift.predictions, drift.distance), (100, 0.0));
        // Half of them instead of a quarter.
        tally.count(some(1, 75));
        tally.count(some(0, 25));
        let drift = tally.drift().unwrap();
        assert_eq!((drift.predictions, drift.distance), (200, 0.25));
    }

    #[test]
    fn records_of_no_cluster_count_beside_the_noise_of_training() {
        let tally = Tally::new(&[5], 5);
        tally.count(std::iter::repeat_n(-1, 100));
        assert_eq!(tally.drift().unwrap().distance, 0.5);
        let unknown = Tally::new(&[], 0);
        unknown.count(std::iter::repeat_n(0, 100));
        assert_eq!(unknown.drift(), None);
    }
}
