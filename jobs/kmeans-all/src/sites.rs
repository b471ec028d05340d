//! Sites: the centers, or candidates for centers, that points are compared with. Here are also the rules that find the
//! sites that can be nearest to a point of a box.

use std::ops::Range;
use std::sync::Arc;

use gugus_kmeans::Stop;

use crate::error::PartialError;
use crate::frame::{Basis, Frame};
use crate::kernel::blocks;

/// With fewer sites than this, exact arithmetic is done before a comparison in single precision pays.
const MANY_SITES: usize = 8;

/// After so many columns a distance may turn out to be too large.
const COLUMNS_AT_ONCE: usize = 8;

/// The sites of one step, in the order of the step.
#[derive(Debug)]
pub(crate) struct Sites {
    dimensions: usize,
    values: Vec<f64>,
    /// The first of each run of equal centers. The others are equally near to every point, so they never win.
    distinct: Vec<u32>,
    /// The sites in single precision; `None` if a comparison there would not pay or could not be trusted.
    frame: Option<Frame>,
    /// Ends a walk early.
    stop: Stop,
}

impl Sites {
    /// Makes the sites of a step. The points have `columns` columns.
    pub(crate) fn new(centers: &[Vec<f64>], dimensions: usize) -> Result<Self, PartialError> {
        if centers.is_empty() {
            return Err(PartialError::NoCenters);
        }
        for (center, values) in centers.iter().enumerate() {
            if values.len() != dimensions {
                return Err(PartialError::Dimensions {
                    expected: values.len(),
                    given: dimensions,
                });
            }
            if !values.iter().all(|value| value.is_finite()) {
                return Err(PartialError::NotFinite { center });
            }
        }
        let mut order: Vec<u32> = (0..centers.len() as u32).collect();
        let of = |site: u32| centers[site as usize].iter();
        // A negative zero becomes a zero. The distances are the same.
        let compare = |a: u32, b: u32| of(a).partial_cmp(of(b));
        order.sort_by(|a, b| compare(*a, *b).unwrap_or(std::cmp::Ordering::Equal));
        order.dedup_by(|later, earlier| of(*later).eq(of(*earlier)));
        order.sort_unstable();
        let values = centers.concat();
        let many = order.len() >= MANY_SITES;
        Ok(Self {
            dimensions,
            frame: many.then(|| Frame::new(&values, dimensions)).flatten(),
            values,
            distinct: order,
            stop: Stop::default(),
        })
    }

    /// The same sites, for walks that end after the signal.
    pub(crate) fn until(self, stop: &Stop) -> Self {
        let stop = stop.clone();
        Self { stop, ..self }
    }

    /// The same sites in the basis in which rows are kept in single precision, if they can be measured in it.
    pub(crate) fn measured_in(mut self, basis: Option<&Arc<Basis>>) -> Self {
        if let (Some(frame), Some(basis)) = (&self.frame, basis)
            && let Some(moved) = frame.moved(basis, &self.values)
        {
            self.frame = Some(moved);
        }
        self
    }

    /// Whether a walk is to end.
    #[inline]
    pub(crate) fn is_stopped(&self) -> bool {
        self.stop.is_set()
    }

    /// Cuts rows into ranges of at most one block, until the signal.
    #[inline]
    pub(crate) fn blocks(&self, rows: Range<usize>) -> impl Iterator<Item = Range<usize>> {
        blocks(rows).take_while(|_| !self.is_stopped())
    }

    /// How many sites there are, with repeated ones.
    pub(crate) fn len(&self) -> usize {
        self.values.len() / self.dimensions.max(1)
    }

    /// The sites that can be nearest to any point, in order.
    pub(crate) fn distinct(&self) -> &[u32] {
        &self.distinct
    }

    /// All sites, one after another.
    pub(crate) fn values(&self) -> &[f64] {
        &self.values
    }

    #[inline]
    pub(crate) fn get(&self, site: u32) -> &[f64] {
        &self.values[site as usize * self.dimensions..][..self.dimensions]
    }

    /// The sites in single precision, if it pays for so many of them.
    #[inline]
    pub(crate) fn frame(&self, among: &[u32]) -> Option<&Frame> {
        self.frame.as_ref().filter(|_| among.len() >= MANY_SITES)
    }

