//! Makes points from columns. Rows with a value that is not finite are counted and left out. Under the cosine distance
//! rows are scaled to length 1. Then the rows are put in order.

use crate::assigned::Assigned;
use crate::kernel::padded;
use crate::leaves::{self, PointOrder};
use crate::points::{Points, Weighting};
use crate::tally::Tally;
use gugus_kmeans::DistanceMeasure;

/// While rows are put in order, and with what passes keep of leaves, they take at most this many times their own bytes.
const WITH_LEAVES: usize = 3;

/// Collects the rows of one slice of the data.
///
/// ```
/// use gugus_kmeans::DistanceMeasure;
/// use gugus_kmeans_all::{PointOrder, PointsBuilder, Weighting, key};
///
/// let mut builder = PointsBuilder::new(2, DistanceMeasure::Euclidean, Weighting::Uniform);
/// let keys = [key(1, 0, 0), key(1, 0, 1), key(1, 0, 2)];
/// builder.push(&[&[34.0, f64::NAN, 34.1], &[-118.2, -118.3, -118.4]], None, &keys);
/// let points = builder.finish(PointOrder::Auto);
/// assert_eq!(points.rows(), 2);
/// ```
#[derive(Clone, Debug)]
pub struct PointsBuilder {
    measure: DistanceMeasure,
    columns: Vec<Vec<f64>>,
    weights: Option<Vec<f64>>,
    keys: Vec<u64>,
    tally: Tally,
}

impl PointsBuilder {
    /// A builder without rows. Each row will have so many columns.
    #[must_use]
    pub fn new(dimensions: usize, measure: DistanceMeasure, weighting: Weighting) -> Self {
        Self {
            measure,
            columns: vec![Vec::new(); dimensions],
            weights: match weighting {
                Weighting::Uniform => None,
                Weighting::LastColumn => Some(Vec::new()),
            },
            keys: Vec::new(),
            tally: Tally::new(dimensions),
        }
    }

    /// Makes room for exactly so many more rows.
    pub fn reserve(&mut self, rows: usize) {
        for column in self.columns.iter_mut().chain(&mut self.weights) {
            column.reserve_exact(padded(rows));
        }
        self.keys.reserve_exact(rows);
    }

