//! Predicts the cluster of a point, for every kind of model.

use std::fmt;
use std::sync::Arc;

use gugus_kmeans::PredictError;

/// A fitted model prepared for predictions.
#[derive(Clone, Debug)]
pub struct Predictor {
    dimensions: usize,
    model: Arc<dyn Predict>,
}

/// Answers for one kind of model.
pub(crate) trait Predict: fmt::Debug + Send + Sync {
    /// Predicts a finite point of the right width.
    fn predict(&self, point: &[f64]) -> Result<Prediction, PredictError>;
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
    pub(crate) fn new(dimensions: usize, model: impl Predict + 'static) -> Self {
        Self {
            dimensions,
            model: Arc::new(model),
        }
    }

    /// How many numbers a point has.
    pub fn dimensions(&self) -> usize {
        self.dimensions
    }

    /// Predicts a point. A model of centers takes the point in the form that Spark's `VectorAssembler` would emit.
    ///
    /// # Errors
    /// [`PredictError`] when the point does not fit the model.
    pub fn predict(&self, point: &[f64]) -> Result<Prediction, PredictError> {
        if point.len() != self.dimensions {
            return Err(PredictError::Dimensions {
                expected: self.dimensions,
                given: point.len(),
            });
        }
        if let Some(dimension) = point.iter().position(|x| !x.is_finite()) {
            return Err(PredictError::NotFinite { dimension });
        }
        self.model.predict(point)
    }
}
