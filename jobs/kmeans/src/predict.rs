//! Which cluster a point belongs to.

use thiserror::Error;

use crate::bounds::Bounds;
use crate::centers::CenterList;
use crate::distance::{Cosine, Euclidean, Measure, Point};
use crate::params::DistanceMeasure;
use crate::rows::{RowForm, Rows};
use crate::vectors::norm;

/// Centers prepared for prediction.
///
/// ```
/// use gugus_kmeans::{DistanceMeasure, Predictor};
///
/// let centers = vec![vec![0.0, 0.0], vec![4.0, 0.0]];
/// let predictor = Predictor::new(centers, DistanceMeasure::Euclidean)?;
/// assert_eq!(predictor.predict(&[3.0, 1.0])?, 1);
/// assert_eq!(predictor.predict(&[2.0, 0.0])?, 0); // equally far: the first one
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Predictor {
    rows: Vec<Vec<f64>>,
    nearest: Nearest,
}

/// A center and its distance from a point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Near {
    /// The number of the center.
    pub center: usize,
    /// Its distance.
    pub distance: f64,
}

/// Centers that cannot be predicted with: the model is damaged or was written for something else.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CentersError {
    /// There is no center.
    #[error("there are no centers to predict with")]
    None,
    /// A center of another width than the first one.
    #[error("center {center} has {given} dimensions, but the centers before it have {expected}")]
    Dimensions {
        /// The center, from 0.
        center: usize,
        /// The width of the first center.
        expected: usize,
        /// The width of this one.
        given: usize,
    },
    /// A coordinate that is not a finite number.
    #[error("center {center} holds a number that is not finite")]
    NotFinite {
        /// The center, from 0.
        center: usize,
    },
    /// A center without a direction under the cosine distance.
    #[error("center {center} is a zero vector, which has no cosine distance to anything")]
    ZeroVector {
        /// The center, from 0.
        center: usize,
    },
}

/// A point that has no nearest center.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PredictError {
    /// The point has another width than the centers.
    #[error("the point has {given} dimensions, but the model has {expected}")]
    Dimensions {
        /// The width of the centers.
        expected: usize,
        /// The width of the point.
        given: usize,
    },
    /// A coordinate that is not a finite number.
    #[error("dimension {dimension} of the point is not a finite number")]
    NotFinite {
        /// The dimension, from 0.
        dimension: usize,
    },
    /// A point without a direction under the cosine distance.
    #[error("the point is a zero vector, which has no cosine distance to anything")]
    ZeroVector,
}

impl Predictor {
    /// Prepares the centers of a fit or of a saved model.
    ///
    /// # Errors
    /// [`CentersError`] when there are none, when they differ in width, and when one of them holds what no fit gives.
    pub fn new(centers: Vec<Vec<f64>>, measure: DistanceMeasure) -> Result<Self, CentersError> {
        let expected = centers.first().ok_or(CentersError::None)?.len();
        let mut flat = CenterList::new(expected);
        for (center, values) in centers.iter().enumerate() {
            if values.len() != expected {
                return Err(CentersError::Dimensions {
                    center,
                    expected,
                    given: values.len(),
                });
            }
            if !values.iter().all(|value| value.is_finite()) {
                return Err(CentersError::NotFinite { center });
            }
            let norm = norm(values);
            if measure == DistanceMeasure::Cosine && norm == 0.0 {
                return Err(CentersError::ZeroVector { center });
            }
            flat.push(Point {
                values,
                norm,
                sparse: false,
            });
        }
        Ok(Self {
            rows: centers,
            nearest: Nearest::new(flat, measure),
        })
    }

    /// The number of the nearest center, the lowest where several are equally near. The point is taken as Spark's
    /// `VectorAssembler` would emit it.
    ///
    /// # Errors
    /// [`PredictError`] when the point does not fit the centers.
    pub fn predict(&self, point: &[f64]) -> Result<usize, PredictError> {
        self.predict_as(point, RowForm::Assembled)
    }

    /// The numbers of the nearest centers, one a row, with rows in the form they were given.
    ///
    /// # Errors
    /// [`PredictError`] for the first row that does not fit the centers.
    pub fn predict_rows(&self, rows: &Rows) -> Result<Vec<usize>, PredictError> {
        (0..rows.len())
            .map(|row| self.predict_as(rows.row(row), rows.form()))
            .collect()
    }

