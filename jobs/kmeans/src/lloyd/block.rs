//! The block solver: distances from products of rows and centers, as Spark takes them from a matrix product.

use super::Scheme;
use crate::centers::CenterList;
use crate::distance::{Cosine, Measure, Point, Points};
use crate::vectors::{dot, norm, scale, squared_distance};

/// Expanded squares.
pub(crate) struct BlockEuclidean {
    point_squares: Vec<f64>,
    center_squares: Vec<f64>,
}

impl BlockEuclidean {
    pub(crate) fn new(points: &Points<'_>) -> Self {
        let square = |row| dot(points.values(row), points.values(row));
        Self {
            point_squares: (0..points.len()).map(square).collect(),
            center_squares: Vec::new(),
        }
    }
}

impl Scheme for BlockEuclidean {
    fn begin(&mut self, centers: &CenterList) {
        self.center_squares.clear();
        let square = |j| dot(centers.values(j), centers.values(j));
        self.center_squares.extend((0..centers.len()).map(square));
    }

    #[inline]
    fn nearest(&self, centers: &CenterList, points: &Points<'_>, row: usize) -> (usize, f64) {
        let (point, square) = (points.values(row), self.point_squares[row]);
        let mut best = (0, f64::INFINITY);
        for (j, center_square) in self.center_squares.iter().enumerate() {
            let cost = -2.0 * dot(point, centers.values(j)) + square + center_square;
            if cost < best.1 {
                best = (j, cost);
            }
        }
        best
    }

    #[inline]
    fn share(&self, _: &Points<'_>, _: usize, weight: f64) -> f64 {
        weight
    }

    fn settle(&self, mean: &mut [f64]) -> f64 {
        norm(mean)
    }

    fn moved(&self, old: Point<'_>, new: Point<'_>, tol: f64) -> bool {
        squared_distance(old.values, new.values).sqrt() > tol
    }
}

/// One minus the product, over points and centers of length 1.
pub(crate) struct BlockCosine;

impl Scheme for BlockCosine {
    fn begin(&mut self, _: &CenterList) {}

    #[inline]
    fn nearest(&self, centers: &CenterList, points: &Points<'_>, row: usize) -> (usize, f64) {
        let mut best = (0, f64::INFINITY);
        for j in 0..centers.len() {
            let cost = 1.0 - dot(points.values(row), centers.values(j));
            if cost < best.1 {
                best = (j, cost);
            }
        }
        best
    }

    #[inline]
    fn share(&self, _: &Points<'_>, _: usize, weight: f64) -> f64 {
        weight
    }

    fn settle(&self, mean: &mut [f64]) -> f64 {
        scale(mean, 1.0 / norm(mean));
        norm(mean)
    }

    fn moved(&self, old: Point<'_>, new: Point<'_>, tol: f64) -> bool {
        Cosine::cost(old, new) > tol
    }
}
