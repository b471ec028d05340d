//! The nearest site of each row by products in single precision: a cheap comparison, which decides only where no doubt
//! is left. [`Frame`](crate::frame::Frame) says why the bound of its error holds.

use std::array::from_fn;
use std::ops::Range;

use pulp::{Simd, WithSimd};

use crate::frame::{ABREAST, Panels};
use crate::kernel::{BLOCK, Nearest};

/// How many rows are compared with the sites at once. With a hundred columns they still fit the first cache.
const GROUP: usize = 64;

/// The most numbers that are turned into single precision at once: a megabyte, which is about the second cache.
const TILE: usize = 1 << 18;

/// How many groups are turned into single precision at once.
fn groups_at_once(columns: usize) -> usize {
    (TILE / GROUP / columns.max(1)).clamp(1, BLOCK / GROUP)
}

/// Memory for a comparison in single precision, and the rows that it leaves in doubt.
#[derive(Debug)]
pub(crate) struct Doubts {
    /// The rows in single precision: group after group, and in each of them column after column.
    tile: Vec<[f32; GROUP]>,
    /// The squared length of each row.
    norms: [f32; BLOCK],
    /// The least and the second score of each row of a group, and the site of the least score.
    least: [f32; GROUP],
    second: [f32; GROUP],
    site: [u32; GROUP],
    /// The rows of the block that are left to exact arithmetic, counted from the first row of the block.
    pub(crate) rows: Vec<u32>,
}

impl Doubts {
    pub(crate) fn new(dimensions: usize) -> Self {
        Self {
            tile: vec![[0.0; GROUP]; dimensions * groups_at_once(dimensions)],
            norms: [0.0; BLOCK],
            least: [0.0; GROUP],
            second: [0.0; GROUP],
            site: [0; GROUP],
            rows: Vec::with_capacity(BLOCK),
        }
    }
}

/// Finds the nearest site of each of at most [`BLOCK`] rows, and the rows that it leaves in doubt. It writes no costs.
pub(crate) struct Products<'a> {
    pub(crate) columns: &'a [Vec<f64>],
    pub(crate) rows: Range<usize>,
    pub(crate) panels: &'a Panels,
    pub(crate) nearest: &'a mut Nearest,
    pub(crate) doubts: &'a mut Doubts,
}

impl WithSimd for Products<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        self.doubts.rows.clear();
        let at_once = groups_at_once(self.columns.len()) * GROUP;
        for first in (0..self.rows.len()).step_by(at_once) {
            let rows = first..self.rows.len().min(first + at_once);
            self.round(rows.clone());
            for (group, first) in rows.step_by(GROUP).enumerate() {
                // As many accumulators as the registers have room for: a load then serves several products.
                if S::REGISTER_COUNT >= 32 && S::F32_LANES * 4 <= GROUP {
                    self.score::<S, 4>(simd, group);
                } else {
                    self.score::<S, 2>(simd, group);
                }
                self.decide(first);
            }
        }
        self.nearest.end(self.rows.len());
    }
}

impl Products<'_> {
    /// Moves rows of the block into the frame and rounds them to single precision. It reads each column in one go, which is
    /// faster than group by group.
    #[inline(always)]
    fn round(&mut self, rows: Range<usize>) {
        let Doubts { tile, norms, .. } = &mut *self.doubts;
        let norms = &mut norms[rows.clone()];
        norms.fill(0.0);
        let Panels { origin, factor, .. } = self.panels;
        let columns = self.columns.len();
        for (number, (column, origin)) in self.columns.iter().zip(origin).enumerate() {
            let tile = tile[number..].iter_mut().step_by(columns);
            let groups = tile.zip(norms.chunks_mut(GROUP));
            let column = &column[self.rows.clone()][rows.clone()];
            for ((tile, norms), values) in groups.zip(column.chunks(GROUP)) {
                for ((rounded, norm), value) in tile.iter_mut().zip(norms).zip(values) {
                    *rounded = ((value - origin) * factor) as f32;
                    *norm += *rounded * *rounded;
                }
            }
        }
    }

    /// For `R` vectors of rows at a time, the least and the second score over all sites.
    #[inline(always)]
    fn score<S: Simd, const R: usize>(&mut self, simd: S, group: usize) {
        let lanes = S::F32_LANES;
        let columns = self.columns.len();
        let Doubts {
            tile,
            least: to_least,
            second: to_second,
            site: to_site,
            ..
        } = &mut *self.doubts;
        let tile = &tile[group * columns..][..columns];
        let infinite = [simd.splat_f32s(f32::INFINITY); R];
        let panel = (columns + 1) * ABREAST;
        for at in (0..GROUP).step_by(R * lanes) {
            let (mut least, mut second) = (infinite, infinite);
            let mut site = [simd.splat_u32s(0); R];
            let mut number = 0;
            for panel in self.panels.numbers.chunks_exact(panel) {
                let (starts, factors) = panel.split_at(ABREAST);
                let mut scores: [[S::f32s; R]; ABREAST] =
                    from_fn(|of| [simd.splat_f32s(starts[of]); R]);
                for (x, factors) in tile.iter().zip(factors.chunks_exact(ABREAST)) {
                    let x = S::as_simd_f32s(&x[at..][..R * lanes]).0;
                    let x: [S::f32s; R] = from_fn(|i| x[i]);
                    for (scores, factor) in scores.iter_mut().zip(factors) {
                        let factor = simd.splat_f32s(*factor);
                        for i in 0..R {
                            scores[i] = simd.mul_add_e_f32s(x[i], factor, scores[i]);
                        }
                    }
                }
                for scores in scores {
                    let this = simd.splat_u32s(number);
                    number += 1;
                    for i in 0..R {
                        let lower = simd.less_than_f32s(scores[i], least[i]);
                        let higher = simd.max_f32s(scores[i], least[i]);
                        second[i] = simd.min_f32s(second[i], higher);
                        least[i] = simd.min_f32s(scores[i], least[i]);
                        site[i] = simd.select_u32s(lower, this, site[i]);
                    }
                }
            }
            let lanes = at..at + R * lanes;
            for (to, from) in [(&mut *to_least, least), (&mut *to_second, second)] {
                S::as_mut_simd_f32s(&mut to[lanes.clone()])
                    .0
                    .copy_from_slice(&from);
            }
            S::as_mut_simd_u32s(&mut to_site[lanes])
                .0
                .copy_from_slice(&site);
        }
    }

    /// Writes the sites of the rows of a group, and which of the rows are in doubt.
    #[inline(always)]
    fn decide(&mut self, first: usize) {
        let Doubts {
            norms,
            least,
            second,
            site,
            rows,
            ..
        } = &mut *self.doubts;
        let all = first..self.rows.len().min(first + GROUP);
        let norms = &norms[all.clone()];
        let leads: [f32; GROUP] = from_fn(|lane| second[lane] - least[lane]);
        for (to, site) in self.nearest.site[all.clone()].iter_mut().zip(&*site) {
            *to = u64::from(*site);
        }
        // In most groups no row is in doubt, even by the largest margin of all sites. That is checked side by side.
        let mut doubtful = false;
        for (lead, norm) in leads.iter().zip(norms) {
            doubtful |= !self.panels.is_certain_for_all(*lead, *norm);
        }
        if !doubtful {
            return;
        }
        for (lane, (row, norm)) in all.zip(norms).enumerate() {
            if !self.panels.is_certain(leads[lane], site[lane], *norm) {
                rows.push(row as u32);
            }
        }
    }
}
