//! `gmm`: a mixture of Gaussians, which gives probabilities.

mod densities;
#[cfg(feature = "fit")]
mod fit;

use std::fmt;

use gugus_kmeans::DEFAULT_SEED;
#[cfg(feature = "fit")]
use gugus_kmeans::{Fit, Rows, Stop};
use serde::{Deserialize, Serialize};

use crate::algorithm::{
    Facts, MOST_CLUSTERS, MOST_ROUNDS, MOST_RUNS, Parameter, Parameters, choices,
};
#[cfg(feature = "fit")]
use crate::fit::FitError;
use crate::model::{Cells, FittedError, Holds, Model, Saved, TableLayout};
use crate::params::{ParamsError, need};
use crate::predict::Predictor;
use densities::Densities;

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
        need(self.k >= 1, "k", self.k as f64, one)?;
        let iterations = f64::from(self.max_iter);
        need(self.max_iter >= 1, "max_iter", iterations, one)?;
        let (tol, added) = (self.tol, self.reg_covar);
        let finite = "it must be a finite number above 0";
        need(tol.is_finite() && tol > 0.0, "tol", tol, finite)?;
        need(self.n_runs >= 1, "n_runs", f64::from(self.n_runs), one)?;
        let finite = "it must be a finite number that is not negative";
        need(
            added.is_finite() && added >= 0.0,
            "reg_covar",
            added,
            finite,
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

choices!(GmmInit, "kmeans" => KMeans, "random" => Random);

/// The shape of the Gaussians of a mixture. linfa knows only one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Covariance {
    /// Each Gaussian has an ellipse of its own.
    #[default]
    Full,
}

choices!(Covariance, "full" => Full);

impl Parameters for GmmParams {
    const FACTS: Facts = Facts {
        name: "gmm",
        uid: "GaussianMixture",
        parameters: &[
            Parameter::whole("k", 1).up_to(MOST_CLUSTERS),
            Parameter::SEED,
            Parameter::one_of("init_mode", GmmInit::NAMES),
            Parameter::one_of("covariance_type", Covariance::NAMES),
            Parameter::whole("max_iter", 1).up_to(MOST_ROUNDS),
            Parameter::above_zero("tol"),
            Parameter::whole("n_runs", 1).up_to(MOST_RUNS),
            Parameter::not_negative("reg_covar"),
        ],
        weighted: false,
        any_scope: false,
        chained: false,
        table: Some(TableLayout {
            name: "gaussians",
            columns: &[
                ("weight", Holds::Numbers),
                ("mean", Holds::Lists),
                ("covariance", Holds::Lists),
            ],
        }),
    };

    type Model = Mixture;

    fn k(&self) -> Option<usize> {
        Some(self.k)
    }

    fn seed(&self) -> Option<i64> {
        Some(self.seed)
    }

    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "gmm, k {}, seed {}", self.k, self.seed)?;
        write!(f, ", max_iter {}, tol {}", self.max_iter, self.tol)?;
        write!(f, ", {} covariances", self.covariance_type.name())?;
        write!(f, ", reg_covar {}", self.reg_covar)?;
        let init = self.init_mode.name();
        write!(f, ", {init}, best of {} runs", self.n_runs)
    }

    fn contradiction(&self, _: &Mixture) -> Option<String> {
        None
    }

    fn open(&self, saved: Saved) -> Result<Mixture, String> {
        let Ok(
            [
                Cells::Numbers(weights),
                Cells::Lists(means),
                Cells::Lists(covariances),
            ],
        ) = <[Cells; 3]>::try_from(saved.table)
        else {
            return Err("it is not a table of gaussians".to_owned());
        };
        let shapes = means.into_iter().zip(covariances);
        let gaussians = weights.into_iter().zip(shapes);
        Ok(Mixture {
            gaussians: gaussians
                .map(|(weight, (mean, covariance))| Gaussian {
                    weight,
                    mean,
                    covariance,
                })
                .collect(),
        })
    }

    #[cfg(feature = "fit")]
    fn fit(
        &self,
        _: Option<&Mixture>,
        rows: &Rows,
        _: Option<&[f64]>,
        stop: &Stop,
    ) -> Result<Fit<Mixture>, FitError> {
        fit::fit(self, rows, stop)
    }
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

impl Model for Mixture {
    fn clusters(&self) -> usize {
        self.gaussians.len()
    }

    fn dimensions(&self) -> usize {
        self.gaussians.first().map_or(0, |g| g.mean.len())
    }

    fn middles(&self) -> Vec<Vec<f64>> {
        self.gaussians.iter().map(|g| g.mean.clone()).collect()
    }

    fn table(&self) -> Vec<Cells> {
        let gaussians = self.gaussians.iter();
        vec![
            Cells::Numbers(gaussians.clone().map(|g| g.weight).collect()),
            Cells::Lists(gaussians.clone().map(|g| g.mean.clone()).collect()),
            Cells::Lists(gaussians.map(|g| g.covariance.clone()).collect()),
        ]
    }

    fn into_predictor(self) -> Result<Predictor, FittedError> {
        let densities = Densities::new(&self)?;
        Ok(Predictor::new(self.dimensions(), densities))
    }
}
