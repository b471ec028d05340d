//! The row solver: distances row by row, with centers skipped that [bounds](crate::bounds) rule out.

use super::Scheme;
use crate::bounds::Bounds;
use crate::centers::CenterList;
use crate::distance::{Cosine, Euclidean, Measure, Point, Points};
use crate::vectors::{norm, scale};

/// Squared distances.
#[derive(Default)]
pub(crate) struct RowEuclidean(Bounds);

impl Scheme for RowEuclidean {
    fn begin(&mut self, centers: &CenterList) {
        self.0.update::<Euclidean>(centers);
    }

    #[inline]
    fn nearest(&self, centers: &CenterList, points: &Points<'_>, row: usize) -> (usize, f64) {
        self.0.nearest::<Euclidean>(centers, points.get(row))
    }

    #[inline]
    fn share(&self, _: &Points<'_>, _: usize, weight: f64) -> f64 {
        weight
    }

    fn settle(&self, mean: &mut [f64]) -> f64 {
        norm(mean)
    }

    fn moved(&self, old: Point<'_>, new: Point<'_>, tol: f64) -> bool {
        Euclidean::cost(old, new) > tol * tol
    }
}

/// One minus the cosine, over rows as they are.
#[derive(Default)]
pub(crate) struct RowCosine(Bounds);

impl Scheme for RowCosine {
    fn begin(&mut self, centers: &CenterList) {
        self.0.update::<Cosine>(centers);
    }

    #[inline]
    fn nearest(&self, centers: &CenterList, points: &Points<'_>, row: usize) -> (usize, f64) {
        self.0.nearest::<Cosine>(centers, points.get(row))
    }

    #[inline]
    fn share(&self, points: &Points<'_>, row: usize, weight: f64) -> f64 {
        weight / points.norms()[row]
    }

    fn settle(&self, mean: &mut [f64]) -> f64 {
        scale(mean, 1.0 / norm(mean));
        // Spark takes it to be of length 1 without looking.
        1.0
    }

    fn moved(&self, old: Point<'_>, new: Point<'_>, tol: f64) -> bool {
        Cosine::cost(old, new) > tol
    }
}
