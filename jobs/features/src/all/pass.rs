//! What travels with the node from the client to the executors.

use gugus_kmeans::DistanceMeasure;
use gugus_kmeans_all::{Step, Weighting};
use serde::{Deserialize, Serialize};

/// One pass: what is computed, and of which points.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pass {
    /// What is computed.
    pub step: Step,
    /// How rows become points. The same in every pass of a run.
    pub points: PointSettings,
    /// The run, so that two runs that share a cache can be told apart.
    pub run: String,
}

/// How rows become points; part of what a cached file is known by.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PointSettings {
    /// How many features there are.
    pub dimensions: usize,
    /// Whether the column after the features is a weight.
    pub weighting: Weighting,
    /// Points are normalised when they are loaded for cosine.
    pub measure: DistanceMeasure,
    /// The expressions of `where`, features and weight, as DataFusion prints them.
    pub expressions: String,
}

impl PointSettings {
    /// Columns that a point comes from: features, and the weight where there is one.
    pub(crate) fn width(&self) -> usize {
        self.dimensions + usize::from(self.weighting == Weighting::LastColumn)
    }
}
