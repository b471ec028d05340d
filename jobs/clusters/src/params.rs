//! The parameters of the fits. A reader of job files needs only these types.

use gugus_kmeans::DEFAULT_SEED;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A parameter out of its range: correct the job file.
#[derive(Clone, Debug, PartialEq, Error)]
#[error("{parameter} is {given}, but {expected}")]
pub struct ParamsError {
    /// The parameter, by its name in the job file.
    pub parameter: &'static str,
    /// The value given.
    pub given: f64,
    /// The values that are allowed, as a clause.
    pub expected: &'static str,
}

/// Refuses a value that is out of range.
fn need(
    within: impl FnOnce() -> bool,
    parameter: &'static str,
    given: f64,
    expected: &'static str,
) -> Result<(), ParamsError> {
    if within() {
        return Ok(());
    }
    Err(ParamsError {
        parameter,
        given,
        expected,
    })
}

/// Parameters of `algorithm = "minibatch"`: k-means that each batch moves on.
///
/// Under serde every key may be left out, and keys that are not listed here are refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MiniBatchParams {
    /// How many clusters there are, at least 2. The first batch needs as many distinct points.
    pub k: usize,
    /// Seed of the draws on the first batch; later ones draw nothing.
    pub seed: i64,
    /// How the first batch's centers are found.
    pub init_mode: MiniBatchInit,
    /// How often first centers are drawn, at least 1. The draw with the lowest cost on the first batch is kept.
    pub n_runs: u32,
}

impl Default for MiniBatchParams {
    fn default() -> Self {
        Self {
            k: 2,
            seed: DEFAULT_SEED,
            init_mode: MiniBatchInit::PlusPlus,
            n_runs: 10,
        }
    }
}

impl MiniBatchParams {
    /// Checks what the types leave open.
    ///
    /// # Errors
    /// [`ParamsError`] names the first parameter that is out of its range.
    pub fn validate(&self) -> Result<(), ParamsError> {
        need(|| self.k >= 2, "k", self.k as f64, "it must be at least 2")?;
        let runs = f64::from(self.n_runs);
        need(|| self.n_runs >= 1, "n_runs", runs, "it must be at least 1")
    }
}

/// How the first centers of `minibatch` are found.
///
/// linfa has a k-means|| too, but its draws depend on how threads share the work, so it is not offered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum MiniBatchInit {
    /// `k-means++`: each center is drawn by its distance to those before it.
    #[default]
    #[serde(rename = "k-means++")]
    PlusPlus,
    /// `random`: k rows without replacement.
    #[serde(rename = "random")]
    Random,
}

impl MiniBatchInit {
    /// The name in the job file.
    pub fn name(self) -> &'static str {
        match self {
            Self::PlusPlus => "k-means++",
            Self::Random => "random",
        }
    }
}

/// Parameters of `algorithm = "dbscan"`: clusters are where points lie dense; all other points are noise.
///
/// `eps` has no default, because it is a distance in the unit of the features.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DbscanParams {
    /// How far apart neighbours are at most, in the features' unit. Finite and above 0.
    pub eps: f64,
    /// How many points a core point has within `eps`, itself included. At least 2.
    #[serde(default = "DbscanParams::default_min_points")]
    pub min_points: usize,
}

impl DbscanParams {
    /// The default of `min_points`, as in scikit-learn.
    pub const DEFAULT_MIN_POINTS: usize = 5;

    fn default_min_points() -> usize {
        Self::DEFAULT_MIN_POINTS
    }

    /// Checks what the types leave open.
    ///
    /// # Errors
    /// [`ParamsError`] names the first parameter that is out of its range.
    pub fn validate(&self) -> Result<(), ParamsError> {
        need(
            || self.eps.is_finite() && self.eps > 0.0,
            "eps",
            self.eps,
            "it must be a finite number above 0",
        )?;
        need(
            || self.min_points >= 2,
            "min_points",
            self.min_points as f64,
            "it must be at least 2",
        )
    }
}

/// Parameters of `algorithm = "gmm"`: a mixture of Gaussians, fitted by expectation and maximisation.
///
/// Under serde every key may be left out, and keys that are not listed here are refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GmmParams {
    /// How many Gaussians there are, at least 1.
    pub k: usize,
    /// Seed of the first run; run i takes `seed + i`.
    pub seed: i64,
    /// How a run begins.
    pub init_mode: GmmInit,
    /// The shape of the Gaussians.
    pub covariance_type: Covariance,
    /// The most rounds of a run, at least 1.
    pub max_iter: u32,
    /// A run has converged when the mean log likelihood moves by less. Finite and above 0.
    pub tol: f64,
    /// How many runs there are, at least 1. The run with the greatest likelihood is kept.
    pub n_runs: u32,
    /// Added to each variance, in the square of the features' unit, so that points on a line have a volume. Finite and not
    /// negative.
    pub reg_covar: f64,
}

impl Default for GmmParams {
    fn default() -> Self {
        Self {
            k: 2,
            seed: DEFAULT_SEED,
            init_mode: GmmInit::KMeans,
            covariance_type: Covariance::Full,
            max_iter: 100,
            tol: 1e-3,
            n_runs: 1,
            reg_covar: 1e-6,
        }
    }
}

impl GmmParams {
    /// Checks what the types leave open.
    ///
    /// # Errors
    /// [`ParamsError`] names the first parameter that is out of its range.
    pub fn validate(&self) -> Result<(), ParamsError> {
        let one = "it must be at least 1";
        need(|| self.k >= 1, "k", self.k as f64, one)?;
        let iterations = f64::from(self.max_iter);
        need(|| self.max_iter >= 1, "max_iter", iterations, one)?;
        need(
            || self.tol.is_finite() && self.tol > 0.0,
            "tol",
            self.tol,
            "it must be a finite number above 0",
        )?;
        need(|| self.n_runs >= 1, "n_runs", f64::from(self.n_runs), one)?;
        need(
            || self.reg_covar.is_finite() && self.reg_covar >= 0.0,
            "reg_covar",
            self.reg_covar,
            "it must be a finite number that is not negative",
        )
    }
}

/// How a run of `gmm` begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GmmInit {
    /// From the clusters of a k-means.
    #[default]
    KMeans,
    /// From random shares of each point.
    Random,
}

impl GmmInit {
    /// The name in the job file.
    pub fn name(self) -> &'static str {
        match self {
            Self::KMeans => "kmeans",
            Self::Random => "random",
        }
    }
}

/// The shape of the Gaussians of a mixture. linfa knows only one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Covariance {
    /// Each Gaussian has an ellipse of its own.
    #[default]
    Full,
}

impl Covariance {
    /// The name in the job file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
        }
    }
}
