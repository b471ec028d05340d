//! A step: one pass over all the data, computed slice by slice.

use serde::{Deserialize, Serialize};

use super::draws::{Odds, sampled, smallest};
use super::error::PartialError;
use super::fixed::Scale;
use super::hash::stream;
use super::kernel::Kernel;
use super::means::means;
use super::partial::{Content, Evaluation, Partial, Summary};
use super::points::Points;
use super::search::{Costs, Searcher, costs, sizes};
use super::silhouette::{Cluster, silhouettes};
use super::sites::Sites;
use super::spread::spreads;

/// One pass over all the data. A [`Training`](super::Training) asks for them, and so does an [`Assessment`](super::Assessment);
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

/// Computes what one slice contributes to a step, on this thread. Every cut of the data into slices gives the same merged
/// partial, bit for bit, and so does every kernel.
///
/// # Errors
/// [`PartialError`] when step and points do not belong together.
pub fn run_step(step: &Step, points: &Points, kernel: Kernel) -> Result<Partial, PartialError> {
    let sites_of = |centers: &[Vec<f64>]| Sites::new(centers, points.dimensions());
    let searcher = &mut Searcher::new(kernel, points.dimensions());
    let content = match step {
        Step::Summarize { seed, first } => {
            Content::Summarize(Summary::of(points, smallest(points, *seed, *first)))
        }
        Step::Cost { candidates } => Content::Cost(Box::new(
            costs(points, &sites_of(candidates)?, Costs::Plain, searcher).0,
        )),
        Step::Sample {
            candidates,
            seed,
            round,
            wanted,
            cost,
            limit,
        } => {
            let odds = Odds {
                wanted: *wanted,
                cost: *cost,
            };
            let (sites, stream) = (sites_of(candidates)?, stream(*seed, *round));
            Content::Sample(sampled(points, &sites, stream, odds, *limit, searcher))
        }
        Step::Weigh { candidates } => {
            Content::Weigh(sizes(points, &sites_of(candidates)?, searcher))
        }
        Step::Lloyd { scale, centers } => {
            Content::Lloyd(means(points, &sites_of(centers)?, scale, searcher)?)
        }
        Step::Evaluate { before, centers } => {
            let (cost, sizes) = costs(points, &sites_of(centers)?, Costs::Weighted, searcher);
            let before = match before {
                None => None,
                Some(before) => {
                    Some(costs(points, &sites_of(before)?, Costs::Weighted, searcher).0)
                }
            };
            Content::Evaluate(Box::new(Evaluation {
                sizes,
                before,
                cost,
            }))
        }
        Step::Spread { scale, centers } => {
            Content::Spread(spreads(points, &sites_of(centers)?, scale, searcher)?)
        }
        Step::Silhouette { clusters } => {
            let centers: Vec<Vec<f64>> = clusters.iter().map(|of| of.center.clone()).collect();
            let sites = sites_of(&centers)?;
            Content::Silhouette(silhouettes(points, &sites, clusters, searcher)?)
        }
    };
    Ok(Partial(content))
}