    /// Tells the number of the nearest center of each point, in order. `columns` has one slice per dimension, all of one
    /// length, and nothing is allocated per point.
    ///
    /// # Errors
    /// The first point that does not fit the centers, from 0, and [`PredictError`].
    pub fn predict_columns(
        &self,
        columns: &[&[f64]],
        mut tell: impl FnMut(usize),
    ) -> Result<(), (usize, PredictError)> {
        let mut point = vec![0.0; columns.len()];
        for row in 0..columns.first().map_or(0, |column| column.len()) {
            for (value, column) in point.iter_mut().zip(columns) {
                *value = column[row];
            }
            tell(self.predict(&point).map_err(|error| (row, error))?);
        }
        Ok(())
    }

    /// The nearest center as [`Self::predict`] finds it, and the nearest one of the others, each with its distance from
    /// the point: under the Euclidean measure the root of the sum of squares, under the cosine measure one minus the cosine.
    ///
    /// # Errors
    /// As [`Self::predict`].
    pub fn nearest_two(&self, point: &[f64]) -> Result<(Near, Option<Near>), PredictError> {
        let near = |center: usize| Near {
            center,
            distance: self.distance(center, point),
        };
        let first = near(self.predict(point)?);
        let others = (0..self.rows.len()).filter(|center| *center != first.center);
        // Of equals `min_by` gives the first.
        let second = others
            .map(near)
            .min_by(|one, other| one.distance.total_cmp(&other.distance));
        Ok((first, second))
    }

    fn distance(&self, center: usize, point: &[f64]) -> f64 {
        let point = Point::new(point, RowForm::Dense);
        let center = self.nearest.centers.get(center);
        match self.nearest.measure {
            DistanceMeasure::Euclidean => Euclidean::cost(center.dense(), point).sqrt(),
            DistanceMeasure::Cosine => Cosine::cost(center, point),
        }
    }

    /// The centers, by cluster number.
    pub fn centers(&self) -> &[Vec<f64>] {
        &self.rows
    }

    /// How many numbers a point has.
    pub fn dimensions(&self) -> usize {
        self.nearest.centers.dimensions()
    }

    /// What "near" means.
    pub fn measure(&self) -> DistanceMeasure {
        self.nearest.measure
    }

    fn predict_as(&self, point: &[f64], form: RowForm) -> Result<usize, PredictError> {
        if point.len() != self.dimensions() {
            return Err(PredictError::Dimensions {
                expected: self.dimensions(),
                given: point.len(),
            });
        }
        if let Some(dimension) = point.iter().position(|value| !value.is_finite()) {
            return Err(PredictError::NotFinite { dimension });
        }
        let point = Point::new(point, form);
        if self.nearest.measure == DistanceMeasure::Cosine && point.norm == 0.0 {
            return Err(PredictError::ZeroVector);
        }
        Ok(self.nearest.to(point))
    }
}

/// Spark keeps bounds for prediction only while `k * k * dimensions` is below this.
const BOUNDS_BELOW: usize = 1_000_000;

/// The search that predictions and [`crate::Fit::sizes`] share, which hence agree.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Nearest {
    centers: CenterList,
    measure: DistanceMeasure,
    bounds: Bounds,
}

impl Nearest {
    pub(crate) fn new(centers: CenterList, measure: DistanceMeasure) -> Self {
        let mut bounds = Bounds::default();
        let size = centers
            .len()
            .saturating_mul(centers.len())
            .saturating_mul(centers.dimensions());
        if size < BOUNDS_BELOW {
            match measure {
                DistanceMeasure::Euclidean => bounds.update::<Euclidean>(&centers),
                DistanceMeasure::Cosine => bounds.update::<Cosine>(&centers),
            }
        }
        Self {
            centers,
            measure,
            bounds,
        }
    }

    pub(crate) fn centers(&self) -> &CenterList {
        &self.centers
    }

    #[inline]
    pub(crate) fn to(&self, point: Point<'_>) -> usize {
        match self.measure {
            DistanceMeasure::Euclidean => self.bounds.nearest::<Euclidean>(&self.centers, point).0,
            DistanceMeasure::Cosine => self.bounds.nearest::<Cosine>(&self.centers, point).0,
        }
    }
}
