//! The site of each row after a pass, so that the next pass adds up only the rows that change their site. The bounds beside
//! it say which rows cannot change it.
//!
//! Invariant: the sums of a site are those of the rows that are assigned to it, in fixed point, whichever centers the
//! rows were compared with. So a pass may begin with the assignment of any earlier pass, or with none.

use std::ops::Range;

use crate::adder::{Change, NOWHERE};
use crate::carried::Carried;
use crate::fixed_point::Scale;

/// The site of each row after a pass, and the sums over the rows of each site.
#[derive(Debug)]
pub(crate) struct Assigned {
    scale: Scale,
    /// The sites that the rows were compared with, one after another.
    pub(crate) centers: Vec<f64>,
    sites: Vec<u32>,
    pub(crate) counts: Vec<u64>,
    /// How many rows changed their site in the pass.
    pub(crate) changed: usize,
    /// For each site, as many sums as a node has.
    pub(crate) sums: Vec<i128>,
    pub(crate) carried: Option<Carried>,
}

impl Assigned {
    /// No row is assigned.
    pub(crate) fn none(scale: &Scale, rows: usize, sites: usize) -> Self {
        let width = scale.values.len() + usize::from(scale.weights.is_some());
        Self {
            scale: scale.clone(),
            centers: Vec::new(),
            sites: vec![NOWHERE; rows],
            counts: vec![0; sites],
            changed: 0,
            sums: vec![0; sites * width],
            carried: None,
        }
    }

    /// Whether a pass of this scale with so many sites can begin with it.
    pub(crate) fn suits(&self, scale: &Scale, sites: usize) -> bool {
        self.scale == *scale && self.counts.len() == sites
    }

    /// The sites of some rows.
    pub(crate) fn sites(&self, rows: Range<usize>) -> &[u32] {
        &self.sites[rows]
    }

    /// Takes in the sites of rows of a block, each with the row counted from the first one, and writes down which rows
    /// change. The sums are left to the caller.
    pub(crate) fn assign(
        &mut self,
        rows: Range<usize>,
        sites: impl Iterator<Item = (u32, u32)>,
        changes: &mut Vec<Change>,
    ) {
        changes.clear();
        let all = &mut self.sites[rows];
        for (row, to) in sites {
            let from = std::mem::replace(&mut all[row as usize], to);
            if from != to {
                changes.push(Change { row, from, to });
            }
        }
        self.changed += changes.len();
        for change in changes {
            self.counts[change.to as usize] += 1;
            if change.from != NOWHERE {
                self.counts[change.from as usize] -= 1;
            }
        }
    }

    /// How many bytes it takes on the heap.
    pub(crate) fn heap_size(&self) -> usize {
        let sites = self.sites.capacity() * size_of::<u32>();
        let counts = self.counts.capacity() * size_of::<u64>();
        let scale = self.scale.values.capacity() * size_of::<i32>();
        let centers = self.centers.capacity() * size_of::<f64>();
        let carried = self.carried.as_ref().map_or(0, Carried::heap_size);
        scale + centers + sites + counts + carried + self.sums.capacity() * size_of::<i128>()
    }

    /// The most bundles whose bounds are worth keeping beside it, for so many rows of `width` numbers and so many sites.
    pub(crate) fn most_bundles(rows: usize, width: usize, sites: usize) -> usize {
        let of_number = size_of::<f64>() + size_of::<i128>();
        let of_site = size_of::<u64>() + 2 * size_of::<f32>() + width * of_number;
        let other = rows * (size_of::<u32>() + size_of::<f32>())
            + sites * of_site
            + width * size_of::<i32>();
        Self::most(rows, width).saturating_sub(other) / (rows.max(1) * size_of::<f32>())
    }

    /// The most bytes that are worth keeping for so many rows of `width` numbers: those of the sites and of the upper bounds, and a byte
    /// for each number, which has room for lower bounds. With so many sites that their sums take more, adding up all rows costs little
    /// beside comparing them.
    pub(crate) fn most(rows: usize, width: usize) -> usize {
        rows * (size_of::<u32>() + size_of::<f32>() + width)
    }
}
