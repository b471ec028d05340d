//! Centers and candidates for them, and the plain scan for the nearest.

use std::ops::Range;

use crate::distance::{Measure, Point};
use crate::vectors::{norm, scale};

/// Centers (or candidates for them), one after the other, with their norms and forms.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct CenterList {
    dimensions: usize,
    values: Vec<f64>,
    norms: Vec<f64>,
    sparse: Vec<bool>,
}

impl CenterList {
    pub(crate) fn new(dimensions: usize) -> Self {
        Self {
            dimensions,
            values: Vec::new(),
            norms: Vec::new(),
            sparse: Vec::new(),
        }
    }

    pub(crate) fn push(&mut self, center: Point<'_>) {
        self.values.extend_from_slice(center.values);
        self.norms.push(center.norm);
        self.sparse.push(center.sparse);
    }

    pub(crate) fn set(&mut self, i: usize, center: Point<'_>) {
        self.values[i * self.dimensions..][..self.dimensions].copy_from_slice(center.values);
        self.norms[i] = center.norm;
        self.sparse[i] = center.sparse;
    }

    pub(crate) fn len(&self) -> usize {
        self.norms.len()
    }

    pub(crate) fn dimensions(&self) -> usize {
        self.dimensions
    }

    #[inline]
    pub(crate) fn values(&self, i: usize) -> &[f64] {
        &self.values[i * self.dimensions..][..self.dimensions]
    }

    #[inline]
    pub(crate) fn get(&self, i: usize) -> Point<'_> {
        Point {
            values: self.values(i),
            norm: self.norms[i],
            sparse: self.sparse[i],
        }
    }

    /// The same centers as a saved model would have them: dense, their norms computed anew.
    pub(crate) fn saved(mut self) -> Self {
        for i in 0..self.len() {
            self.norms[i] = norm(self.values(i));
        }
        self.sparse.fill(false);
        self
    }

    pub(crate) fn is_finite(&self) -> bool {
        self.values.iter().all(|value| value.is_finite())
    }

    /// The centers without those that repeat an earlier one bit for bit, in order.
    pub(crate) fn distinct(&self) -> Self {
        let mut order: Vec<usize> = (0..self.len()).collect();
        let compare = |a: &usize, b: &usize| {
            let pairs = self.values(*a).iter().zip(self.values(*b));
            pairs
                .map(|(a, b)| a.total_cmp(b))
                .find(|order| order.is_ne())
                .unwrap_or(a.cmp(b))
        };
        order.sort_unstable_by(compare);
        let mut first = vec![true; self.len()];
        for pair in order.windows(2) {
            let bits = |i: usize| self.values(i).iter().map(|value| value.to_bits());
            first[pair[1]] = bits(pair[0]).ne(bits(pair[1]));
        }
        let mut distinct = Self::new(self.dimensions);
        for i in (0..self.len()).filter(|i| first[*i]) {
            distinct.push(self.get(i));
        }
        distinct
    }

    /// The same centers at length 1, but with their norms computed again: Spark's differ from 1 in the last bit.
    pub(crate) fn normalized(mut self) -> Self {
        for i in 0..self.len() {
            let values = &mut self.values[i * self.dimensions..][..self.dimensions];
            scale(values, 1.0 / self.norms[i]);
            self.norms[i] = norm(values);
        }
        self
    }

    /// The nearest center to a point among the centers `within`, the first one where several are equally near, and its
    /// cost: the squared distance, or the cosine distance. No center is nearer than infinity: then it is the first.
    #[inline]
    pub(crate) fn nearest<M: Measure>(
        &self,
        within: Range<usize>,
        point: Point<'_>,
    ) -> (usize, f64) {
        let mut best = (within.start, f64::INFINITY);
        for i in within {
            let center = self.get(i);
            if M::lower_bound(center, point) < best.1 {
                let cost = M::cost(center, point);
                if cost < best.1 {
                    best = (i, cost);
                }
            }
        }
        best
    }

    pub(crate) fn to_rows(&self) -> Vec<Vec<f64>> {
        (0..self.len()).map(|i| self.values(i).to_vec()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::distance::Euclidean;
    use crate::rows::RowForm;

    fn centers(rows: &[[f64; 2]]) -> CenterList {
        let mut centers = CenterList::new(2);
        for row in rows {
            centers.push(Point::new(row, RowForm::Dense));
        }
        centers
    }

    #[test]
    fn repeats_are_dropped_and_the_order_stays() {
        let all = centers(&[
            [2.0, 1.0],
            [0.0, 0.0],
            [2.0, 1.0],
            [-0.0, 0.0],
            [0.0, 0.0],
            [1.0, 2.0],
        ]);
        // Java tells a negative zero from a zero, and so its distinct vectors do.
        let distinct = centers(&[[2.0, 1.0], [0.0, 0.0], [-0.0, 0.0], [1.0, 2.0]]);
        assert_eq!(all.distinct(), distinct);
        assert!(all.distinct().values(2)[0].is_sign_negative());
    }

    #[test]
    fn the_first_of_several_nearest_wins() {
        let centers = centers(&[[9.0, 9.0], [1.0, 0.0], [0.0, 1.0]]);
        let point = Point::new(&[0.0, 0.0], RowForm::Dense);
        assert_eq!(centers.nearest::<Euclidean>(0..3, point), (1, 1.0));
        assert_eq!(centers.nearest::<Euclidean>(2..3, point), (2, 1.0));
        assert_eq!(
            centers.nearest::<Euclidean>(3..3, point),
            (3, f64::INFINITY)
        );
    }
}
