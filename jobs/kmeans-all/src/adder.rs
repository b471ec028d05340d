//! Adds rows to the fixed-point sums of their sites, several columns of a row side by side.

use std::array::from_fn;
use std::ops::Range;

use pulp::{Arch, Simd, WithSimd};

use crate::fixed_point::{GRIDS, Grids, SHORT_RUN, joined};
use crate::node_sums::{NodeSums, Summands};

/// So many rows are turned from columns into rows at once. With the sums of [`GRIDS`] columns they stay in the first cache.
const AT_ONCE: usize = 256;

/// The number that means "no site".
pub(crate) const NOWHERE: u32 = u32::MAX;

/// A row that comes to a site, and leaves another one if it was somewhere.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Change {
    /// Counted from the first row of the block.
    pub(crate) row: u32,
    pub(crate) from: u32,
    pub(crate) to: u32,
}

/// Carries rows from site to site, block after block.
pub(crate) struct Adder<'a> {
    of_nodes: &'a NodeSums,
    summands: Summands<'a>,
    /// [`GRIDS`] summands of each of [`AT_ONCE`] rows.
    values: Vec<[f64; GRIDS]>,
    grids: Vec<Grids>,
    /// For each of the grids and each site, the sums of the upper and the lower limbs.
    short: Vec<[[i64; GRIDS]; 2]>,
    sites: usize,
    run: usize,
}

impl<'a> Adder<'a> {
    pub(crate) fn new(of_nodes: &'a NodeSums, summands: Summands<'a>) -> Self {
        Self {
            of_nodes,
            summands,
            values: vec![[0.0; GRIDS]; AT_ONCE],
            grids: of_nodes.grids.chunks(GRIDS).map(Grids::new).collect(),
            short: Vec::new(),
            sites: 0,
            run: 0,
        }
    }

    /// Begins with so many sites.
    pub(crate) fn begin(&mut self, sites: usize) {
        self.short.clear();
        self.short.resize(sites * self.grids.len(), [[0; GRIDS]; 2]);
        self.sites = sites;
        self.run = 0;
    }

    /// Takes in the changes of at most [`BLOCK`](crate::kernel::BLOCK) rows. `sums` has the sums of each site, one after another.
    pub(crate) fn add(
        &mut self,
        arch: Arch,
        rows: &Range<usize>,
        changes: &[Change],
        sums: &mut [i128],
    ) {
        if self.run + changes.len() > SHORT_RUN {
            self.spill(sums);
        }
        self.run += changes.len();
        for number in 0..self.grids.len() {
            for changes in changes.chunks(AT_ONCE) {
                self.gather(rows, number, changes);
                arch.dispatch(Move {
                    changes,
                    values: &self.values,
                    grids: &self.grids[number],
                    short: &mut self.short[number * self.sites..][..self.sites],
                });
            }
        }
    }

    /// Turns some summands of at most [`AT_ONCE`] rows from columns into rows.
    fn gather(&mut self, rows: &Range<usize>, number: usize, changes: &[Change]) {
        let last = self.of_nodes.width() - 1;
        // The last summand fills up the lanes that are of no use.
        let summands: [_; GRIDS] = from_fn(|lane| {
            let number = last.min(number * GRIDS + lane);
            self.of_nodes.summand(self.summands, number, rows.clone())
        });
        let columns: [&[f64]; GRIDS] = from_fn(|lane| &summands[lane].column[rows.clone()]);
        for (values, change) in self.values.iter_mut().zip(changes) {
            *values = from_fn(|lane| columns[lane][change.row as usize]);
        }
        let Some(weights) = self.summands.weights else {
            return;
        };
        let weights = &weights[rows.clone()];
        for (values, change) in self.values.iter_mut().zip(changes) {
            for (value, summand) in values.iter_mut().zip(&summands) {
                if summand.weights.is_some() {
                    *value *= weights[change.row as usize];
                }
            }
        }
    }

    /// Adds the 64-bit sums to the wide sums.
    pub(crate) fn spill(&mut self, sums: &mut [i128]) {
        let width = self.of_nodes.width();
        for (number, short) in self.short.chunks_exact_mut(self.sites.max(1)).enumerate() {
            for (sums, short) in sums.chunks_exact_mut(width).zip(short) {
                for (lane, sum) in sums[number * GRIDS..].iter_mut().take(GRIDS).enumerate() {
                    *sum += joined(short.map(|limbs| limbs[lane]));
                }
                *short = [[0; GRIDS]; 2];
            }
        }
        self.run = 0;
    }
}

/// Moves the limbs of rows from one site to another.
struct Move<'a> {
    changes: &'a [Change],
    values: &'a [[f64; GRIDS]],
    grids: &'a Grids,
    /// Of each site.
    short: &'a mut [[[i64; GRIDS]; 2]],
}

impl WithSimd for Move<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        for (change, values) in self.changes.iter().zip(self.values) {
            let limbs = self.grids.limbs(values);
            add(
                &mut self.short[change.to as usize],
                &limbs,
                i64::wrapping_add,
            );
            if change.from != NOWHERE {
                add(
                    &mut self.short[change.from as usize],
                    &limbs,
                    i64::wrapping_sub,
                );
            }
        }
    }
}

#[inline(always)]
fn add(sums: &mut [[i64; GRIDS]; 2], limbs: &[[i64; GRIDS]; 2], with: impl Fn(i64, i64) -> i64) {
    for (sums, limbs) in sums.iter_mut().zip(limbs) {
        for lane in 0..GRIDS {
            sums[lane] = with(sums[lane], limbs[lane]);
        }
    }
}
