//! The points of one slice of the data, in memory for all passes.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use crate::bounds::{extremes, magnitude};
use crate::error::PartialError;
use crate::fixed_point::Scale;
use crate::kernel::padded;
use crate::leaves::Leaves;
use crate::node_sums::{NodeSums, Summands};
use crate::tally::Tally;
use crate::tree::Tree;

/// Whether rows have weights. All slices of a training must agree on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Weighting {
    /// Every row counts once.
    #[default]
    Uniform,
    /// The column after the features says how much a row counts in centers and costs; in draws and sizes it counts once.
    LastColumn,
}

/// The finite rows of one slice of the data, made by a [`PointsBuilder`](crate::PointsBuilder).
///
/// Shared by all passes, tasks and threads that look at the slice. What a pass makes on the way (sums of tree nodes for a
/// [`Scale`]) is kept for the next one, but never changes an answer.
#[derive(Debug)]
pub struct Points {
    pub(crate) rows: usize,
    /// columns with room for a full kernel's width behind the last row, so that kernels need no second loop.
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
        // either no sums or complete ones behind.
        let mut kept = self.sums.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, sums)) = &*kept
            && of == scale
        {
            return Ok(Arc::clone(sums));
        }
        let weight = self.weights.as_ref().map(|_| self.largest_weight);
        if !scale.holds(&self.largest(), weight) {
            return Err(PartialError::Scale);
        }
        let tree = self.tree.as_ref();
        let sums = Arc::new(NodeSums::new(self.summands(), self.rows, tree, scale));
        *kept = Some((scale.clone(), Arc::clone(&sums)));
        Ok(sums)
    }

    /// What passes sum up.
    pub(crate) fn summands(&self) -> Summands<'_> {
        Summands {
            columns: &self.columns,
            weights: self.weights.as_deref(),
        }
    }

    /// All rows, as a range.
    pub(crate) fn all(&self) -> Range<usize> {
        0..self.rows
    }
}
