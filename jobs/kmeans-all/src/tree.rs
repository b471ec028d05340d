//! The tree above the leaves. For each node it has the box in which the rows of the node lie.

use std::ops::Range;

use crate::bounds::extremes;
use crate::leaves::Leaves;

/// A complete binary tree over the leaves. Node 1 is the root, `i` has the children `2 i` and `2 i + 1`.
#[derive(Clone, Debug)]
pub(crate) struct Tree {
    depth: u32,
    starts: Vec<usize>,
    /// For each node, the least and the largest value of each column. If a node has no rows, the least is above the
    /// largest.
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

    /// The number after that of the last node.
    pub(crate) fn nodes(&self) -> usize {
        2 << self.depth
    }

    /// The children of a node that is not a leaf.
    #[inline]
    pub(crate) fn children(&self, node: usize) -> Option<[usize; 2]> {
        (node < 1 << self.depth).then_some([2 * node, 2 * node + 1])
    }

    /// The nodes of the level on which a node has about so many rows.
    pub(crate) fn nodes_of(&self, rows: usize) -> Range<usize> {
        let all = self.starts.last().copied().unwrap_or(0);
        let level = (all / rows).checked_ilog2().unwrap_or(0).min(self.depth);
        1 << level..2 << level
    }

    /// The rows below a node.
    #[inline]
    pub(crate) fn rows(&self, node: usize) -> Range<usize> {
        let leaves = self.depth - node.ilog2();
        let first = (node << leaves) - (1 << self.depth);
        self.starts[first]..self.starts[first + (1 << leaves)]
    }

    /// The least and the largest values of a node that has rows, one pair per column.
    #[inline]
    pub(crate) fn bounds(&self, node: usize) -> &[[f64; 2]] {
        &self.boxes[node * self.dimensions..][..self.dimensions]
    }

    pub(crate) fn heap_size(&self) -> usize {
        self.starts.capacity() * size_of::<usize>() + self.boxes.capacity() * size_of::<[f64; 2]>()
    }
}
