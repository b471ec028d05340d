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

    /// Predicts a finite point of the right width, and tells how near its cluster and the next one are.
    fn explain(&self, point: &[f64]) -> Result<Explained, PredictError>;

    /// Predicts the points of columns of equal length, one column per dimension. Points that are not finite are refused.
    fn predict_columns(
        &self,
        columns: &[&[f64]],
        into: &mut Predictions,
    ) -> Result<(), (usize, PredictError)> {
        let mut point = vec![0.0; columns.len()];
        for row in 0..columns.first().map_or(0, |column| column.len()) {
            gather(columns, row, &mut point);
            let prediction = finite(&point)
                .and_then(|()| self.predict(&point))
                .map_err(|error| (row, error))?;
            into.labels.push(label(prediction.cluster()));
            if let Prediction::Probable { probabilities, .. } = prediction {
                into.probabilities.extend(probabilities);
            }
        }
        Ok(())
    }
}

/// Copies one row of columns.
fn gather(columns: &[&[f64]], row: usize, point: &mut [f64]) {
    for (value, column) in point.iter_mut().zip(columns) {
        *value = column[row];
    }
}

fn finite(point: &[f64]) -> Result<(), PredictError> {
    match point.iter().position(|x| !x.is_finite()) {
        Some(dimension) => Err(PredictError::NotFinite { dimension }),
        None => Ok(()),
    }
}

/// The answers of a model about many points.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Predictions {
    /// The cluster of each point; noise is -1.
    pub labels: Vec<i32>,
    /// The probability of each cluster, by number, for one point after the other; empty if the model gives none.
    pub probabilities: Vec<f64>,
    /// How near the clusters are, one per point, if that was asked.
    pub explained: Vec<Explained>,
}

/// How near a point is to its cluster, and the runner-up.
///
/// A model of centers measures to centers. `dbscan` measures to the nearest core point of a cluster; of noise the distance is
/// that of the nearest core point of all, and the second is its cluster. `gmm` measures to means, in standard deviations (the
/// Mahalanobis distance), and its second is the second most probable cluster.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Explained {
    /// The distance from the cluster that was predicted.
    pub distance: f64,
    /// The cluster that comes second, and its distance; none if there is only one.
    pub second: Option<(i32, f64)>,
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
        label(self.cluster()).into()
    }
}

fn label(cluster: Option<usize>) -> i32 {
    cluster.map_or(-1, number)
}

/// The number of a cluster in an answer. More clusters than an i32 counts fit in no memory.
pub(crate) fn number(cluster: usize) -> i32 {
    i32::try_from(cluster).unwrap_or(i32::MAX)
}

/// Whether predictions tell how near the clusters are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Explain {
    /// They give the clusters alone.
    #[default]
    No,
    /// They tell distances, too.
    Yes,
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
        self.check_width(point.len())?;
        finite(point)?;
        self.model.predict(point)
    }

    /// Predicts the points of columns of equal length, one column per dimension. A model of centers allocates nothing per
    /// point.
    ///
    /// # Errors
    /// The first point that does not fit the model, from 0, and [`PredictError`].
    pub fn predict_columns(
        &self,
        columns: &[&[f64]],
        explain: Explain,
    ) -> Result<Predictions, (usize, PredictError)> {
        self.check_width(columns.len())
            .map_err(|error| (0, error))?;
        let rows = columns.first().map_or(0, |column| column.len());
        let mut predictions = Predictions {
            labels: Vec::with_capacity(rows),
            ..Predictions::default()
        };
        self.model.predict_columns(columns, &mut predictions)?;
        if explain == Explain::Yes {
            let mut point = vec![0.0; columns.len()];
            predictions.explained.reserve_exact(rows);
            for row in 0..rows {
                gather(columns, row, &mut point);
                let explained = self.model.explain(&point).map_err(|error| (row, error))?;
                predictions.explained.push(explained);
            }
        }
        Ok(predictions)
    }

    fn check_width(&self, given: usize) -> Result<(), PredictError> {
        if given == self.dimensions {
            return Ok(());
        }
        Err(PredictError::Dimensions {
            expected: self.dimensions,
            given,
        })
    }
}
