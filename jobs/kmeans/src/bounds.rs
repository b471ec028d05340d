//! Centers that the triangle inequality rules out, as Spark's row solver and its predictions skip them.
//!
//! The skipping is part of the answer: it compares rounded numbers, so of two centers that are equally near but for
//! rounding it is not always the one a plain scan would find.

use crate::centers::CenterList;
use crate::distance::{Cosine, Euclidean, Measure, Point};

/// Spark scans plainly from this many centers on, for the bounds grow with their square.
const CENTERS_BELOW: usize = 1000;

/// Bounds between centers.
///
/// `between(i, j)` is the cost at half the way from center i to center j: a point that costs less with i is not nearer
/// to j. `around(i)` is the smallest of them: a point that costs less with i has no nearer center.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Bounds {
    between: Vec<f64>,
    around: Vec<f64>,
}

impl Bounds {
    /// Computes the bounds between `centers`.
    pub(crate) fn update<M: BoundedMeasure>(&mut self, centers: &CenterList) {
        let len = centers.len();
        self.between.clear();
        self.around.clear();
        if len >= CENTERS_BELOW {
            return;
        }
        self.between.resize(len * len, 0.0);
        // A single center has no neighbour and nothing to skip.
        self.around
            .resize(len, if len == 1 { f64::NAN } else { f64::INFINITY });
        for i in 0..len {
            for j in i + 1..len {
                let bound = M::half_way(M::cost(centers.get(i), centers.get(j)));
                self.between[i * len + j] = bound;
                self.between[j * len + i] = bound;
                for center in [i, j] {
                    if bound < self.around[center] {
                        self.around[center] = bound;
                    }
                }
            }
        }
    }

    /// The center nearest to a point and its cost. `centers` are those the bounds were computed for.
    #[inline]
    pub(crate) fn nearest<M: Measure>(
        &self,
        centers: &CenterList,
        point: Point<'_>,
    ) -> (usize, f64) {
        let len = self.around.len();
        if len == 0 {
            return centers.nearest::<M>(0..centers.len(), point);
        }
        let mut best = (0, M::cost(centers.get(0), point));
        if best.1 < self.around[0] {
            return best;
        }
        for i in 1..len {
            let center = centers.get(i);
            if M::lower_bound(center, point) < best.1 && self.between[i * len + best.0] < best.1 {
                let cost = M::cost(center, point);
                if cost < self.around[i] {
                    return (i, cost);
                }
                if cost < best.1 {
                    best = (i, cost);
                }
            }
        }
        best
    }
}

/// A measure under which the triangle inequality holds, one way or another.
pub(crate) trait BoundedMeasure: Measure {
    /// The cost at half the way between two centers that cost this much from each other.
    fn half_way(cost: f64) -> f64;
}

impl BoundedMeasure for Euclidean {
    fn half_way(cost: f64) -> f64 {
        // Through the root and its square, for Spark keeps distances and rounds twice.
        let distance = cost.sqrt();
        0.25 * distance * distance
    }
}

impl BoundedMeasure for Cosine {
    fn half_way(cost: f64) -> f64 {
        // The cosine of half an angle, by the cosine of the angle.
        1.0 - (1.0 - cost / 2.0).sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::RowForm;

    fn centers(rows: &[[f64; 2]]) -> CenterList {
        let mut centers = CenterList::new(2);
        for row in rows {
            centers.push(Point::new(row, RowForm::Dense));
        }
        centers
    }

    #[test]
    fn half_the_way_is_half_the_way() {
        assert_eq!(Euclidean::half_way(16.0), 4.0);
        // 90 degrees, hence 45.
        assert!((Cosine::half_way(1.0) - (1.0 - 0.5_f64.sqrt())).abs() < 1e-15);
    }

    #[test]
    fn finds_what_a_plain_scan_finds() {
        let centers = centers(&[
            [0.0, 3.0],
            [5.0, 1.0],
            [5.0, 2.0],
            [-4.0, -4.0],
            [0.0, -3.0],
        ]);
        let mut bounds = Bounds::default();
        bounds.update::<Euclidean>(&centers);
        for x in -8..=8 {
            for y in -8..=8 {
                let values = [f64::from(x), f64::from(y)];
                let point = Point::new(&values, RowForm::Dense);
                assert_eq!(
                    bounds.nearest::<Euclidean>(&centers, point),
                    centers.nearest::<Euclidean>(0..5, point)
                );
            }
        }
    }

    #[test]
    fn one_center_is_nearest_to_everything() {
        let centers = centers(&[[1.0, 1.0]]);
        let mut bounds = Bounds::default();
        bounds.update::<Euclidean>(&centers);
        let point = Point::new(&[4.0, 5.0], RowForm::Dense);
        assert_eq!(bounds.nearest::<Euclidean>(&centers, point), (0, 25.0));
    }
}
