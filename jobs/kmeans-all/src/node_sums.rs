//! Fixed-point sums over the rows below each node of the tree.

use std::ops::Range;

use crate::fixed_point::{Grid, Scale};
use crate::kernel::{BLOCK, Kernel, LANES, Lengths, Sum, blocks};
use crate::tree::Tree;

/// The values that are summed: the columns times the weights, and the weights.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Summands<'a> {
    pub(crate) columns: &'a [Vec<f64>],
    pub(crate) weights: Option<&'a [f64]>,
}

/// Fixed-point sums of the rows below each node, and of all rows.
#[derive(Debug)]
pub(crate) struct NodeSums {
    /// How the values of each column are turned into fixed point. The weights follow the columns.
    pub(crate) grids: Vec<Grid>,
    /// The sum of all squared lengths times weights.
    pub(crate) squares: i128,
    /// For each node, the sums of its columns times weights. If there are weights, the sum of the weights follows.
    sums: Vec<i128>,
}

impl NodeSums {
    /// Adds up `rows` rows, and the rows of each node of `tree`. The scale must [hold](Scale::holds) all of them.
    pub(crate) fn new(
        summands: Summands<'_>,
        rows: usize,
        tree: Option<&Tree>,
        scale: &Scale,
    ) -> Self {
        let exponents = scale.values.iter().chain(&scale.weights);
        let mut sums = Self {
            grids: exponents.map(|exponent| Grid::new(*exponent)).collect(),
            squares: squares(summands, rows, Grid::new(scale.squares)),
            sums: Vec::new(),
        };
        let width = sums.width();
        if let Some(tree) = tree {
            sums.sums = vec![0; tree.nodes() * width];
            for node in (1..tree.nodes()).rev() {
                for number in 0..width {
                    sums.sums[node * width + number] = match tree.children(node) {
                        None => sums.sum(summands, number, tree.rows(node)),
                        Some([left, right]) => {
                            sums.sums[left * width + number] + sums.sums[right * width + number]
                        }
                    };
                }
            }
        }
        sums
    }

    /// The sums of a node: of its columns and, if there are weights, of the weights.
    #[inline]
    pub(crate) fn of(&self, node: usize) -> &[i128] {
        &self.sums[node * self.width()..][..self.width()]
    }

    /// How many sums a node has.
    #[inline]
    pub(crate) fn width(&self) -> usize {
        self.grids.len()
    }

    /// The values over `rows` that the sum `number` adds up: a column times the weights, or the weights.
    #[inline]
    pub(crate) fn summand<'a>(
        &self,
        summands: Summands<'a>,
        number: usize,
        rows: Range<usize>,
    ) -> Sum<'a> {
        let (column, weights) = match summands.columns.get(number) {
            Some(column) => (column.as_slice(), summands.weights),
            None => (summands.weights.unwrap_or_default(), None),
        };
        Sum {
            column,
            weights,
            rows,
            grid: self.grids[number],
        }
    }

    fn sum(&self, summands: Summands<'_>, number: usize, rows: Range<usize>) -> i128 {
        let arch = Kernel::Vector.arch();
        blocks(rows)
            .map(|rows| arch.dispatch(self.summand(summands, number, rows)))
            .sum()
    }

    /// How many bytes the [`NodeSums`] of a tree take on the heap.
    pub(crate) fn heap_size(tree: &Tree, dimensions: usize, weighted: bool) -> usize {
        tree.nodes() * (dimensions + usize::from(weighted)) * size_of::<i128>()
    }
}

fn squares(summands: Summands<'_>, rows: usize, grid: Grid) -> i128 {
    let arch = Kernel::Vector.arch();
    let mut lengths = [0.0; BLOCK + LANES];
    let mut total = 0;
    for rows in blocks(0..rows) {
        let len = rows.len();
        arch.dispatch(Lengths {
            columns: summands.columns,
            rows: rows.clone(),
            lengths: &mut lengths[..len],
        });
        total += arch.dispatch(Sum {
            column: &lengths,
            weights: summands.weights.map(|weights| &weights[rows.start..]),
            rows: 0..len,
            grid,
        });
    }
    total
}
