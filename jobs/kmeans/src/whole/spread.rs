//! How far the rows of each cluster lie from its center.

use serde::{Deserialize, Serialize};

use super::error::PartialError;
use super::exact::ExactSum;
use super::fixed::Scale;
use super::means::{Means, means};
use super::points::Points;
use super::search::Searcher;
use super::sites::Sites;
use super::tree::blocks;
use super::walk::walk;

/// What the rows nearest to each center sum up to, and what they cost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Spreads {
    pub(crate) means: Means,
    /// For each center, the sum of the squared distances times weights.
    pub(crate) costs: Vec<ExactSum>,
}

impl Spreads {
    pub(crate) fn new(scale: &Scale, centers: usize) -> Self {
        Self {
            means: Means::new(scale, centers),
            costs: vec![ExactSum::default(); centers],
        }
    }
}

/// Sums up the rows, and what they cost, by their nearest site.
pub(crate) fn spreads(
    points: &Points,
    sites: &Sites,
    scale: &Scale,
    searcher: &mut Searcher,
) -> Result<Spreads, PartialError> {
    let mut costs = vec![ExactSum::default(); sites.len()];
    walk(points, sites, &mut |area| {
        searcher.look_for(sites, area.sites);
        for rows in blocks(area.rows.clone()) {
            searcher.search(points, rows.clone());
            let nearest = searcher.nearest.site.iter().zip(&searcher.nearest.cost);
            for (row, (site, cost)) in rows.zip(nearest) {
                costs[area.sites[*site as usize] as usize].add(cost * points.weight(row));
            }
        }
    });
    Ok(Spreads {
        means: means(points, sites, scale, searcher)?,
        costs,
    })
}
