//! The nearest site of each row by products in single precision: a cheap comparison, which decides only where no doubt
//! is left. [`Frame`](crate::frame::Frame) says why the bound of its error holds.

use std::array::from_fn;
use std::ops::Range;

use pulp::{Simd, WithSimd};

use crate::frame::{ABREAST, Panels};
use crate::kernel::{BLOCK, NONE, Nearest};
use crate::rounded::{GROUP, Layout, Round, Rounded, groups_at_once};

/// Memory for a comparison in single precision, and the rows that it leaves in doubt.
#[derive(Debug)]
pub(crate) struct Doubts {
    /// The rows in single precision: group after group, and in each of them column after column.
    pub(crate) tile: Vec<[f32; GROUP]>,
    /// The squared length of each row.
    norms: [f32; BLOCK],
    best: Best,
    /// The rows of the block that are left to exact arithmetic, counted from the first row of the block.
    pub(crate) rows: Vec<u32>,
}

/// The least and the second score of each row of a group, and the site of the least score.
#[derive(Debug)]
struct Best {
    least: [f32; GROUP],
    second: [f32; GROUP],
    site: [u32; GROUP],
}

impl Doubts {
    pub(crate) fn new(dimensions: usize) -> Self {
        Self {
            tile: vec![[0.0; GROUP]; dimensions * groups_at_once(dimensions)],
            norms: [0.0; BLOCK],
            best: Best {
                least: [0.0; GROUP],
                second: [0.0; GROUP],
                site: [0; GROUP],
            },
            rows: Vec::with_capacity(BLOCK),
        }
    }
}

/// Finds the nearest site of each of at most [`BLOCK`] rows, and the rows that it leaves in doubt. It writes no costs.
pub(crate) struct Products<'a> {
    pub(crate) columns: &'a [Vec<f64>],
    pub(crate) rows: Range<usize>,
    pub(crate) panels: &'a Panels,
    /// All rows in single precision, in the basis of the panels, if they are kept.
    pub(crate) rounded: Option<&'a Rounded>,
    /// A squared distance for each row of the block: a site that is not nearer than that does not count.
    pub(crate) limits: Option<&'a [f64]>,
    /// Where to write bounds of the distances to the nearest site, and to all others. Only without `limits`.
    pub(crate) bounds: Option<Distances<'a>>,
    pub(crate) nearest: &'a mut Nearest,
    pub(crate) doubts: &'a mut Doubts,
}

/// For each row of a block, bounds of its distances.
pub(crate) struct Distances<'a> {
    /// Its nearest site is not farther.
    pub(crate) upper: &'a mut [f32],
    /// No other site is nearer.
    pub(crate) lower: &'a mut [f32],
}

impl WithSimd for Products<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        self.doubts.rows.clear();
        let columns = self.columns.len();
        let at_once = groups_at_once(columns) * GROUP;
        let (start, count) = (self.rows.start, self.rows.len());
        for first in (0..count).step_by(at_once) {
            let places = first..count.min(first + at_once);
            let in_place = self
                .rounded
                .filter(|rounded| rounded.layout == Layout::Columns && start.is_multiple_of(GROUP));
            let in_place = in_place.map(|rounded| rounded.from(start + first));
            if in_place.is_none() {
                self.round(simd, places.clone());
            }
            for (group, first) in places.step_by(GROUP).enumerate() {
                let Doubts {
                    tile, norms, best, ..
                } = &mut *self.doubts;
                let (tile, norms) = match in_place {
                    Some((tile, norms)) => (tile, &norms[group * GROUP..]),
                    None => (&**tile, &norms[first..]),
                };
                let tile = &tile[group * columns..][..columns];
                // As many accumulators as the registers have room for: a load then serves several products.
                if S::REGISTER_COUNT >= 32 && S::F32_LANES * 4 <= GROUP {
                    score::<S, 4>(simd, tile, self.panels, best);
                } else {
                    score::<S, 2>(simd, tile, self.panels, best);
                }
                let places = first..count.min(first + GROUP);
                // The last group of a slice has fewer rows.
                let mut of_group = [0.0; GROUP];
                let norms = &norms[..places.len()];
                of_group[..places.len()].copy_from_slice(norms);
                self.decide(places, &of_group);
            }
        }
        self.nearest.end(self.rows.len());
    }
}

