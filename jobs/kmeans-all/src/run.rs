//! Computes a step on one slice.

use gugus_kmeans::Stop;

use crate::draws::{Odds, sampled, smallest};
use crate::error::PartialError;
use crate::hash::stream;
use crate::kernel::Kernel;
use crate::means::means;
use crate::partial::{Content, Evaluation, Partial};
use crate::points::Points;
use crate::search::{Costs, Searcher, costs, sizes};
use crate::silhouette::silhouettes;
use crate::sites::Sites;
use crate::spread::spreads;
use crate::step::Step;
use crate::summary::Summary;

/// Computes a step on one slice, on this thread. Every cut of the data into slices, and every kernel, gives the same
/// merged partial, bit for bit.
///
/// # Errors
/// [`PartialError`] when step and points do not belong together.
pub fn run_step(step: &Step, points: &Points, kernel: Kernel) -> Result<Partial, PartialError> {
    run_step_until(step, points, kernel, &Stop::default())
}

/// As [`run_step`], but ends soon after the signal of `stop`.
///
/// # Errors
/// Those of [`run_step`], and [`PartialError::Stopped`].
pub fn run_step_until(
    step: &Step,
    points: &Points,
    kernel: Kernel,
    stop: &Stop,
) -> Result<Partial, PartialError> {
    stop.check()?;
    let sites_of = |centers: &[Vec<f64>]| {
        let sites = Sites::new(centers, points.dimensions())?;
        let basis = points.basis();
        Ok::<_, PartialError>(sites.measured_in(basis.as_ref()).until(stop))
    };
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
            Content::Sample(sampled(points, &sites, stream, odds, *limit))
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
    // After the signal, rows were left out.
    stop.check()?;
    Ok(Partial(content))
}
