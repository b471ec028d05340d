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
    /// Only these rows are compared, counted from the first row of the block; all if `None`.
    pub(crate) some: Option<&'a [u32]>,
    pub(crate) panels: &'a Panels,
    /// Where to write the [gaps](Panels::gap), one for each row of the block.
    pub(crate) gaps: Option<&'a mut [f32]>,
    pub(crate) nearest: &'a mut Nearest,
    pub(crate) doubts: &'a mut Doubts,
}

impl WithSimd for Products<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        self.doubts.rows.clear();
        let at_once = groups_at_once(self.columns.len()) * GROUP;
        let count = self.some.map_or(self.rows.len(), <[u32]>::len);
        for first in (0..count).step_by(at_once) {
            let places = first..count.min(first + at_once);
            self.round(places.clone());
            for (group, first) in places.step_by(GROUP).enumerate() {
                // As many accumulators as the registers have room for: a load then serves several products.
                if S::REGISTER_COUNT >= 32 && S::F32_LANES * 4 <= GROUP {
                    self.score::<S, 4>(simd, group);
                } else {
                    self.score::<S, 2>(simd, group);
                }
                self.decide(first..count.min(first + GROUP));
            }
        }
        self.nearest.end(self.rows.len());
    }
}

impl Products<'_> {
    /// Moves rows into the frame and rounds them to single precision. It reads each column in one go, which is faster than
    /// group by group. `places` are those among the compared rows.
    #[inline(always)]
    fn round(&mut self, places: Range<usize>) {
        let Doubts { tile, norms, .. } = &mut *self.doubts;
        let norms = &mut norms[places.clone()];
        norms.fill(0.0);
        let Panels { origin, factor, .. } = self.panels;
        let columns = self.columns.len();
        for (number, (column, origin)) in self.columns.iter().zip(origin).enumerate() {
            let tile = tile[number..].iter_mut().step_by(columns);
            let groups = tile.zip(norms.chunks_mut(GROUP));
            let column = &column[self.rows.clone()];
            let set = |rounded: &mut f32, norm: &mut f32, value: f64| {
                *rounded = ((value - origin) * factor) as f32;
                *norm += *rounded * *rounded;
            };
            match self.some {
                None => {
                    let values = column[places.clone()].chunks(GROUP);
                    for ((tile, norms), values) in groups.zip(values) {
                        for ((rounded, norm), value) in tile.iter_mut().zip(norms).zip(values) {
                            set(rounded, norm, *value);
                        }
                    }
                }
                Some(some) => {
                    let rows = some[places.clone()].chunks(GROUP);
                    for ((tile, norms), rows) in groups.zip(rows) {
                        for ((rounded, norm), row) in tile.iter_mut().zip(norms).zip(rows) {
                            set(rounded, norm, column[*row as usize]);
                        }
                    }
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

    /// Writes the sites and gaps of a group of rows, and which of the rows are in doubt. `places` are those among the compared
    /// rows.
    #[inline(always)]
    fn decide(&mut self, places: Range<usize>) {
        let Doubts {
            norms,
            least,
            second,
            site,
            rows,
            ..
        } = &mut *self.doubts;
        let norms = &norms[places.clone()];
        let leads: [f32; GROUP] = from_fn(|lane| second[lane] - least[lane]);
        let mut gaps = [0.0; GROUP];
        if self.gaps.is_some() {
            for (lane, (gap, norm)) in gaps.iter_mut().zip(norms).enumerate() {
                *gap = self.panels.gap(least[lane], leads[lane], *norm);
            }
        }
        let nearest = &mut self.nearest.site;
        let first = places.start;
        match self.some {
            None => {
                for (to, site) in nearest[places.clone()].iter_mut().zip(&*site) {
                    *to = u64::from(*site);
                }
                if let Some(to) = &mut self.gaps {
                    to[places.clone()].copy_from_slice(&gaps[..norms.len()]);
                }
            }
            Some(some) => {
                for (lane, row) in some[places.clone()].iter().enumerate() {
                    nearest[*row as usize] = u64::from(site[lane]);
                    if let Some(to) = &mut self.gaps {
                        to[*row as usize] = gaps[lane];
                    }
                }
            }
        }
        // In most groups no row is in doubt, even by the largest margin of all sites. That is checked side by side.
        let mut doubtful = false;
        for (lead, norm) in leads.iter().zip(norms) {
            doubtful |= !self.panels.is_certain_for_all(*lead, *norm);
        }
        if !doubtful {
            return;
        }
        for (lane, norm) in norms.iter().enumerate() {
            if !self.panels.is_certain(leads[lane], site[lane], *norm) {
                let place = first + lane;
                rows.push(self.some.map_or(place as u32, |some| some[place]));
            }
        }
    }
}