impl Products<'_> {
    /// Rounds rows to single precision. `places` are counted from the first row of the block.
    #[inline(always)]
    fn round<S: Simd>(&mut self, simd: S, places: Range<usize>) {
        let start = self.rows.start;
        let round = Round {
            columns: self.columns,
            rows: start + places.start..start + places.end,
            some: None,
            basis: &self.panels.basis,
            groups: &mut self.doubts.tile,
            norms: &mut self.doubts.norms[places],
        };
        round.with_simd(simd);
    }

    /// Writes the sites of a group of rows, and which of the rows are in doubt. `places` are counted from the first row of the
    /// block, and `norms` are the lengths of the rows.
    #[inline(always)]
    fn decide(&mut self, places: Range<usize>, norms: &[f32; GROUP]) {
        let Doubts { best, rows, .. } = &mut *self.doubts;
        let Best {
            least,
            second,
            site,
        } = &*best;
        let norms = &norms[..places.len()];
        let leads: [f32; GROUP] = from_fn(|lane| second[lane] - least[lane]);
        let nearest = &mut self.nearest.site;
        let first = places.start;
        for (to, site) in nearest[places.clone()].iter_mut().zip(site) {
            *to = u64::from(*site);
        }
        if let Some(limits) = self.limits {
            for (lane, norm) in norms.iter().enumerate() {
                let place = first + lane;
                let certain = self.panels.is_certain(leads[lane], site[lane], *norm);
                let unit = self.panels.basis.factor;
                let limit = limits[place] * unit * unit;
                match self.panels.square(least[lane], site[lane], *norm) {
                    Some([low, _]) if f64::from(low) > limit => nearest[place] = NONE,
                    Some([_, high]) if certain && f64::from(high) < limit => {}
                    _ => rows.push(place as u32),
                }
            }
            return;
        }
        if let Some(Distances { upper, lower }) = &mut self.bounds {
            let both = upper[places.clone()].iter_mut().zip(&mut lower[places]);
            for (lane, ((upper, lower), norm)) in both.zip(norms).enumerate() {
                *upper = self.panels.at_most(least[lane], *norm);
                *lower = self.panels.at_least(second[lane], *norm);
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
                rows.push(place as u32);
                // Nobody knows yet which site is nearest.
                if let Some(Distances { upper, lower }) = &mut self.bounds {
                    (upper[place], lower[place]) = (f32::INFINITY, 0.0);
                }
            }
        }
    }
}

/// For `R` vectors of rows at a time, the least and the second score over all sites.
#[inline(always)]
fn score<S: Simd, const R: usize>(
    simd: S,
    tile: &[[f32; GROUP]],
    panels: &Panels,
    best: &mut Best,
) {
    let lanes = S::F32_LANES;
    let infinite = [simd.splat_f32s(f32::INFINITY); R];
    let panel = (tile.len() + 1) * ABREAST;
    for at in (0..GROUP).step_by(R * lanes) {
        let (mut least, mut second) = (infinite, infinite);
        let mut site = [simd.splat_u32s(0); R];
        let mut number = 0;
        for panel in panels.numbers.chunks_exact(panel) {
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
        for (to, from) in [(&mut best.least[..], least), (&mut best.second[..], second)] {
            S::as_mut_simd_f32s(&mut to[lanes.clone()])
                .0
                .copy_from_slice(&from);
        }
        S::as_mut_simd_u32s(&mut best.site[lanes])
            .0
            .copy_from_slice(&site);
    }
}
