//! What a fit leaves: numbers that can be written down, and predict a new point.

use gugus_kmeans::{CentersError, DistanceMeasure, FitSummary};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// What a fit found, whatever the algorithm.
#[derive(Clone, Debug, PartialEq)]
pub struct Fit {
    /// The model.
    pub model: Fitted,
    /// How the fit went. Sizes are counted with the predictor that serves the model later.
    pub summary: FitSummary,
}

/// A fitted model of any kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fitted {
    /// Centers of k-means.
    Centers(Centers),
    /// Centers that the next batch moves on.
    MiniBatch(MiniBatch),
    /// Core points of DBSCAN.
    HotSpots(HotSpots),
    /// A mixture of Gaussians.
    Mixture(Mixture),
}

/// Centers of k-means, by cluster number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Centers {
    /// One center a cluster, all of the same length.
    pub centers: Vec<Vec<f64>>,
    /// What "near" means.
    pub distance_measure: DistanceMeasure,
}

/// Centers that the next batch moves on, by cluster number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MiniBatch {
    /// One center a cluster, all of the same length.
    pub centers: Vec<Vec<f64>>,
    /// How many points have moved each center since the first batch. The more, the less the next one moves it.
    pub counts: Vec<u64>,
}

/// Where points lie dense.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HotSpots {
    /// How many numbers a point has: there may be no core point to tell.
    pub dimensions: usize,
    /// How far from a core point its cluster reaches.
    pub eps: f64,
    /// How many clusters there are, numbered from 0; none where all is noise.
    pub clusters: usize,
    /// Points with enough others around them, in the order of rows, each place once.
    pub core_points: Vec<CorePoint>,
}

/// A point with enough others around it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CorePoint {
    /// The cluster it belongs to.
    pub cluster: usize,
    /// Where it is.
    pub at: Vec<f64>,
}

/// A mixture of Gaussians, by cluster number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mixture {
    /// At least one, all of the same width.
    pub gaussians: Vec<Gaussian>,
}

/// One of the Gaussians of a mixture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Gaussian {
    /// Its share of the points, 0 to 1.
    pub weight: f64,
    /// Its middle.
    pub mean: Vec<f64>,
    /// Its covariances, row after row: as many numbers as the mean has, squared.
    pub covariance: Vec<f64>,
}

/// A fitted form that no fit gives: the model is damaged or was written for something else.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FittedError {
    /// Centers are not what they should be.
    #[error(transparent)]
    Centers(#[from] CentersError),
    /// Not one count a center.
    #[error("it has {counts} counts for {centers} centers")]
    Counts {
        /// How many centers there are.
        centers: usize,
        /// How many counts there are.
        counts: usize,
    },
    /// The reach of core points is no distance.
    #[error("its eps is not a finite number above 0")]
    Eps,
    /// A core point of another width than the model, or with a number that is not finite.
    #[error("core point {point} does not have {dimensions} finite numbers")]
    CorePoint {
        /// The point, from 0.
        point: usize,
        /// The width of the model.
        dimensions: usize,
    },
    /// A core point of a cluster that there is not, or a cluster without core points.
    #[error("its core points are not those of clusters 0 to {clusters}")]
    Clusters {
        /// How many clusters there are.
        clusters: usize,
    },
    /// There is no Gaussian.
    #[error("there are no gaussians to predict with")]
    NoGaussians,
    /// A Gaussian of another width than the first, with a number that is not finite, or a weight that is none.
    #[error(
        "gaussian {gaussian} does not have a weight, {dimensions} means and {dimensions} by {dimensions} covariances that are finite"
    )]
    Gaussian {
        /// The Gaussian, from 0.
        gaussian: usize,
        /// The width of the first.
        dimensions: usize,
    },
    /// Covariances that no points can have.
    #[error("the covariances of gaussian {gaussian} are not positive definite")]
    Covariance {
        /// The Gaussian, from 0.
        gaussian: usize,
    },
}

