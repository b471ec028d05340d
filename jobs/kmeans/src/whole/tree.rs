//! The tree above the leaves: what box each node's rows lie in, and what they sum up to.

use std::ops::Range;

use super::error::PartialError;
use super::fixed::{Grid, Scale};
use super::kernel::{BLOCK, Kernel, Lengths, Sum};
use super::order::Leaves;
use super::points::{Points, extremes};

/// A complete binary tree over the leaves. Node 1 is the root, `i` has the children `2 i` and `2 i + 1`.
#[derive(Clone, Debug)]
pub(crate) struct Tree {
    depth: u32,
    starts: Vec<usize>,
    /// For each node, column after column, the least and the largest value; the other way round where there are no rows.
    boxes: Vec<[f64; 2]>,
    dimensions: usize,
}

impl Tree {
    pub(crate) fn new(leaves: Leaves, columns: &[Vec<f64>]) -> Self {
        let dimensions = columns.len();
        let mut tree = Self {
            depth: leaves.depth,
            starts: leaves.starts,
            boxes: vec![[f64::INFINITY, f64::NEG_INFINITY]; dimensions << (leaves.depth + 1)],
            dimensions,
        };
        for node in (1..tree.nodes()).rev() {
            for (d, column) in columns.iter().enumerate() {
                tree.boxes[node * dimensions + d] = match tree.children(node) {
                    None => extremes(&column[tree.rows(node)]),
                    Some(children) => {
                        let [left, right] =
                            children.map(|child| tree.boxes[child * dimensions + d]);
                        [left[0].min(right[0]), left[1].max(right[1])]
                    }
                };
            }
        }
        tree
    }

    /// One more than the last node.
    fn nodes(&self) -> usize {
        2 << self.depth
    }

    /// The children of a node that is no leaf.
    #[inline]
    pub(crate) fn children(&self, node: usize) -> Option<[usize; 2]> {
        (node < 1 << self.depth).then_some([2 * node, 2 * node + 1])
    }

    /// The rows below a node.
    #[inline]
    pub(crate) fn rows(&self, node: usize) -> Range<usize> {
        let leaves = self.depth - node.ilog2();
        let first = (node << leaves) - (1 << self.depth);
        self.starts[first]..self.starts[first + (1 << leaves)]
    }

    /// The least and largest values of a node that has rows, one pair a column.
    #[inline]
    pub(crate) fn bounds(&self, node: usize) -> &[[f64; 2]] {
        &self.boxes[node * self.dimensions..][..self.dimensions]
    }

    pub(crate) fn heap_size(&self) -> usize {
        self.starts.capacity() * size_of::<usize>() + self.boxes.capacity() * size_of::<[f64; 2]>()
    }
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
    /// Sums up all rows of `points`.
    pub(crate) fn new(points: &Points, scale: &Scale) -> Result<Self, PartialError> {
        if !scale.holds(points) {
            return Err(PartialError::Scale);
        }
        let exponents = scale.values.iter().chain(&scale.weights);
        let mut sums = Self {
            grids: exponents.map(|exponent| Grid::new(*exponent)).collect(),
            squares: squares(points, Grid::new(scale.squares)),
            sums: Vec::new(),
        };
        let width = sums.width();
        if let Some(tree) = &points.tree {
            sums.sums = vec![0; tree.nodes() * width];
            for node in (1..tree.nodes()).rev() {
                for number in 0..width {
                    sums.sums[node * width + number] = match tree.children(node) {
                        None => sums.sum(points, number, tree.rows(node)),
                        Some([left, right]) => {
                            sums.sums[left * width + number] + sums.sums[right * width + number]
                        }
                    };
                }
            }
        }
        Ok(sums)
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
        points: &'a Points,
        number: usize,
        rows: Range<usize>,
    ) -> Sum<'a> {
        let weights = points.weights.as_deref();
        let (column, weights) = match points.columns.get(number) {
            Some(column) => (column.as_slice(), weights),
            None => (weights.unwrap_or_default(), None),
        };
        Sum {
            column,
            weights,
            rows,
            grid: self.grids[number],
        }
    }

    fn sum(&self, points: &Points, number: usize, rows: Range<usize>) -> i128 {
        let arch = Kernel::Vector.arch();
        blocks(rows)
            .map(|rows| arch.dispatch(self.summand(points, number, rows)))
            .sum()
    }

    /// What [`NodeSums`] of a tree hold on the heap.
    pub(crate) fn heap_size(tree: &Tree, dimensions: usize, weighted: bool) -> usize {
        tree.nodes() * (dimensions + usize::from(weighted)) * size_of::<i128>()
    }
}

fn squares(points: &Points, grid: Grid) -> i128 {
    let arch = Kernel::Vector.arch();
    let mut lengths = [0.0; BLOCK + super::kernel::LANES];
    let mut total = 0;
    for rows in blocks(points.all()) {
        let len = rows.len();
        arch.dispatch(Lengths {
            columns: &points.columns,
            rows: rows.clone(),
            lengths: &mut lengths[..len],
        });
        total += arch.dispatch(Sum {
            column: &lengths,
            weights: points
                .weights
                .as_deref()
                .map(|weights| &weights[rows.start..]),
            rows: 0..len,
            grid,
        });
    }
    total
}

/// The rows in runs of at most a block.
#[inline]
pub(crate) fn blocks(rows: Range<usize>) -> impl Iterator<Item = Range<usize>> {
    let end = rows.end;
    rows.step_by(BLOCK)
        .map(move |start| start..end.min(start + BLOCK))
}
