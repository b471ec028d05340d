//! Sites in single precision, and how far their scores can be from the truth.

use std::sync::Arc;

use pulp::Simd;

/// How many sites are compared side by side. With 4 vectors of rows their scores fill 20 of 32 registers.
pub(crate) const ABREAST: usize = 5;

/// How many sites of a bundle are compared side by side: one vector of AVX-512.
pub(crate) const WIDTH: usize = 16;

/// A row or site that lies farther from the origin than the square root of this number is left to exact arithmetic. So
/// nothing overflows.
const FARTHEST: f32 = (1_u64 << 60) as f32;

/// Times this, a number is larger than it was, in spite of a few roundings in single precision.
pub(crate) const LARGER: f64 = 1.0 + 1.0 / (1 << 20) as f64;

/// Times this, a number is smaller than it was, in spite of a few such roundings.
pub(crate) const SMALLER: f32 = 1.0 - 1.0 / (1 << 20) as f32;

/// An absolute error that is larger than all errors of numbers that underflow.
const UNDERFLOW: f32 = 1.0 / (1_u128 << 98) as f32;

/// Sites farther apart, or closer to each other, than by this power of two are left to exact arithmetic, so that squared
/// distances in double precision neither overflow nor underflow.
const LARGEST_EXPONENT: i32 = 400;

/// A basis is kept for sites whose own unit is at most so many times smaller. Then the errors of numbers near underflow stay far below
/// what the bound has room for.
const UNIT_AT_MOST: f64 = 16.0;

/// A basis is kept for sites whose own origin is at most so many units away in a column.
const ORIGIN_AT_MOST: f64 = 0.5;

/// With more columns than this, the bound of the error leaves too many rows in doubt: about a tenth at this number of columns.
pub(crate) const COLUMNS_AT_MOST: usize = 1 << 12;

/// Where rows and sites are measured from, and in which unit. The bound below holds for any origin. It is of use if most rows are
/// near the origin.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Basis {
    pub(crate) origin: Vec<f64>,
    /// A power of two.
    pub(crate) factor: f64,
}

impl Basis {
    /// The median of the sites in each column. Most rows are near it, even if some sites lie far out. Times the factor, no coordinate of
    /// a site exceeds 1. `None` if sites lie so far apart, or so close, that exact arithmetic is needed for all rows.
    fn of(sites: &[f64], columns: usize) -> Option<Self> {
        let count = sites.len() / columns;
        let mut largest = 0.0_f64;
        let mut values = vec![0.0; count];
        let origin = (0..columns).map(|column| {
            for (value, site) in values.iter_mut().zip(sites.chunks_exact(columns)) {
                *value = site[column];
            }
            let (_, median, _) = values.select_nth_unstable_by(count / 2, f64::total_cmp);
            let median = *median;
            largest = values.iter().fold(largest, |largest, value| {
                largest.max((value - median).abs())
            });
            median
        });
        let origin = origin.collect();
        // The least power of two above the largest coordinate.
        let exponent = (largest.to_bits() >> 52) as i32 - 1022;
        (exponent.abs() <= LARGEST_EXPONENT).then(|| Self {
            origin,
            factor: f64::from_bits(((1023 - exponent) as u64) << 52),
        })
    }

    /// Whether these sites can be measured in this basis, although their own is `own`: no coordinate exceeds 1, the unit is not much
    /// too large, and the origins are near each other.
    fn does_for(&self, sites: &[f64], own: &Self) -> bool {
        let away = |at: &[f64]| {
            let differences = at.iter().zip(&self.origin).map(|(at, origin)| at - origin);
            differences.fold(0.0, |most: f64, by| most.max((by * self.factor).abs()))
        };
        own.factor <= self.factor * UNIT_AT_MOST
            && away(&own.origin) <= ORIGIN_AT_MOST
            && sites
                .chunks_exact(self.origin.len())
                .all(|site| away(site) <= 1.0)
    }
}

