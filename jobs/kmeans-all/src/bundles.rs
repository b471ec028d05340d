//! Compares rows with some of the sites: with those that the bounds of [`Carried`] leave. [`Frame`](crate::frame::Frame) says why the
//! scores can be trusted.

use std::array::from_fn;
use std::ops::Range;

use pulp::{Simd, WithSimd};

use crate::adder::NOWHERE;
use crate::carried::Carried;
use crate::frame::{Frame, WIDTH};
use crate::kernel::Nearest;
use crate::products::Doubts;
use crate::rounded::{GROUP, Layout, Round, Rounded, groups_at_once, to_rows};

/// The most rows that are compared at once. With a hundred columns they fit the second cache.
const AT_ONCE: usize = 256;

/// The sites of a [`Frame`] in bundles. A row is compared with all sites of a bundle, or with none of them.
#[derive(Debug, Default)]
pub(crate) struct Bundles {
    /// [`WIDTH`] sites after another: first their starts, then their negative coordinates column by column. Sites that fill up
    /// the last panel have an infinite score.
    panels: Vec<[f32; WIDTH]>,
    /// How many panels a bundle has; the last one may have fewer.
    each: usize,
    /// The largest margin of the sites of each bundle.
    margins: Vec<f32>,
}

impl Bundles {
    /// Takes in the sites of a frame, in bundles of `each` panels.
    pub(crate) fn set(&mut self, frame: &Frame, each: usize) {
        let columns = frame.basis.origin.len();
        self.panels.clear();
        let both = frame.starts.chunks(WIDTH);
        for (starts, negatives) in both.zip(frame.negatives.chunks(WIDTH * columns)) {
            let first = self.panels.len();
            self.panels.resize(first + 1 + columns, [0.0; WIDTH]);
            let panel = &mut self.panels[first..];
            panel[0] = [f32::INFINITY; WIDTH];
            panel[0][..starts.len()].copy_from_slice(starts);
            for (lane, negatives) in negatives.chunks_exact(columns).enumerate() {
                for (to, negative) in panel[1..].iter_mut().zip(negatives) {
                    to[lane] = *negative;
                }
            }
        }
        self.each = each;
        let margins = frame.margins.chunks(each * WIDTH);
        let margins = margins.map(|of| of.iter().fold(0.0, |most: f32, margin| most.max(*margin)));
        self.margins.clear();
        self.margins.extend(margins);
    }
}

/// Memory for a comparison.
#[derive(Debug)]
pub(crate) struct Compared {
    /// The rows that are compared, counted from the first row of the block.
    pub(crate) rows: Vec<u32>,
    /// Some of the rows in single precision, row after row, if they do not lie that way.
    values: Vec<f32>,
    norms: [f32; AT_ONCE],
    /// The score of the row's own site, that of the last pass; infinite if there is none.
    own: [f32; AT_ONCE],
    /// Sites beyond this distance need no comparison.
    reach: [f32; AT_ONCE],
    /// A score that is farther above the best one than this does not put a row in doubt.
    span: [f32; AT_ONCE],
    best: [f32; AT_ONCE],
    second: [f32; AT_ONCE],
    site: [u32; AT_ONCE],
    /// The rows that are compared with a bundle, as places among the rows above, and their least scores.
    places: [u32; AT_ONCE],
    least: [f32; AT_ONCE],
}

impl Default for Compared {
    fn default() -> Self {
        Self {
            rows: Vec::new(),
            values: Vec::new(),
            norms: [0.0; AT_ONCE],
            own: [0.0; AT_ONCE],
            reach: [0.0; AT_ONCE],
            span: [0.0; AT_ONCE],
            best: [0.0; AT_ONCE],
            second: [0.0; AT_ONCE],
            site: [0; AT_ONCE],
            places: [0; AT_ONCE],
            least: [0.0; AT_ONCE],
        }
    }
}

/// Carries the bounds of a block of rows, and writes down the rows that they do not decide.
pub(crate) struct Carry<'a> {
    pub(crate) carried: &'a mut Carried,
    pub(crate) rows: &'a Range<usize>,
    /// The sites of the last pass.
    pub(crate) own: &'a [u32],
    pub(crate) undecided: &'a mut Vec<u32>,
}

impl WithSimd for Carry<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        self.carried.undecided(self.rows, self.own, self.undecided);
    }
}

/// Finds the nearest site of some rows of a block, and which of them it leaves in doubt.
pub(crate) struct Narrowed<'a> {
    pub(crate) columns: &'a [Vec<f64>],
    pub(crate) rows: Range<usize>,
    pub(crate) frame: &'a Frame,
    pub(crate) bundles: &'a Bundles,
    /// All rows in single precision, in the basis of the frame, if they are kept.
    pub(crate) rounded: Option<&'a Rounded>,
    /// The sites of the last pass.
    pub(crate) own: &'a [u32],
    pub(crate) carried: &'a mut Carried,
    pub(crate) nearest: &'a mut Nearest,
    pub(crate) compared: &'a mut Compared,
    pub(crate) doubts: &'a mut Doubts,
}

