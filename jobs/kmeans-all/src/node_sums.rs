//! What the rows below each node of the tree sum up to, in fixed point.

use std::ops::Range;

use crate::fixed_point::{Grid, Scale};
use crate::kernel::{BLOCK, Kernel, LANES, Lengths, Sum, blocks};
use crate::tree::Tree;

/// What is summed up: columns times weights, and the weights.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Summands<'a> {
    pub(crate) columns: &'a [Vec<f64>],
    pub(crate) weights: Option<&'a [f64]>,
}

/// Fixed-point sums of the rows below each node, and of all rows.
#[derive(Debug)]
pub(crate) struct NodeSums {
    /// How values of each column, and behind them the weights, are turned into fixed point.
    pub(crate) grids: Vec<Grid>,
    /// The sum of all squared lengths times weights.
    pub(crate) squares: i128,
    /// For each node the sums of its columns times weights and, where there are weights, their sum.
    sums: Vec<i128>,
}

impl NodeSums {
    /// Sums up `rows` rows, and those of each node of `tree`. All of them must be [held](Scale::holds) by the scale.
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

    /// The sums of a node: of its columns and, where there are weights, of these.
    #[inline]
    pub(crate) fn of(&self, node: usize) -> &[i128] {
        &self.sums[node * self.width()..][..self.width()]
    }

    /// How many sums a node has.
    #[inline]
    pub(crate) fn width(&self) -> usize {
        self.grids.len()
    }

    /// What is summed for the sum `number` over `rows`: a column times the weights, or the weights.
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

    /// What [`NodeSums`] of a tree hold on the heap.
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