    /// The squared distance from one row to the nearest of the sites `among`, as [the kernels](crate::kernel) compute it.
    pub(crate) fn cost(&self, among: &[u32], row: &[f64]) -> f64 {
        let mut best = f64::INFINITY;
        for site in among {
            let mut sum = 0.0;
            let parts = row.chunks(COLUMNS_AT_ONCE);
            for (row, site) in parts.zip(self.get(*site).chunks(COLUMNS_AT_ONCE)) {
                for (value, of_site) in row.iter().zip(site) {
                    let difference = value - of_site;
                    sum += difference * difference;
                }
                // More columns do not make it less, even if they are rounded.
                if sum >= best {
                    break;
                }
            }
            if sum < best {
                best = sum;
            }
        }
        best
    }

    /// Copies `sites` to the front of `into`, one after the other.
    #[inline]
    pub(crate) fn copy(&self, sites: &[u32], into: &mut Vec<f64>) {
        into.clear();
        for site in sites {
            into.extend_from_slice(self.get(*site));
        }
    }

    /// Finds out which of the sites `kept[among]` can be nearest to a point within `bounds`, and appends these sites to
    /// `kept` in order. Returns their range in `kept`, and an upper bound of the squared distance from such a point to
    /// its nearest site. If several sites are equally near, all are kept.
    ///
    /// # Why nothing is lost to rounding
    ///
    /// Let `d(x, z)` be the squared distance as [the kernels](crate::kernel) compute it, roundings included.
    ///
    /// *By distance.* Rounding is monotone: it never reverses the order of two exact results. `d` is made of
    /// differences, squares and sums, and each is monotone in its operands. For each column, take the place of the box
    /// that is nearest to the site, and the farthest one. The same operations on these places give two numbers, `near`
    /// and `far`. For every `x` in the box, `d(x, z)` is at least `near` and at most `far`. So no margin is needed: if
    /// `near` of one site is above `far` of another site, the first site loses everywhere in the box.
    ///
    /// *By bisector.* Without rounding, the difference of the squared distances to two sites `z` and `s` is linear in
    /// `x`. In the box it is least at one corner: the corner `v` that lies towards the farther site `z` (Kanungo et al.
    /// 2002). Each of the `n` differences, its square and its sum has a relative error of at most `u = 2^-53`. So `d`
    /// has a relative error of less than `g = (n + 3) u`. If squares underflow, an absolute error of at most `n` times
    /// the least positive number is added. The computed difference at `v` misses the exact one by less than `1.1 g
    /// (d(v, z) + d(v, s))`. If the exact difference is above `2.1 g far(s)`, the computed distances have the same
    /// order everywhere in the box. The margin below is twice the sum of the two.
    #[inline]
    pub(crate) fn narrow(
        &self,
        bounds: &[[f64; 2]],
        among: Range<usize>,
        kept: &mut Vec<u32>,
    ) -> (Range<usize>, f64) {
        let mut reach = f64::INFINITY;
        let mut best = kept[among.start];
        for i in among.clone() {
            let far = self.far(bounds, kept[i]);
            if far < reach {
                reach = far;
                best = kept[i];
            }
        }
        let start = kept.len();
        for i in among {
            let site = kept[i];
            if site == best
                || self.near(bounds, site) <= reach && !self.is_beyond(bounds, site, best, reach)
            {
                kept.push(site);
            }
        }
        (start..kept.len(), reach)
    }

    /// A lower bound of the squared distance from any point of the box to the site.
    #[inline]
    fn near(&self, bounds: &[[f64; 2]], site: u32) -> f64 {
        let mut sum = 0.0;
        for ([least, largest], value) in bounds.iter().zip(self.get(site)) {
            let difference = (least - value).max(value - largest).max(0.0);
            sum += difference * difference;
        }
        sum
    }

    /// An upper bound of the squared distance from any point of the box to the site.
    #[inline]
    fn far(&self, bounds: &[[f64; 2]], site: u32) -> f64 {
        let mut sum = 0.0;
        for ([least, largest], value) in bounds.iter().zip(self.get(site)) {
            let difference = (least - value).abs().max((largest - value).abs());
            sum += difference * difference;
        }
        sum
    }

    /// Whether every point of the box is nearer to `best` than to `site`. `reach` is the upper bound of the distance to
    /// `best`.
    #[inline]
    fn is_beyond(&self, bounds: &[[f64; 2]], site: u32, best: u32, reach: f64) -> bool {
        let (mut to_site, mut to_best) = (0.0, 0.0);
        let both = self.get(site).iter().zip(self.get(best));
        for ([least, largest], (site, best)) in bounds.iter().zip(both) {
            let corner = if site > best { largest } else { least };
            let (site, best) = (corner - site, corner - best);
            to_site += site * site;
            to_best += best * best;
        }
        let margin = (self.dimensions + 4) as f64 * (3.0 * f64::EPSILON);
        to_site - to_best > margin * (to_site + to_best + reach) + f64::MIN_POSITIVE
    }
}
