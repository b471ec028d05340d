//! Adds rows to the fixed-point sums of their sites, all columns of a row side by side.

use std::ops::Range;

use pulp::{Arch, Simd, WithSimd};

use crate::fixed_point::{GRIDS, Grids, SHORT_RUN, joined};
use crate::node_sums::{NodeSums, Summands};

/// So many rows are turned from columns into rows at once. They stay in a cache.
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
    /// The summands of [`AT_ONCE`] rows, row after row, filled up to whole [`Grids`].
    values: Vec<f64>,
    grids: Vec<Grids>,
    /// For each site and each of the grids, the sums of the upper and the lower limbs.
    short: Vec<[[i64; GRIDS]; 2]>,
    run: usize,
}

impl<'a> Adder<'a> {
    pub(crate) fn new(of_nodes: &'a NodeSums, summands: Summands<'a>) -> Self {
        let grids: Vec<Grids> = of_nodes.grids.chunks(GRIDS).map(Grids::new).collect();
        Self {
            of_nodes,
            summands,
            values: vec![0.0; AT_ONCE * grids.len() * GRIDS],
            grids,
            short: Vec::new(),
            run: 0,
        }
    }

    /// Begins with so many sites.
    pub(crate) fn begin(&mut self, sites: usize) {
        self.short.clear();
        self.short.resize(sites * self.grids.len(), [[0; GRIDS]; 2]);
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
        for changes in changes.chunks(AT_ONCE) {
            self.gather(rows, changes);
            arch.dispatch(Move {
                changes,
                values: &self.values,
                grids: &self.grids,
                short: &mut self.short,
            });
        }
    }

    /// Turns the summands of at most [`AT_ONCE`] rows from columns into rows.
    fn gather(&mut self, rows: &Range<usize>, changes: &[Change]) {
        let width = self.grids.len() * GRIDS;
        for number in 0..self.of_nodes.width() {
            let summand = self.of_nodes.summand(self.summands, number, rows.clone());
            let column = &summand.column[rows.clone()];
            let values = self.values[number..].iter_mut().step_by(width);
            let values = values.zip(changes.iter().map(|change| change.row as usize));
            match summand.weights {
                None => {
                    for (value, row) in values {
                        *value = column[row];
                    }
                }
                Some(weights) => {
                    let weights = &weights[rows.clone()];
                    for (value, row) in values {
                        *value = weights[row] * column[row];
                    }
                }
            }
        }
    }

    /// Adds the 64-bit sums to the wide sums.
    pub(crate) fn spill(&mut self, sums: &mut [i128]) {
        let short = self.short.chunks_exact_mut(self.grids.len());
        for (sums, short) in sums.chunks_exact_mut(self.of_nodes.width()).zip(short) {
            for (sums, short) in sums.chunks_mut(GRIDS).zip(short) {
                for (lane, sum) in sums.iter_mut().enumerate() {
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
    values: &'a [f64],
    grids: &'a [Grids],
    short: &'a mut [[[i64; GRIDS]; 2]],
}

impl WithSimd for Move<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let width = self.grids.len();
        let (values, _) = self.values.as_chunks::<GRIDS>();
        for (change, values) in self.changes.iter().zip(values.chunks_exact(width)) {
            for (number, (grids, values)) in self.grids.iter().zip(values).enumerate() {
                let limbs = grids.limbs(values);
                let of = |site: u32| site as usize * width + number;
                add(&mut self.short[of(change.to)], &limbs, i64::wrapping_add);
                if change.from != NOWHERE {
                    add(&mut self.short[of(change.from)], &limbs, i64::wrapping_sub);
                }
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
