//! `minibatch`: k-means that each batch moves on.

#[cfg(feature = "fit")]
mod fit;

use std::fmt;

use gugus_kmeans::{DEFAULT_SEED, DistanceMeasure};
#[cfg(feature = "fit")]
use gugus_kmeans::{Fit, Rows, Stop};
use serde::{Deserialize, Serialize};

use crate::algorithm::{Facts, MOST_CLUSTERS, MOST_RUNS, Parameter, Parameters, choices};
#[cfg(feature = "fit")]
use crate::fit::FitError;
use crate::model::{FittedError, Model, Saved};
use crate::params::{ParamsError, need};
use crate::predict::Predictor;

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
        need(self.k >= 2, "k", self.k as f64, "it must be at least 2")?;
        let runs = f64::from(self.n_runs);
        need(self.n_runs >= 1, "n_runs", runs, "it must be at least 1")
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

choices!(MiniBatchInit, "k-means++" => PlusPlus, "random" => Random);

impl Parameters for MiniBatchParams {
    const FACTS: Facts = Facts {
        name: "minibatch",
        uid: "KMeans",
        parameters: &[
            Parameter::whole("k", 2).up_to(MOST_CLUSTERS),
            Parameter::SEED,
            Parameter::one_of("init_mode", MiniBatchInit::NAMES),
            Parameter::whole("n_runs", 1).up_to(MOST_RUNS),
        ],
        weighted: false,
        any_scope: false,
        chained: true,
        table: None,
    };

    type Model = MiniBatch;

    fn k(&self) -> Option<usize> {
        Some(self.k)
    }

    fn seed(&self) -> Option<i64> {
        Some(self.seed)
    }

    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "minibatch, k {}, seed {}", self.k, self.seed)?;
        let init = self.init_mode.name();
        write!(f, ", {init}, best of {} draws", self.n_runs)
    }

    fn contradiction(&self, model: &MiniBatch) -> Option<String> {
        (model.counts.len() != model.centers.len())
            .then(|| "it does not have one count per center".to_owned())
    }

    fn open(&self, saved: Saved) -> Result<MiniBatch, String> {
        Ok(MiniBatch {
            centers: saved.centers,
            counts: saved.counts,
        })
    }

    #[cfg(feature = "fit")]
    fn fit(
        &self,
        carried: Option<&MiniBatch>,
        rows: &Rows,
        _: Option<&[f64]>,
        stop: &Stop,
    ) -> Result<Fit<MiniBatch>, FitError> {
        fit::fit(self, carried, rows, stop)
    }
}

/// Centers that the next batch moves on, by cluster number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MiniBatch {
    /// One center per cluster, all of the same length.
    pub centers: Vec<Vec<f64>>,
    /// How many points have moved each center since the first batch. The more, the less the next one moves it.
    pub counts: Vec<u64>,
}

impl Model for MiniBatch {
    fn centers(&self) -> Option<&[Vec<f64>]> {
        Some(&self.centers)
    }

    fn counts(&self) -> &[u64] {
        &self.counts
    }

    fn into_predictor(self) -> Result<Predictor, FittedError> {
        let (centers, counts) = (self.centers.len(), self.counts.len());
        if counts != centers {
            return Err(FittedError::Other(format!(
                "it has {counts} counts for {centers} centers"
            )));
        }
        let centers = gugus_kmeans::Predictor::new(self.centers, DistanceMeasure::Euclidean)?;
        Ok(Predictor::new(centers.dimensions(), centers))
    }
}