impl Fitted {
    /// How many clusters there are, numbered from 0.
    pub fn clusters(&self) -> usize {
        match self {
            Self::Centers(model) => model.centers.len(),
            Self::MiniBatch(model) => model.centers.len(),
            Self::HotSpots(model) => model.clusters,
            Self::Mixture(model) => model.gaussians.len(),
        }
    }

    /// How many numbers a point has; 0 where there is nothing to tell by.
    pub fn dimensions(&self) -> usize {
        let width = |centers: &[Vec<f64>]| centers.first().map_or(0, Vec::len);
        match self {
            Self::Centers(model) => width(&model.centers),
            Self::MiniBatch(model) => width(&model.centers),
            Self::HotSpots(model) => model.dimensions,
            Self::Mixture(model) => model.gaussians.first().map_or(0, |g| g.mean.len()),
        }
    }

    /// The centers of k-means of either kind; none of other models.
    pub fn centers(&self) -> Option<&[Vec<f64>]> {
        match self {
            Self::Centers(model) => Some(&model.centers),
            Self::MiniBatch(model) => Some(&model.centers),
            Self::HotSpots(_) | Self::Mixture(_) => None,
        }
    }

    /// What "near" means: the Euclidean distance for all but centers that say otherwise.
    pub fn distance_measure(&self) -> DistanceMeasure {
        match self {
            Self::Centers(model) => model.distance_measure,
            Self::MiniBatch(_) | Self::HotSpots(_) | Self::Mixture(_) => DistanceMeasure::Euclidean,
        }
    }

    /// A middle for each cluster: its center, its mean, the mean of its core points.
    pub fn middles(&self) -> Vec<Vec<f64>> {
        match self {
            Self::Centers(model) => model.centers.clone(),
            Self::MiniBatch(model) => model.centers.clone(),
            Self::HotSpots(model) => model.middles(),
            Self::Mixture(model) => model.gaussians.iter().map(|g| g.mean.clone()).collect(),
        }
    }
}

impl HotSpots {
    /// The mean of each cluster's core points, each place counted once.
    fn middles(&self) -> Vec<Vec<f64>> {
        let mut sums = vec![(0_u64, vec![0.0; self.dimensions]); self.clusters];
        for point in &self.core_points {
            if let Some((count, sum)) = sums.get_mut(point.cluster) {
                *count += 1;
                for (sum, x) in sum.iter_mut().zip(&point.at) {
                    *sum += x;
                }
            }
        }
        sums.into_iter()
            .map(|(count, sum)| sum.into_iter().map(|x| x / count.max(1) as f64).collect())
            .collect()
    }

    /// Checks what the types leave open.
    pub(crate) fn check(&self) -> Result<(), FittedError> {
        if !self.eps.is_finite() || self.eps <= 0.0 {
            return Err(FittedError::Eps);
        }
        let mut seen = vec![false; self.clusters.min(self.core_points.len())];
        for (point, CorePoint { cluster, at }) in self.core_points.iter().enumerate() {
            if at.len() != self.dimensions || at.iter().any(|x| !x.is_finite()) {
                return Err(FittedError::CorePoint {
                    point,
                    dimensions: self.dimensions,
                });
            }
            match seen.get_mut(*cluster) {
                Some(seen) => *seen = true,
                None => return Err(self.wrong_clusters()),
            }
        }
        if seen.len() == self.clusters && seen.iter().all(|seen| *seen) {
            Ok(())
        } else {
            Err(self.wrong_clusters())
        }
    }

    fn wrong_clusters(&self) -> FittedError {
        FittedError::Clusters {
            clusters: self.clusters,
        }
    }
}

impl MiniBatch {
    /// Checks what the types and the predictor leave open.
    pub(crate) fn check(&self) -> Result<(), FittedError> {
        if self.counts.len() == self.centers.len() {
            return Ok(());
        }
        Err(FittedError::Counts {
            centers: self.centers.len(),
            counts: self.counts.len(),
        })
    }
}
