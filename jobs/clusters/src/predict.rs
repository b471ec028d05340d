//! Predicts the cluster of a point, for every kind of model.

use gugus_kmeans::{DistanceMeasure, PredictError};

use crate::fitted::{Fitted, FittedError};
use crate::gaussian::Densities;
use crate::spots::Spots;

/// A fitted model prepared for prediction.
#[derive(Clone, Debug, PartialEq)]
pub struct Predictor {
    dimensions: usize,
    kind: Kind,
}

#[derive(Clone, Debug, PartialEq)]
enum Kind {
    Centers(gugus_kmeans::Predictor),
    HotSpots(Spots),
    Mixture(Densities),
}

/// The answer of a model about a point.
#[derive(Clone, Debug, PartialEq)]
pub enum Prediction {
    /// The point belongs to this cluster.
    Cluster(usize),
    /// The point belongs to no cluster: no core point is within reach.
    Noise,
    /// The point belongs to each cluster with a probability.
    Probable {
        /// The most probable cluster; the lowest number if several are equally probable.
        cluster: usize,
        /// One probability per cluster, by number. They add up to 1.
        probabilities: Vec<f64>,
    },
}

impl Prediction {
    /// The cluster, if there is one.
    pub fn cluster(&self) -> Option<usize> {
        match self {
            Self::Cluster(cluster) | Self::Probable { cluster, .. } => Some(*cluster),
            Self::Noise => None,
        }
    }

    /// The cluster as a number; noise is -1, as in scikit-learn.
    pub fn label(&self) -> i64 {
        let label = self.cluster().map(i64::try_from);
        label.and_then(Result::ok).unwrap_or(-1)
    }
}

impl Predictor {
    /// Prepares a fitted or saved model.
    ///
    /// # Errors
    /// [`FittedError`] for what no fit gives.
    pub fn new(fitted: Fitted) -> Result<Self, FittedError> {
        let dimensions = fitted.dimensions();
        let kind = match fitted {
            Fitted::Centers(model) => Kind::Centers(gugus_kmeans::Predictor::new(
                model.centers,
                model.distance_measure,
            )?),
            Fitted::MiniBatch(model) => {
                model.check()?;
                Kind::Centers(gugus_kmeans::Predictor::new(
                    model.centers,
                    DistanceMeasure::Euclidean,
                )?)
            }
            Fitted::HotSpots(model) => {
                model.check()?;
                Kind::HotSpots(Spots::new(model))
            }
            Fitted::Mixture(model) => Kind::Mixture(Densities::new(&model)?),
        };
        Ok(Self { dimensions, kind })
    }

    /// How many numbers a point has.
    pub fn dimensions(&self) -> usize {
        self.dimensions
    }

    /// Predicts a point. For centers, the point is taken in the form that Spark's `VectorAssembler` would emit.
    ///
    /// # Errors
    /// [`PredictError`] when the point does not fit the model.
    pub fn predict(&self, point: &[f64]) -> Result<Prediction, PredictError> {
        match &self.kind {
            Kind::Centers(centers) => centers.predict(point).map(Prediction::Cluster),
            Kind::HotSpots(spots) => {
                self.check(point)?;
                let nearest = spots.nearest(point);
                Ok(nearest.map_or(Prediction::Noise, Prediction::Cluster))
            }
            Kind::Mixture(densities) => {
                self.check(point)?;
                let (probabilities, _) = densities.of(point);
                let cluster = first_greatest(&probabilities);
                Ok(Prediction::Probable {
                    cluster,
                    probabilities,
                })
            }
        }
    }

    fn check(&self, point: &[f64]) -> Result<(), PredictError> {
        if point.len() != self.dimensions {
            return Err(PredictError::Dimensions {
                expected: self.dimensions,
                given: point.len(),
            });
        }
        match point.iter().position(|x| !x.is_finite()) {
            Some(dimension) => Err(PredictError::NotFinite { dimension }),
            None => Ok(()),
        }
    }
}

/// The first position of the greatest number.
fn first_greatest(numbers: &[f64]) -> usize {
    let mut best = 0;
    for (i, number) in numbers.iter().enumerate() {
        if *number > numbers[best] {
            best = i;
        }
    }
    best
}
