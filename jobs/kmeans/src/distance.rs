//! Spark's distances, with Spark's roundings, between points that Spark holds as dense or sparse vectors.
//!
//! Nothing here may be reordered or fused: equidistant centers are common in real data, and which of them comes out
//! an ulp nearer decides the fit.

use crate::rows::RowForm;
use crate::vectors::{dot, norm, squared_distance};

/// The gap between 1 and the next number.
const EPSILON: f64 = f64::EPSILON;

/// The relative error above which Spark does not trust the expanded square.
const PRECISION: f64 = 1e-6;

/// A row as Spark holds it.
#[derive(Clone, Copy)]
pub(crate) struct Point<'a> {
    pub(crate) values: &'a [f64],
    pub(crate) norm: f64,
    pub(crate) sparse: bool,
}

impl<'a> Point<'a> {
    pub(crate) fn new(values: &'a [f64], form: RowForm) -> Self {
        Self {
            values,
            norm: norm(values),
            sparse: form.is_sparse(values),
        }
    }

    pub(crate) fn dense(self) -> Self {
        Self {
            sparse: false,
            ..self
        }
    }
}

/// Rows with what their distances need, computed once.
pub(crate) struct Points<'a> {
    dimensions: usize,
    values: &'a [f64],
    norms: Vec<f64>,
    sparse: Vec<bool>,
}

impl<'a> Points<'a> {
    pub(crate) fn new(values: &'a [f64], dimensions: usize, len: usize, form: RowForm) -> Self {
        let row = |i: usize| &values[i * dimensions..][..dimensions];
        Self {
            dimensions,
            values,
            norms: (0..len).map(|i| norm(row(i))).collect(),
            sparse: (0..len).map(|i| form.is_sparse(row(i))).collect(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.norms.len()
    }

    pub(crate) fn dimensions(&self) -> usize {
        self.dimensions
    }

    pub(crate) fn norms(&self) -> &[f64] {
        &self.norms
    }

    #[inline]
    pub(crate) fn values(&self, i: usize) -> &'a [f64] {
        &self.values[i * self.dimensions..][..self.dimensions]
    }

    #[inline]
    pub(crate) fn get(&self, i: usize) -> Point<'a> {
        Point {
            values: self.values(i),
            norm: self.norms[i],
            sparse: self.sparse[i],
        }
    }
}

/// What makes a center near, in initialisation, the row path and prediction.
pub(crate) trait Measure {
    /// A number the cost cannot be below, cheap to get.
    fn lower_bound(center: Point<'_>, point: Point<'_>) -> f64;
    /// What it costs to put the point to the center.
    fn cost(center: Point<'_>, point: Point<'_>) -> f64;
}

/// Costs are squared distances.
pub(crate) struct Euclidean;

impl Measure for Euclidean {
    #[inline]
    fn lower_bound(center: Point<'_>, point: Point<'_>) -> f64 {
        let difference = center.norm - point.norm;
        difference * difference
    }

    #[inline]
    fn cost(center: Point<'_>, point: Point<'_>) -> f64 {
        if center.sparse || point.sparse {
            return sparse_squared_distance(center, point);
        }
        squared_distance(center.values, point.values)
    }
}

/// Costs are one minus the cosine.
pub(crate) struct Cosine;

impl Measure for Cosine {
    #[inline]
    fn lower_bound(_: Point<'_>, _: Point<'_>) -> f64 {
        // Norms say nothing about angles: every center is looked at.
        f64::NEG_INFINITY
    }

    #[inline]
    fn cost(center: Point<'_>, point: Point<'_>) -> f64 {
        1.0 - dot(center.values, point.values) / center.norm / point.norm
    }
}

/// The squared distance where Spark holds one side as a sparse vector: the expanded square where that is precise enough,
/// else the plain sum.
fn sparse_squared_distance(center: Point<'_>, point: Point<'_>) -> f64 {
    let squares = center.norm * center.norm + point.norm * point.norm;
    let difference = center.norm - point.norm;
    let product = dot(center.values, point.values);
    if 2.0 * EPSILON * squares / (difference * difference + EPSILON) < PRECISION {
        return squares - 2.0 * product;
    }
    let distance = (squares - 2.0 * product).max(0.0);
    if EPSILON * (squares + 2.0 * product.abs()) / (distance + EPSILON) > PRECISION {
        return squared_distance(center.values, point.values);
    }
    distance
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cost(center: &[f64], point: &[f64], form: RowForm) -> f64 {
        Euclidean::cost(Point::new(center, RowForm::Dense), Point::new(point, form))
    }

    #[test]
    fn dense_vectors_take_the_plain_sum() {
        assert_eq!(cost(&[1.0, 2.0], &[4.0, 6.0], RowForm::Assembled), 25.0);
    }

    #[test]
    fn a_sparse_vector_takes_the_expanded_square() {
        let center = [0.1, 0.7, 0.0, 0.0];
        let point = [0.3, 0.0, 0.0, 0.0];
        let (c, p) = (norm(&center), norm(&point));
        let expanded = c * c + p * p - 2.0 * (0.1 * 0.3);
        assert_eq!(cost(&center, &point, RowForm::Assembled), expanded);
        assert_ne!(
            cost(&center, &point, RowForm::Dense),
            expanded,
            "else this test shows nothing"
        );
    }

    #[test]
    fn a_sparse_vector_close_by_takes_the_plain_sum() {
        let center = [1.0, 0.0, 0.0, 1e-9];
        let point = [1.0, 0.0, 0.0, 0.0];
        assert_eq!(cost(&center, &point, RowForm::Assembled), 1e-9 * 1e-9);
    }

    #[test]
    fn cosines_are_of_angles() {
        let cost = |a: &[f64], b: &[f64]| {
            Cosine::cost(Point::new(a, RowForm::Dense), Point::new(b, RowForm::Dense))
        };
        assert_eq!(cost(&[2.0, 0.0], &[7.0, 0.0]), 0.0);
        assert_eq!(cost(&[2.0, 0.0], &[0.0, 7.0]), 1.0);
        assert_eq!(cost(&[2.0, 0.0], &[-7.0, 0.0]), 2.0);
    }
}
