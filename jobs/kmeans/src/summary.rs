//! How a fit went, whatever the algorithm: the figures that are shown and kept beside a model.

use serde::{Deserialize, Serialize};

use crate::params::DistanceMeasure;

/// What a fit found, whatever the algorithm.
#[derive(Clone, Debug, PartialEq)]
pub struct Fit<M = Centers> {
    /// The model.
    pub model: M,
    /// How the fit went. Sizes are counted with the predictor that serves the model later.
    pub summary: FitSummary,
}

impl<M> Fit<M> {
    /// The same fit, with its model in another form.
    pub fn of<N>(self, form: impl FnOnce(M) -> N) -> Fit<N> {
        Fit {
            model: form(self.model),
            summary: self.summary,
        }
    }
}

/// Centers of k-means, by cluster number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Centers {
    /// One center per cluster, each as wide as the rows. A fit gives at least one, and at most `k`.
    pub centers: Vec<Vec<f64>>,
    /// What "near" means.
    pub distance_measure: DistanceMeasure,
}

/// How a fit went. Under serde these are keys of `model.json`, meant to be flattened into what holds them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FitSummary {
    /// Rows that were fitted.
    pub rows: u64,
    /// Rows that were left out for a null or a NaN; not kept in `model.json`.
    #[serde(skip)]
    pub dropped: u64,
    /// Passes over the rows; 0 where the algorithm does not tell.
    pub iterations: u32,
    /// What the last pass cost: the sum of the rows' squared (or cosine) distances, by weight, to the centers *before* that
    /// pass moved them. 0 without a pass. For `gmm` the negative log likelihood, for `dbscan` 0.
    pub training_cost: f64,
    /// How many rows belong to each cluster, weights left aside; one entry a cluster.
    pub sizes: Vec<u64>,
    /// How many rows belong to no cluster; left out where there is no noise.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub noise: u64,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}
