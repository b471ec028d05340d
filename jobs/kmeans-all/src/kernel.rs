//! The loops over rows: distances to a few sites, and fixed-point sums over the rows of a site.
//!
//! They are plain loops over a fixed number of lanes. The compiler turns them into the vector instructions of the
//! processor. A lane computes what a loop over single rows would compute: the same operations on the same numbers in
//! the same order, and none of them fused. So the bits do not depend on the kernel.

use std::array::from_fn;
use std::ops::Range;

use pulp::{Arch, Simd, WithSimd};

use crate::fixed_point::{Grid, SHORT_RUN};

/// The vector instructions that a step uses. They do not change the result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kernel {
    /// The widest vectors that this processor has and this build supports.
    #[default]
    Vector,
    /// The instructions that every processor of this architecture has.
    Scalar,
}

impl Kernel {
    pub(crate) fn arch(self) -> Arch {
        match self {
            Self::Vector => Arch::new(),
            Self::Scalar => Arch::Scalar,
        }
    }
}

/// How many rows are computed side by side: four vectors of AVX2, enough to hide the latency of an addition. Columns
/// are padded by so many rows.
pub(crate) const LANES: usize = 16;

/// The same number for so few columns that they fit the registers. Then the work on each row is short.
const FEW_LANES: usize = 8;

/// Rows of a block. A block has several pages of each column, so the processor reads ahead most of the time.
pub(crate) const BLOCK: usize = 4096;

const _: () = assert!(BLOCK.is_multiple_of(LANES) && BLOCK <= SHORT_RUN);

/// The length in memory of a column of so many rows.
pub(crate) fn padded(rows: usize) -> usize {
    rows + LANES
}

/// Cuts rows into ranges of at most one block.
#[inline]
pub(crate) fn blocks(rows: Range<usize>) -> impl Iterator<Item = Range<usize>> {
    let end = rows.end;
    rows.step_by(BLOCK)
        .map(move |start| start..end.min(start + BLOCK))
}

/// The number that means "no site".
pub(crate) const NONE: u64 = u64::MAX;

/// The nearest site of each row in a block.
#[derive(Debug)]
pub(crate) struct Nearest {
    /// Squared distances to it.
    pub(crate) cost: [f64; BLOCK],
    /// Its place among the sites that were searched; [`NONE`] if none is near enough, and after the last row.
    pub(crate) site: [u64; BLOCK],
}

impl Nearest {
    /// Says that there are so many rows. Kernels may read a chunk beyond them.
    #[inline(always)]
    pub(crate) fn end(&mut self, rows: usize) {
        self.site[rows..rows.next_multiple_of(LANES)].fill(NONE);
    }
}

impl Default for Nearest {
    fn default() -> Self {
        Self {
            cost: [0.0; BLOCK],
            site: [NONE; BLOCK],
        }
    }
}

/// Finds the nearest of `sites` for each of at most [`BLOCK`] rows. If several are equally near, the first one counts.
pub(crate) struct Search<'a> {
    pub(crate) columns: &'a [Vec<f64>],
    pub(crate) rows: Range<usize>,
    /// The sites, one after another, each with one number per column.
    pub(crate) sites: &'a [f64],
    pub(crate) nearest: &'a mut Nearest,
    /// Room for [`LANES`] rows.
    pub(crate) tile: &'a mut [[f64; LANES]],
}

impl WithSimd for Search<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, _: S) {
        match self.columns.len() {
            1 => self.few::<1>(),
            2 => self.few::<2>(),
            3 => self.few::<3>(),
            4 => self.few::<4>(),
            _ => self.many(),
        }
        self.nearest.end(self.rows.len());
    }
}

impl Search<'_> {
    /// With all columns of a chunk in registers.
    #[inline(always)]
    fn few<const D: usize>(&mut self) {
        let chunks = self.rows.len().div_ceil(FEW_LANES);
        let columns: [&[f64]; D] =
            from_fn(|d| &self.columns[d][self.rows.start..][..chunks * FEW_LANES]);
        for chunk in 0..chunks {
            let at = chunk * FEW_LANES;
            let x: [[f64; FEW_LANES]; D] = from_fn(|d| from_fn(|lane| columns[d][at + lane]));
            let mut best = Best::<FEW_LANES>::none();
            for (number, site) in self.sites.chunks_exact(D).enumerate() {
                best.challenge(number, squared_distances(&x, site));
            }
            best.write(self.nearest, at);
        }
    }

    /// With the columns of a chunk next to each other in the first cache.
    #[inline(always)]
    fn many(&mut self) {
        let dimensions = self.columns.len();
        for at in (0..self.rows.len()).step_by(LANES) {
            for (x, column) in self.tile.iter_mut().zip(self.columns) {
                x.copy_from_slice(&column[self.rows.start + at..][..LANES]);
            }
            let mut best = Best::<LANES>::none();
            for (number, site) in self.sites.chunks_exact(dimensions).enumerate() {
                best.challenge(number, squared_distances(self.tile, site));
            }
            best.write(self.nearest, at);
        }
    }
}

/// [`Search`] for some rows of a block only.
pub(crate) struct SearchSome<'a> {
    pub(crate) search: Search<'a>,
    /// Which rows, counted from the first row of the block.
    pub(crate) some: &'a [u32],
}

impl WithSimd for SearchSome<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Search {
            columns,
            rows,
            sites,
            nearest,
            tile,
        } = self.search;
        for some in self.some.chunks(LANES) {
            for (x, column) in tile.iter_mut().zip(columns) {
                let column = &column[rows.clone()];
                for (x, row) in x.iter_mut().zip(some) {
                    *x = column[*row as usize];
                }
            }
            let mut best = Best::<LANES>::none();
            for (number, site) in sites.chunks_exact(columns.len()).enumerate() {
                best.challenge(number, squared_distances(tile, site));
            }
            for (lane, row) in some.iter().enumerate() {
                nearest.site[*row as usize] = best.site[lane];
                nearest.cost[*row as usize] = best.cost[lane];
            }
        }
    }
}

