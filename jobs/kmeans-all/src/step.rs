//! A step: one pass over all data, computed slice by slice.

use serde::{Deserialize, Serialize};

use crate::fixed_point::Scale;
use crate::silhouette::Cluster;

/// One pass over all data. A [`Training`](crate::Training) or an [`Assessment`](super::Assessment) asks for steps. The
/// code that carries a step need not look inside.
///
/// Under serde all numbers keep their bits, if the format keeps them (in JSON: `float_roundtrip`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Counts the rows and the rows left out, finds the extent of the data, and draws rows to begin with.
    Summarize {
        /// The seed of the draw.
        seed: u64,
        /// How many rows are drawn.
        first: usize,
    },
    /// Adds up the squared distances to the nearest candidate, without weights.
    Cost {
        /// The candidates so far.
        candidates: Vec<Vec<f64>>,
    },
    /// Draws rows with probabilities in proportion to their cost, without weights.
    Sample {
        /// The candidates so far.
        candidates: Vec<Vec<f64>>,
        /// The seed of the draw.
        seed: u64,
        /// The number of the draw in k-means||, from 1. Each draw has other random numbers.
        round: u32,
        /// How many rows are drawn on average.
        wanted: f64,
        /// The cost of all rows, above 0.
        cost: f64,
        /// The most rows that a draw hands on.
        limit: usize,
    },
    /// Counts the rows that are nearest to each candidate.
    Weigh {
        /// The candidates.
        candidates: Vec<Vec<f64>>,
    },
    /// Adds up the rows that are nearest to each center, by weight.
    Lloyd {
        /// The scale of the fixed-point sums.
        scale: Scale,
        /// The centers.
        centers: Vec<Vec<f64>>,
    },
    /// Counts the rows of each cluster and adds up their costs, by weight.
    Evaluate {
        /// The centers before the last pass, if there was one. Spark's training cost is the cost of these centers.
        before: Option<Vec<Vec<f64>>>,
        /// The centers.
        centers: Vec<Vec<f64>>,
    },
    /// Adds up the rows that are nearest to each center, and their cost, by weight.
    Spread {
        /// The scale of the fixed-point sums.
        scale: Scale,
        /// The centers.
        centers: Vec<Vec<f64>>,
    },
    /// Adds up the silhouettes of the rows, by weight.
    Silhouette {
        /// The clusters, one per center.
        clusters: Vec<Cluster>,
    },
}

impl Step {
    /// The name of the step in progress and errors.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Summarize { .. } => "summarize",
            Self::Cost { .. } => "cost",
            Self::Sample { .. } => "sample",
            Self::Weigh { .. } => "weigh",
            Self::Lloyd { .. } => "lloyd",
            Self::Evaluate { .. } => "evaluate",
            Self::Spread { .. } => "spread",
            Self::Silhouette { .. } => "silhouette",
        }
    }
}