/// The sites of a search in single precision.
///
/// # Why the bound holds
///
/// *Scores.* Rows `x` and sites `z` are measured from a common origin, in a common unit that is a power of two. For a row,
/// the score `t(z) = |z|²/2 - x·z` orders the sites as the distance does, because `|x - z|² = |x|² + 2 t(z)`. It is
/// computed in single precision, whose rounding has a relative error of at most `u = 2^-24`.
///
/// *Its error.* A coordinate is subtracted from the origin in double precision. Its relative error is at most `2^-53`,
/// however far away the origin is. Rounding it to single precision adds `u`. The score is a sum of `n + 1` terms for `n`
/// columns. In any order, fused or not, each term meets at most `n + 2` roundings on its way (Higham 2002, chapter 3).
/// Let `e` be `17/16 (n + 8) u`. For at most 2^12 columns, the error of a score is below `e (|x||z| + |z|²/2)`. That is at
/// most `e (|x|²/2 + |z|²)`. Numbers that underflow add less than 2^-100, as neither length exceeds 2^30.
///
/// *The margin.* Each score starts at `|z|²/2 - e |z|²` instead of `|z|²/2`. Then no score is above the truth by more than
/// `e |x|²/2`, and that of the least score `a` is not below it by more than `2 e |a|² + e |x|²/2`. So if the second score is
/// above the least one by more than `2 e |a|² + e |x|²`, then `a` is truly nearest. A site far away does not blur the others.
///
/// *The distances of this crate.* They are rounded themselves, with a relative error of less than `(n + 3) 2^-53`. Two of
/// them have the order of the truth if the scores differ by more than that times `2 |x|² + 2 |a|²`. This is less than
/// a thousandth of the margin. If squares underflow, the error is below 2^-200 in the unit of the scores.
///
/// [`Panels::is_certain`] asks for an eighth more than the margin. That covers this error, and the rounding of the margin
/// and of the row's own length.
///
/// [`Frame::span`] is that for the site with the largest margin. A site whose score is above the best one by more cannot be nearest,
/// and does not put the best one in doubt. The eighth has room for the rounding of the sum of both, too.
///
/// *Distances.* Let `m` be the margin of a site with its eighth. Its squared distance from the row is within `3 m` of `|x|² + 2 t(z)`:
/// two `m` cover the errors of the score and of the row's length, and one covers the roundings of this sum. A lower score gives a
/// lower sum. So the sum for the least score of some sites, less three times the largest of their margins, is a lower bound for all of
/// them. Roots and their own roundings change a bound by less than [`LARGER`].
///
/// The squared distance of a site other than `a` is not below the lower bound that `m` of `a` gives either, because its score is not lower,
/// and no score is above the truth by more than `e |x|²/2`.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) basis: Arc<Basis>,
    /// The part of the margin for a row of length 1.
    for_row: f32,
    /// The negative coordinates of each site.
    pub(crate) negatives: Vec<f32>,
    /// The number that the score of each site starts with.
    pub(crate) starts: Vec<f32>,
    /// For each site, the part of the margin that does not depend on the row.
    pub(crate) margins: Vec<f32>,
    largest_margin: f32,
}

impl Frame {
    /// From the sites, one after another, each with one number per column. `None` if exact arithmetic is needed for all
    /// rows.
    pub(crate) fn new(sites: &[f64], columns: usize) -> Option<Self> {
        let count = sites.len() / columns.max(1);
        if count == 0 || columns > COLUMNS_AT_MOST {
            return None;
        }
        let basis = Basis::of(sites, columns)?;
        Some(Self::over(Arc::new(basis), sites))
    }

    /// The same sites in another basis, if they can be measured in it.
    pub(crate) fn moved(&self, basis: &Arc<Basis>, sites: &[f64]) -> Option<Self> {
        let does = basis.does_for(sites, &self.basis);
        does.then(|| Self::over(Arc::clone(basis), sites))
    }

    fn over(basis: Arc<Basis>, sites: &[f64]) -> Self {
        let columns = basis.origin.len();
        let count = sites.len() / columns;
        let error = 17.0 / 16.0 * (columns + 8) as f64 * f64::from(f32::EPSILON / 2.0);
        let mut frame = Self {
            basis,
            for_row: (1.125 * error) as f32,
            negatives: Vec::with_capacity(sites.len()),
            starts: Vec::with_capacity(count),
            margins: Vec::with_capacity(count),
            largest_margin: 0.0,
        };
        for site in sites.chunks_exact(columns) {
            let mut square = 0.0;
            let Basis { origin, factor } = &*frame.basis;
            for (value, origin) in site.iter().zip(origin) {
                let value = (value - origin) * factor;
                square += value * value;
                frame.negatives.push(-value as f32);
            }
            frame.starts.push(((0.5 - error) * square) as f32);
            let margin = (2.25 * error * square) as f32 + UNDERFLOW;
            frame.margins.push(margin);
            frame.largest_margin = frame.largest_margin.max(margin);
        }
        frame
    }

    /// The score of a site for a row.
    #[inline(always)]
    pub(crate) fn score<S: Simd>(&self, simd: S, site: u32, row: &[f32]) -> f32 {
        let site = site as usize;
        let negatives = &self.negatives[site * row.len()..][..row.len()];
        let (of_row, rest_of_row) = S::as_simd_f32s(row);
        let (of_site, rest_of_site) = S::as_simd_f32s(negatives);
        let mut sum = simd.splat_f32s(0.0);
        for (x, z) in of_row.iter().zip(of_site) {
            sum = simd.mul_add_e_f32s(*x, *z, sum);
        }
        let rest = rest_of_row.iter().zip(rest_of_site);
        let rest: f32 = rest.map(|(x, z)| x * z).sum();
        self.starts[site] + simd.reduce_sum_f32s(sum) + rest
    }

    /// Whether `site` is certainly nearest to a row. `lead` is how far the score of any other site is above its own, and `norm` the squared
    /// length of the row.
    #[inline(always)]
    pub(crate) fn is_certain(&self, lead: f32, site: u32, norm: f32) -> bool {
        exceeds(
            lead,
            self.margins[site as usize] + self.for_row * norm,
            norm,
        )
    }

    /// A larger lead than this is certain for whichever site.
    #[inline(always)]
    pub(crate) fn span(&self, norm: f32) -> f32 {
        self.largest_margin + self.for_row * norm
    }

