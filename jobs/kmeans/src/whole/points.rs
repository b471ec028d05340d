//! The points of one slice of the data, in memory for all passes.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use super::error::PartialError;
use super::fixed::Scale;
use super::kernel::LANES;
use super::order::Leaves;
use super::tree::{NodeSums, Tree};

/// Whether rows have weights. All slices of a training must agree on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Weighting {
    /// Every row counts once.
    #[default]
    None,
    /// A column says how much a row counts in centers and costs; in draws and sizes it counts once.
    Column,
}

/// In which order points lie in memory. It decides how long a pass takes, and never what comes out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Layout {
    /// In leaves where that pays: with many rows of few columns.
    #[default]
    Auto,
    /// As they came, without a tree: every pass looks at every row and every center.
    Rows,
    /// In leaves of about so many rows that lie close to each other, whether that pays or not.
    Leaves(usize),
}

/// What was counted while points were built, for the driver to judge.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Tally {
    /// Rows that were given, kept or not.
    pub(crate) given: u64,
    /// Rows with a NaN, for each column and the weight.
    pub(crate) not_numbers: Vec<u64>,
    /// Rows with an infinity but no NaN, for each column and the weight.
    pub(crate) infinite: Vec<u64>,
    /// Rows with a negative weight.
    pub(crate) negative_weights: u64,
    /// Rows of length 0 under the cosine distance.
    pub(crate) zero_vectors: u64,
    /// Rows whose length overflows under the cosine distance.
    pub(crate) overflows: u64,
}

/// The finite rows of one slice of the data, made by a [`PointsBuilder`](super::PointsBuilder).
///
/// Shared by all passes, tasks and threads that look at the slice. What a pass makes on the way (sums of tree nodes for a
/// [`Scale`]) is kept for the next one, but never changes an answer.
#[derive(Debug)]
pub struct Points {
    pub(crate) rows: usize,
    /// Columns with room for a whole kernel's width behind the last row, so that kernels need no second loop.
    pub(crate) columns: Vec<Vec<f64>>,
    pub(crate) weights: Option<Vec<f64>>,
    pub(crate) keys: Vec<u64>,
    /// The least and the largest value of each column, in this slice.
    pub(crate) bounds: Vec<[f64; 2]>,
    pub(crate) largest_weight: f64,
    pub(crate) tally: Tally,
    pub(crate) tree: Option<Tree>,
    sums: Mutex<Option<(Scale, Arc<NodeSums>)>>,
}

impl Points {
    /// Puts together what a builder made. Columns and weights are padded here.
    pub(crate) fn new(
        mut columns: Vec<Vec<f64>>,
        mut weights: Option<Vec<f64>>,
        keys: Vec<u64>,
        tally: Tally,
        leaves: Option<Leaves>,
    ) -> Self {
        let rows = keys.len();
        let bounds = columns.iter().map(|column| extremes(column)).collect();
        let largest_weight = weights
            .iter()
            .flatten()
            .fold(0.0, |largest: f64, weight| largest.max(*weight));
        let tree = leaves.map(|leaves| Tree::new(leaves, &columns));
        for column in columns.iter_mut().chain(&mut weights) {
            column.resize(padded(rows), 0.0);
        }
        Self {
            rows,
            columns,
            weights,
            keys,
            bounds,
            largest_weight,
            tally,
            tree,
            sums: Mutex::new(None),
        }
    }

    /// How many rows there are to train on.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// How many columns a row has.
    #[must_use]
    pub fn dimensions(&self) -> usize {
        self.columns.len()
    }

    /// The bytes these points hold on the heap, with what passes will add to them.
    #[must_use]
    pub fn heap_size(&self) -> usize {
        let numbers: usize = self
            .columns
            .iter()
            .chain(&self.weights)
            .map(Vec::capacity)
            .sum();
        let tree = self.tree.as_ref().map_or(0, |tree| {
            tree.heap_size() + NodeSums::heap_size(tree, self.dimensions(), self.weights.is_some())
        });
        numbers * size_of::<f64>() + self.keys.capacity() * size_of::<u64>() + tree
    }

    /// The largest magnitude in each column; 0 where there are no rows.
    pub(crate) fn largest(&self) -> Vec<f64> {
        self.bounds
            .iter()
            .map(|bounds| magnitude(*bounds))
            .collect()
    }

    /// One row, as the draws hand it on.
    pub(crate) fn row(&self, row: usize) -> Vec<f64> {
        self.columns.iter().map(|column| column[row]).collect()
    }

    /// What a row counts.
    pub(crate) fn weight(&self, row: usize) -> f64 {
        self.weights.as_ref().map_or(1.0, |weights| weights[row])
    }

    /// The sums of all rows, and of the tree's nodes when there is a tree, in a scale: from the last pass of the same scale, or made now.
    pub(crate) fn sums(&self, scale: &Scale) -> Result<Arc<NodeSums>, PartialError> {
        // Whoever comes second waits for the first one's sums instead of making them again. A panic elsewhere leaves
        // either no sums or whole ones behind.
        let mut kept = self.sums.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, sums)) = &*kept
            && of == scale
        {
            return Ok(Arc::clone(sums));
        }
        let sums = Arc::new(NodeSums::new(self, scale)?);
        *kept = Some((scale.clone(), Arc::clone(&sums)));
        Ok(sums)
    }

    /// Everything, as a range of rows.
    pub(crate) fn all(&self) -> Range<usize> {
        0..self.rows
    }
}

/// How long a column of so many rows is in memory.
pub(crate) fn padded(rows: usize) -> usize {
    rows + LANES
}

/// The largest magnitude within bounds; 0 when there is nothing within.
pub(crate) fn magnitude([least, largest]: [f64; 2]) -> f64 {
    if least > largest {
        return 0.0;
    }
    least.abs().max(largest.abs())
}

/// The least and the largest of some numbers; of none, an empty range.
pub(crate) fn extremes(values: &[f64]) -> [f64; 2] {
    let mut least = [f64::INFINITY; LANES];
    let mut largest = [f64::NEG_INFINITY; LANES];
    let mut chunks = values.chunks_exact(LANES);
    for chunk in &mut chunks {
        for lane in 0..LANES {
            least[lane] = if chunk[lane] < least[lane] {
                chunk[lane]
            } else {
                least[lane]
            };
            largest[lane] = if chunk[lane] > largest[lane] {
                chunk[lane]
            } else {
                largest[lane]
            };
        }
    }
    let rest = chunks.remainder().iter();
    // Adding 0 makes a zero of a negative zero: which of the two comes first depends on the order.
    [
        rest.clone()
            .chain(&least)
            .fold(f64::INFINITY, |a, b| a.min(*b))
            + 0.0,
        rest.chain(&largest)
            .fold(f64::NEG_INFINITY, |a, b| a.max(*b))
            + 0.0,
    ]
}
