//! A step: one pass over all the data, computed slice by slice.

use serde::{Deserialize, Serialize};

use crate::fixed_point::Scale;
use crate::silhouette::Cluster;

/// One pass over all the data. A [`Training`](crate::Training) asks for them, and so does an [`Assessment`](super::Assessment);
/// who carries them need not look inside.
///
/// Under serde all numbers keep their bits, given a format that does (in JSON: `float_roundtrip`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Counts the rows and what was left out, looks how far they reach, and draws the first ones.
    Summarize {
        /// Of the draw.
        seed: u64,
        /// How many rows are drawn.
        first: usize,
    },
    /// Sums up the squared distances to the nearest candidate. Weights play no part.
    Cost {
        /// The candidates so far.
        candidates: Vec<Vec<f64>>,
    },
    /// Draws rows with probabilities in proportion to what they cost. Weights play no part.
    Sample {
        /// The candidates so far.
        candidates: Vec<Vec<f64>>,
        /// Of the draw.
        seed: u64,
        /// Of k-means||, from 1: each draws other numbers.
        round: u32,
        /// How many rows are to be drawn in the mean.
        wanted: f64,
        /// What all rows cost, above 0.
        cost: f64,
        /// The most rows that are handed on.
        limit: usize,
    },
    /// Counts the rows that are nearest to each candidate.
    Weigh {
        /// The candidates.
        candidates: Vec<Vec<f64>>,
    },
    /// Sums up the rows that are nearest to each center, by weight.
    Lloyd {
        /// How sums are kept.
        scale: Scale,
        /// The centers.
        centers: Vec<Vec<f64>>,
    },
    /// Counts the rows of each cluster and sums up their costs, by weight.
    Evaluate {
        /// The centers before the last pass, when there was one: Spark's training cost is theirs.
        before: Option<Vec<Vec<f64>>>,
        /// The centers.
        centers: Vec<Vec<f64>>,
    },
    /// Sums up the rows that are nearest to each center, and what they cost, by weight.
    Spread {
        /// How sums are kept.
        scale: Scale,
        /// The centers.
        centers: Vec<Vec<f64>>,
    },
    /// Sums up how much better rows lie in their clusters than in the next ones, by weight.
    Silhouette {
        /// The clusters, one a center.
        clusters: Vec<Cluster>,
    },
}

impl Step {
    /// What the step is called in progress and errors.
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
