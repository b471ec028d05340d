//! The settings that travel with the node from the client to the executors.

use gugus_kmeans::DistanceMeasure;
use gugus_kmeans_all::{Step, Weighting};
use serde::{Deserialize, Serialize};

use super::encoded_rows::EncodedRows;

/// One pass: the step, and how rows become points.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pass {
    /// The step that the pass computes.
    pub step: Step,
    /// How rows become points. The same in every pass of a run.
    pub points: PointSettings,
    /// The plan that reads the rows of a file. The same in every pass of a run.
    pub rows: EncodedRows,
    /// The run, so that two runs that share a cache can be told apart.
    pub run: String,
}

/// How rows become points. It is part of a cached file's key.
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
    /// How many columns make a point: the features, and the weight if there is one.
    pub(crate) fn width(&self) -> usize {
        self.dimensions + usize::from(self.weighting == Weighting::LastColumn)
    }
}