impl WithSimd for Narrowed<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        self.doubts.rows.clear();
        let rows = std::mem::take(&mut self.compared.rows);
        let at_once = AT_ONCE.min(groups_at_once(self.columns.len()) * GROUP);
        for some in rows.chunks(at_once) {
            if self.in_place().is_none() {
                self.take(simd, some);
            }
            match S::F32_LANES {
                16 => self.compare::<S, 8, 1>(simd, some),
                8 => self.compare::<S, 4, 2>(simd, some),
                4 => self.compare::<S, 4, 4>(simd, some),
                _ => self.compare::<S, 1, WIDTH>(simd, some),
            }
        }
        self.compared.rows = rows;
    }
}

impl<'a> Narrowed<'a> {
    /// The rows in single precision, if they lie row after row.
    #[inline(always)]
    fn in_place(&self) -> Option<&'a Rounded> {
        let rounded = self.rounded;
        rounded.filter(|rounded| rounded.layout == Layout::Rows)
    }

    /// Lays out some rows row after row.
    #[inline(always)]
    fn take<S: Simd>(&mut self, simd: S, some: &[u32]) {
        let columns = self.columns.len();
        let Compared { values, norms, .. } = &mut *self.compared;
        values.resize(some.len().next_multiple_of(GROUP) * columns, 0.0);
        if let Some(rounded) = self.rounded {
            let values = values.chunks_exact_mut(columns).zip(norms);
            for ((values, norm), row) in values.zip(some) {
                *norm = rounded.copy(self.rows.start + *row as usize, values);
            }
            return;
        }
        let round = Round {
            columns: self.columns,
            rows: self.rows.clone(),
            some: Some(some),
            basis: &self.frame.basis,
            groups: &mut self.doubts.tile,
            norms: &mut norms[..some.len()],
        };
        round.with_simd(simd);
        let groups = self.doubts.tile.chunks_exact(columns);
        let groups = groups.take(some.len().div_ceil(GROUP));
        for (group, values) in groups.zip(values.chunks_exact_mut(GROUP * columns)) {
            to_rows(group, values);
        }
    }

    /// Compares `some` rows, `R` of them at a time, where a panel of sites takes `V` vectors.
    #[inline(always)]
    fn compare<S: Simd, const R: usize, const V: usize>(&mut self, simd: S, some: &[u32]) {
        let columns = self.columns.len();
        let in_place = self.in_place();
        let Compared {
            values,
            norms,
            own: own_score,
            reach,
            span,
            best,
            second,
            site,
            places,
            least,
            ..
        } = &mut *self.compared;
        let (frame, bundles, start) = (self.frame, self.bundles, self.rows.start);
        let values = match in_place {
            Some(rounded) => {
                let (values, all) = rounded.rows_from(start);
                for (norm, row) in norms.iter_mut().zip(some) {
                    *norm = all[*row as usize];
                }
                values
            }
            None => &**values,
        };
        let values_of = |place: usize| {
            let at = match in_place {
                Some(_) => some[place] as usize,
                None => place,
            };
            &values[at * columns..][..columns]
        };
        let carried = &mut *self.carried;
        let (slack, own) = (carried.slack(), self.own);
        for (place, row) in some.iter().enumerate() {
            let (norm, of_row) = (norms[place], own[*row as usize]);
            site[place] = of_row;
            (own_score[place], reach[place]) = match of_row {
                NOWHERE => (f32::INFINITY, f32::INFINITY),
                of_row => {
                    let score = frame.score(simd, of_row, values_of(place));
                    (score, slack.reach(frame.at_most(score, of_row, norm)))
                }
            };
        }
        for place in 0..some.len() {
            span[place] = frame.span(norms[place]);
            best[place] = own_score[place];
            second[place] = f32::INFINITY;
        }
        let panels = bundles.panels.chunks(bundles.each * (columns + 1));
        for (bundle, (panels, margin)) in panels.zip(&bundles.margins).enumerate() {
            let lower = carried.lower.of_mut(&self.rows, bundle);
            // The rows that a site of the bundle may be nearest to.
            let mut listed = 0;
            for (place, row) in some.iter().enumerate() {
                places[listed] = place as u32;
                // A row with a NaN is compared, too.
                let is_beyond = lower[*row as usize] > reach[place];
                listed += usize::from(!is_beyond);
            }
            carried.pairs += listed;
            for (chunk, of_chunk) in places[..listed].chunks(R).zip(least.chunks_mut(R)) {
                // A chunk that is not full is filled up with its last row. What this gives is left out below.
                let place: [usize; R] = from_fn(|r| chunk[r.min(chunk.len() - 1)] as usize);
                let rows: [&[f32]; R] = from_fn(|r| values_of(place[r]));
                of_chunk.fill(f32::INFINITY);
                for (number, panel) in panels.chunks_exact(columns + 1).enumerate() {
                    let first = ((bundle * bundles.each + number) * WIDTH) as u32;
                    let scores = scores::<S, R, V>(simd, panel, &rows);
                    for (r, least) in of_chunk.iter_mut().enumerate().take(chunk.len()) {
                        let place = place[r];
                        let mut scores = scores[r];
                        // The own site is not one of the others.
                        let lane = own[some[place] as usize].wrapping_sub(first) as usize;
                        if lane < WIDTH {
                            let mut lanes = lanes_of::<S, V>(&scores);
                            lanes[lane] = f32::INFINITY;
                            scores = vectors_of::<S, V>(&lanes);
                        }
                        let mut vector = scores[0];
                        for other in &scores[1..] {
                            vector = simd.min_f32s(vector, *other);
                        }
                        let of_panel = simd.reduce_min_f32s(vector);
                        *least = if of_panel < *least { of_panel } else { *least };
                        if of_panel <= best[place] + span[place] {
                            let lanes = lanes_of::<S, V>(&scores);
                            let (best, second) = (&mut best[place], &mut second[place]);
                            challenge(&lanes, first, best, second, &mut site[place]);
                        }
                    }
                }
            }
            for (place, least) in places[..listed].iter().zip(&*least) {
                let place = *place as usize;
                lower[some[place] as usize] = frame.at_least(*least, *margin, norms[place]);
            }
        }
        for (place, row) in some.iter().enumerate() {
            let norm = norms[place];
            let (from, to) = (own[*row as usize], site[place]);
            let lead = second[place] - best[place];
            // If all scores of a row are NaN, no site was found for it.
            let is_certain = to != NOWHERE && frame.is_certain(lead, to, norm);
            let upper = &mut carried.upper[start + *row as usize];
            if is_certain {
                *upper = frame.at_most(best[place], to, norm);
            } else {
                *upper = f32::INFINITY;
                self.doubts.rows.push(*row);
            }
            // The site that the row leaves is one of the others from now on.
            if from != NOWHERE && (from != to || !is_certain) {
                let bundle = from as usize / (bundles.each * WIDTH);
                let least = frame.at_least(own_score[place], bundles.margins[bundle], norm);
                let lower = &mut carried.lower.of_mut(&self.rows, bundle)[*row as usize];
                *lower = lower.min(least);
            }
            self.nearest.site[*row as usize] = u64::from(to);
        }
    }
}