/// The costs of at most [`BLOCK`] rows whose nearest site is known.
pub(crate) struct CostsOf<'a> {
    pub(crate) columns: &'a [Vec<f64>],
    pub(crate) rows: Range<usize>,
    /// The sites, column after column, so that the numbers of one column stay in the first cache.
    pub(crate) sites: &'a [f64],
    pub(crate) nearest: &'a mut Nearest,
}

impl WithSimd for CostsOf<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let count = self.sites.len() / self.columns.len().max(1);
        let Nearest { cost, site } = self.nearest;
        let cost = &mut cost[..self.rows.len()];
        cost.fill(0.0);
        let sites = self.sites.chunks_exact(count.max(1));
        for (column, of_sites) in self.columns.iter().zip(sites) {
            let both = column[self.rows.clone()].iter().zip(&*site);
            for (cost, (value, site)) in cost.iter_mut().zip(both) {
                let difference = value - of_sites[*site as usize];
                *cost += difference * difference;
            }
        }
    }
}

/// Adds up the squared differences column by column, as for a single row. In this crate, "distance" always means this.
#[inline(always)]
fn squared_distances<const W: usize>(x: &[[f64; W]], site: &[f64]) -> [f64; W] {
    let mut sums = [0.0; W];
    for (x, site) in x.iter().zip(site) {
        for lane in 0..W {
            let difference = x[lane] - site;
            sums[lane] += difference * difference;
        }
    }
    sums
}

struct Best<const W: usize> {
    cost: [f64; W],
    site: [u64; W],
}

impl<const W: usize> Best<W> {
    #[inline(always)]
    fn none() -> Self {
        Self {
            cost: [f64::INFINITY; W],
            site: [0; W],
        }
    }

    #[inline(always)]
    fn challenge(&mut self, number: usize, costs: [f64; W]) {
        for (lane, cost) in costs.into_iter().enumerate() {
            let nearer = cost < self.cost[lane];
            self.cost[lane] = if nearer { cost } else { self.cost[lane] };
            self.site[lane] = if nearer {
                number as u64
            } else {
                self.site[lane]
            };
        }
    }

    #[inline(always)]
    fn write(&self, nearest: &mut Nearest, at: usize) {
        nearest.cost[at..][..W].copy_from_slice(&self.cost);
        nearest.site[at..][..W].copy_from_slice(&self.site);
    }
}

/// The fixed-point sum of a column over at most [`SHORT_RUN`] rows, each times its weight.
pub(crate) struct Sum<'a> {
    pub(crate) column: &'a [f64],
    pub(crate) weights: Option<&'a [f64]>,
    pub(crate) rows: Range<usize>,
    pub(crate) grid: Grid,
}

impl WithSimd for Sum<'_> {
    type Output = i128;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> i128 {
        let len = self.rows.len();
        self.over(|row| row < len)
    }
}

impl Sum<'_> {
    /// The sum over the rows that are `kept`, counted from the first one.
    #[inline(always)]
    fn over(&self, kept: impl Fn(usize) -> bool) -> i128 {
        let padded = self.rows.len().next_multiple_of(FEW_LANES);
        let column = &self.column[self.rows.start..][..padded];
        let mut sums = [[0_u64; FEW_LANES]; 2];
        let mut add = |lane: usize, value: f64| {
            let limbs = self.grid.split(value);
            sums[0][lane] = sums[0][lane].wrapping_add(limbs[0]);
            sums[1][lane] = sums[1][lane].wrapping_add(limbs[1]);
        };
        match self.weights {
            None => {
                for at in (0..padded).step_by(FEW_LANES) {
                    for lane in 0..FEW_LANES {
                        let kept = kept(at + lane);
                        add(lane, if kept { column[at + lane] } else { 0.0 });
                    }
                }
            }
            Some(weights) => {
                let weights = &weights[self.rows.start..][..padded];
                for at in (0..padded).step_by(FEW_LANES) {
                    for lane in 0..FEW_LANES {
                        let product = weights[at + lane] * column[at + lane];
                        add(lane, if kept(at + lane) { product } else { 0.0 });
                    }
                }
            }
        }
        let wrapped = sums.map(|lanes| {
            lanes
                .iter()
                .fold(0, |sum: u64, lane| sum.wrapping_add(*lane))
        });
        self.grid.total(wrapped, padded)
    }
}

/// [`Sum`] over the rows whose nearest site is `wanted`.
pub(crate) struct SumOf<'a> {
    pub(crate) sum: Sum<'a>,
    pub(crate) nearest: &'a Nearest,
    pub(crate) wanted: usize,
}

impl WithSimd for SumOf<'_> {
    type Output = i128;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> i128 {
        let wanted = self.wanted as u64;
        let sites = &self.nearest.site[..self.sum.rows.len().next_multiple_of(FEW_LANES)];
        self.sum.over(|row| sites[row] == wanted)
    }
}

/// The squared lengths of at most [`BLOCK`] rows, column after column.
pub(crate) struct Lengths<'a> {
    pub(crate) columns: &'a [Vec<f64>],
    pub(crate) rows: Range<usize>,
    pub(crate) lengths: &'a mut [f64],
}

impl WithSimd for Lengths<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        self.lengths.fill(0.0);
        for column in self.columns {
            for (length, value) in self.lengths.iter_mut().zip(&column[self.rows.clone()]) {
                *length += value * value;
            }
        }
    }
}