    /// How many rows were kept so far.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.keys.len()
    }

    /// How many bytes so many rows take on the heap at most, from [`PointsBuilder::reserve`] on: while [`PointOrder::Auto`] puts
    /// them in order, and with what passes keep.
    #[must_use]
    pub fn most_heap_size_of(&self, rows: usize) -> usize {
        let columns = padded(rows).saturating_mul(self.width());
        let bytes = columns.saturating_add(rows);
        self.with_passes(rows, bytes.saturating_mul(size_of::<f64>()))
    }

    /// As [`PointsBuilder::most_heap_size_of`], of the rows so far and the room that was made for further ones.
    #[must_use]
    pub fn most_heap_size(&self) -> usize {
        let rows = self.rows();
        let numbers = self.columns.iter().chain(&self.weights);
        let numbers = numbers.map(|column| column.capacity().max(padded(rows)));
        let bytes = (numbers.sum::<usize>() + self.keys.capacity()) * size_of::<u64>();
        self.with_passes(rows, bytes)
    }

    /// The most bytes that so many rows take in all, when they take `bytes` themselves.
    fn with_passes(&self, rows: usize, bytes: usize) -> usize {
        if leaves::may_pay(self.columns.len()) {
            return bytes.saturating_mul(WITH_LEAVES);
        }
        // One column at a time is copied when it gets its padding.
        let column = padded(rows).saturating_mul(size_of::<f64>());
        bytes.saturating_add(column.max(Assigned::most(rows, self.width())))
    }

    /// How many numbers a row has.
    fn width(&self) -> usize {
        self.columns.len() + usize::from(self.weights.is_some())
    }

    /// Appends rows. There is one slice per column, in which NaN stands for null, and one [`key`](crate::key) per row.
    ///
    /// A row with a NaN in a column or the weight is counted and left out. So is a row with an infinity or a negative
    /// weight. Under the cosine distance, so is a row without a direction. The driver fails if it finds one of these
    /// last three counted.
    ///
    /// # Panics
    /// When there are not as many columns as the builder was made for, or the slices differ in length. When weights are
    /// given and there should be none, or the other way round. In all these cases the caller mixed up two feature
    /// lists.
    pub fn push(&mut self, columns: &[&[f64]], weights: Option<&[f64]>, keys: &[u64]) {
        assert_eq!(columns.len(), self.columns.len(), "one slice a column");
        assert_eq!(
            weights.is_some(),
            self.weights.is_some(),
            "weights as announced"
        );
        let mut slices = columns.iter().copied().chain(weights);
        assert!(
            slices.clone().all(|slice| slice.len() == keys.len()),
            "equally long slices"
        );
        self.tally.given += keys.len() as u64;

        let finite = |slice: &[f64]| {
            slice
                .iter()
                .fold(true, |all, value| all & value.is_finite())
        };
        let positive = |slice: &[f64]| slice.iter().fold(true, |all, value| all & (*value >= 0.0));
        let clean = slices.all(finite) && weights.is_none_or(positive);
        if clean && self.measure == DistanceMeasure::Euclidean {
            for (column, values) in self.columns.iter_mut().zip(columns) {
                column.extend_from_slice(values);
            }
            if let (Some(column), Some(weights)) = (&mut self.weights, weights) {
                column.extend_from_slice(weights);
            }
            self.keys.extend_from_slice(keys);
            return;
        }
        for row in 0..keys.len() {
            let weight = weights.map(|weights| weights[row]);
            let Some(factor) = self.factor_of(columns, row, weight) else {
                continue;
            };
            for (column, values) in self.columns.iter_mut().zip(columns) {
                column.push(values[row] * factor);
            }
            if let (Some(column), Some(weight)) = (&mut self.weights, weight) {
                column.push(weight);
            }
            self.keys.push(keys[row]);
        }
    }

    /// Takes out the rows from `at` on. What was counted so far stays here.
    #[must_use]
    pub fn split_off(&mut self, at: usize) -> Self {
        let columns = self.columns.iter_mut();
        Self {
            measure: self.measure,
            columns: columns.map(|column| column.split_off(at)).collect(),
            weights: self.weights.as_mut().map(|weights| weights.split_off(at)),
            keys: self.keys.split_off(at),
            tally: Tally::new(self.columns.len()),
        }
    }

    /// Puts the rows in order. This takes about 50 ns per row, so it belongs on a thread that may be busy.
    #[must_use]
    pub fn finish(mut self, layout: PointOrder) -> Points {
        let leaves = leaves::leaves(layout, &self.columns, self.keys.len());
        if let Some(leaves) = &leaves {
            // Columns are moved one after another, so only one column is in memory twice.
            for column in self.columns.iter_mut().chain(&mut self.weights) {
                *column = leaves.arrange(column);
            }
            self.keys = leaves.arrange(&self.keys);
        }
        Points::new(self.columns, self.weights, self.keys, self.tally, leaves)
    }

    /// The factor for a row, or `None` when the row was counted and left out.
    fn factor_of(&mut self, columns: &[&[f64]], row: usize, weight: Option<f64>) -> Option<f64> {
        let values = columns.iter().map(|column| column[row]);
        let all = || values.clone().chain(weight);
        let mut counts = |counted: fn(f64) -> bool, counts: fn(&mut Tally) -> &mut Vec<u64>| {
            let found = all().any(counted);
            if found {
                let weight = columns.len();
                for (at, value) in all().enumerate() {
                    counts(&mut self.tally)[at.min(weight)] += u64::from(counted(value));
                }
            }
            found
        };
        if counts(f64::is_nan, |tally| &mut tally.not_numbers)
            || counts(f64::is_infinite, |tally| &mut tally.infinite)
        {
            return None;
        }
        if weight.is_some_and(|weight| weight < 0.0) {
            self.tally.negative_weights += 1;
            return None;
        }
        match self.measure {
            DistanceMeasure::Euclidean => Some(1.0),
            DistanceMeasure::Cosine => {
                let norm = values.fold(0.0, |sum, value| sum + value * value).sqrt();
                if norm == 0.0 {
                    self.tally.zero_vectors += 1;
                } else if norm.is_infinite() {
                    self.tally.overflows += 1;
                }
                (norm > 0.0 && norm.is_finite()).then(|| 1.0 / norm)
            }
        }
    }
}