/// The scores of a panel of sites for `R` rows.
#[inline(always)]
fn scores<S: Simd, const R: usize, const V: usize>(
    simd: S,
    panel: &[[f32; WIDTH]],
    rows: &[&[f32]; R],
) -> [[S::f32s; V]; R] {
    let mut scores = [vectors_of::<S, V>(&panel[0]); R];
    let mut add = |sites: &[f32; WIDTH], values: [f32; R]| {
        let sites = vectors_of::<S, V>(sites);
        for (scores, value) in scores.iter_mut().zip(values) {
            let value = simd.splat_f32s(value);
            for v in 0..V {
                scores[v] = simd.mul_add_e_f32s(value, sites[v], scores[v]);
            }
        }
    };
    // Four columns at once need fewer addresses.
    let (fours, rest) = panel[1..].as_chunks::<4>();
    for (number, sites) in fours.iter().enumerate() {
        let values: [&[f32; 4]; R] = from_fn(|r| &rows[r].as_chunks::<4>().0[number]);
        for (of, sites) in sites.iter().enumerate() {
            add(sites, from_fn(|r| values[r][of]));
        }
    }
    for (number, sites) in rest.iter().enumerate() {
        add(sites, from_fn(|r| rows[r][4 * fours.len() + number]));
    }
    scores
}

#[inline(always)]
fn vectors_of<S: Simd, const V: usize>(lanes: &[f32; WIDTH]) -> [S::f32s; V] {
    let vectors = S::as_simd_f32s(lanes).0;
    from_fn(|v| vectors[v])
}

#[inline(always)]
fn lanes_of<S: Simd, const V: usize>(vectors: &[S::f32s; V]) -> [f32; WIDTH] {
    let mut lanes = [0.0; WIDTH];
    S::as_mut_simd_f32s(&mut lanes).0.copy_from_slice(vectors);
    lanes
}

/// Takes in the scores of the sites from `first` on. Few rows get here, so this is kept out of the loop.
#[cold]
#[inline(never)]
fn challenge(scores: &[f32; WIDTH], first: u32, best: &mut f32, second: &mut f32, site: &mut u32) {
    for (number, score) in scores.iter().enumerate() {
        if score < best {
            *second = *best;
            *best = *score;
            *site = first + number as u32;
        } else if score < second {
            *second = *score;
        }
    }
}