    /// An upper bound of the distance from a row to a site with this score.
    #[inline(always)]
    pub(crate) fn at_most(&self, score: f32, site: u32, norm: f32) -> f32 {
        at_most(
            score,
            self.margins[site as usize] + self.for_row * norm,
            norm,
        )
    }

    /// A lower bound of the distances from a row to sites with at least this score, and at most this margin.
    #[inline(always)]
    pub(crate) fn at_least(&self, score: f32, margin: f32, norm: f32) -> f32 {
        at_least(score, margin + self.for_row * norm, norm)
    }
}

/// Whether a lead exceeds a whole margin. Both comparisons are false for NaN.
#[inline(always)]
fn exceeds(lead: f32, margin: f32, norm: f32) -> bool {
    (lead > margin) & (norm <= FARTHEST)
}

/// An upper bound of the distance to a site with this score, by a whole margin.
#[inline(always)]
fn at_most(score: f32, margin: f32, norm: f32) -> f32 {
    let square = norm + 2.0 * score + 3.0 * margin;
    // A NaN gives no bound.
    if norm <= FARTHEST && square >= 0.0 {
        square.sqrt() * LARGER as f32
    } else {
        f32::INFINITY
    }
}

/// A lower bound of the distance to sites with at least this score, by a whole margin.
#[inline(always)]
fn at_least(score: f32, margin: f32, norm: f32) -> f32 {
    let square = norm + 2.0 * score - 3.0 * margin;
    if norm <= FARTHEST && square >= 0.0 {
        square.sqrt() * SMALLER
    } else {
        0.0
    }
}

/// Some sites of a [`Frame`], in the order in which a search reads them.
#[derive(Debug, Default)]
pub(crate) struct Panels {
    /// [`ABREAST`] sites after another: first their starts, then their negative coordinates column by column. Sites that
    /// fill up the last panel have an infinite score.
    pub(crate) numbers: Vec<f32>,
    /// As in the frame.
    pub(crate) basis: Arc<Basis>,
    for_row: f32,
    /// As in the frame, for these sites only.
    margins: Vec<f32>,
    largest_margin: f32,
}

impl Panels {
    /// Drops all sites: the search is left to exact arithmetic.
    pub(crate) fn clear(&mut self) {
        self.numbers.clear();
    }

    /// Takes in the sites `among` those of the frame.
    pub(crate) fn set(&mut self, frame: &Frame, among: &[u32]) {
        let columns = frame.basis.origin.len();
        self.basis = Arc::clone(&frame.basis);
        self.for_row = frame.for_row;
        self.margins.clear();
        self.largest_margin = 0.0;
        self.numbers.clear();
        for sites in among.chunks(ABREAST) {
            let first = self.numbers.len();
            self.numbers.resize(first + (columns + 1) * ABREAST, 0.0);
            let (starts, factors) = self.numbers[first..].split_at_mut(ABREAST);
            starts.fill(f32::INFINITY);
            for (number, site) in sites.iter().enumerate() {
                let site = *site as usize;
                starts[number] = frame.starts[site];
                self.margins.push(frame.margins[site]);
                self.largest_margin = self.largest_margin.max(frame.margins[site]);
                let negatives = &frame.negatives[site * columns..][..columns];
                for (factors, negative) in factors.chunks_exact_mut(ABREAST).zip(negatives) {
                    factors[number] = *negative;
                }
            }
        }
    }

    /// Whether `site` is certainly nearest to a row, and no other site equally near. `lead` is how far the second score
    /// is above its own, and `norm` the squared length of the row.
    #[inline(always)]
    pub(crate) fn is_certain(&self, lead: f32, site: u32, norm: f32) -> bool {
        exceeds(
            lead,
            self.margins[site as usize] + self.for_row * norm,
            norm,
        )
    }

    /// [`Panels::is_certain`] for whichever site.
    #[inline(always)]
    pub(crate) fn is_certain_for_all(&self, lead: f32, norm: f32) -> bool {
        exceeds(lead, self.largest_margin + self.for_row * norm, norm)
    }

    /// A lower and an upper bound of the squared distance from a row to `site`, the nearest by its score `least`. No other site is nearer
    /// than the lower bound. `None` if the row is too far out.
    #[inline(always)]
    pub(crate) fn square(&self, least: f32, site: u32, norm: f32) -> Option<[f32; 2]> {
        let margin = 3.0 * (self.margins[site as usize] + self.for_row * norm);
        let square = norm + 2.0 * least;
        (norm <= FARTHEST).then_some([square - margin, square + margin])
    }

    /// An upper bound of the distance from a row to the site with this score.
    #[inline(always)]
    pub(crate) fn at_most(&self, score: f32, norm: f32) -> f32 {
        at_most(score, self.largest_margin + self.for_row * norm, norm)
    }

    /// A lower bound of the distances from a row to sites with at least this score.
    #[inline(always)]
    pub(crate) fn at_least(&self, score: f32, norm: f32) -> f32 {
        at_least(score, self.largest_margin + self.for_row * norm, norm)
    }
}
