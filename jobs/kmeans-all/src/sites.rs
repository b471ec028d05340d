//! What points are brought to: centers, or candidates for them; and which of them can be nearest to a point of a box.

use std::ops::Range;

use crate::error::PartialError;

/// The centers of one step, as the step gives them.
#[derive(Debug)]
pub(crate) struct Sites {
    dimensions: usize,
    values: Vec<f64>,
    /// The first of each run of equal centers. The others are as near to every point, and never win.
    distinct: Vec<u32>,
}

impl Sites {
    /// Takes the centers of a step that is about to look at points with so many columns.
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
        // A negative zero is as near as a zero.
        let compare = |a: u32, b: u32| of(a).partial_cmp(of(b));
        order.sort_by(|a, b| compare(*a, *b).unwrap_or(std::cmp::Ordering::Equal));
        order.dedup_by(|later, earlier| of(*later).eq(of(*earlier)));
        order.sort_unstable();
        Ok(Self {
            dimensions,
            values: centers.concat(),
            distinct: order,
        })
    }

    /// How many there are, repeated ones included.
    pub(crate) fn len(&self) -> usize {
        self.values.len() / self.dimensions.max(1)
    }

    /// Those that can be nearest to anything at all, in order.
    pub(crate) fn distinct(&self) -> &[u32] {
        &self.distinct
    }

    #[inline]
    pub(crate) fn get(&self, site: u32) -> &[f64] {
        &self.values[site as usize * self.dimensions..][..self.dimensions]
    }

    /// Copies `sites` to the front of `into`, one after the other.
    #[inline]
    pub(crate) fn copy(&self, sites: &[u32], into: &mut Vec<f64>) {
        into.clear();
        for site in sites {
            into.extend_from_slice(self.get(*site));
        }
    }

    /// Appends to `kept` those of the sites `among` (a range of it) that can be nearest to a point within `bounds`, in order, and gives
    /// the range of these and a squared distance that no such point has to its nearest site. Of several equally near sites, all are kept.
    ///
    /// # Why nothing is lost to rounding
    ///
    /// Let `d(x, z)` be the squared distance as [the kernels](crate::kernel) compute it, roundings included.
    ///
    /// *By distance.* Rounding is monotone: of exact results in some order, the rounded ones are never in the opposite order. `d` is
    /// made of differences, squares and sums, each monotone in what it is made of. So with the distances per column to the nearest and to
    /// the farthest place of the box in the place of a point's, the same operations give numbers that `d(x, z)` is never below and never above for
    /// any `x` in the box. No margin is needed: a site whose `near` is above another's `far` loses to that other everywhere.
    ///
    /// *By bisector.* Without roundings, the difference of the squared distances to two sites is linear in `x`. Over the box it is least at the corner
    /// `v` that lies towards the farther site `z` (Kanungo et al. 2002). Each of the `n` differences, its square and its sum err by at most `u = 2^-53` of
    /// themselves, so `d` errs by less than `g = (n + 3) u` of itself, and by `n` of the least positive numbers where squares underflow.
    /// If the exact difference at `v`, which the computed one misses by less than `1.1 g (d(v, z) + d(v, s))`, is above `2.1 g far(s)`, then the
    /// computed distances are in the same order all over the box. The margin below asks for twice as much as the two together.
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

    /// What no point of the box is nearer than.
    #[inline]
    fn near(&self, bounds: &[[f64; 2]], site: u32) -> f64 {
        let mut sum = 0.0;
        for ([least, largest], value) in bounds.iter().zip(self.get(site)) {
            let difference = (least - value).max(value - largest).max(0.0);
            sum += difference * difference;
        }
        sum
    }

    /// What no point of the box is farther than.
    #[inline]
    fn far(&self, bounds: &[[f64; 2]], site: u32) -> f64 {
        let mut sum = 0.0;
        for ([least, largest], value) in bounds.iter().zip(self.get(site)) {
            let difference = (least - value).abs().max((largest - value).abs());
            sum += difference * difference;
        }
        sum
    }

    /// Whether every point of the box is nearer to `best`, whose far distance is `reach`, than to `site`.
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
