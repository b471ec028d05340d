//! How far the rows of each cluster lie from its center.

use serde::{Deserialize, Serialize};

use crate::error::PartialError;
use crate::exact_sum::ExactSum;
use crate::fixed_point::Scale;
use crate::means::{Means, means};
use crate::merge::{Clash, merge_each};
use crate::points::Points;
use crate::search::Searcher;
use crate::sites::Sites;
use crate::walk::walk;

/// For the rows nearest to each center: their sums and their cost.
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

    /// Adds the sums of other slices.
    pub(crate) fn merge(&mut self, other: &Self) -> Result<(), Clash> {
        self.means.merge(&other.means)?;
        merge_each(&mut self.costs, &other.costs, ExactSum::merge)
    }
}

/// Adds up the rows and their cost, by their nearest site.
pub(crate) fn spreads(
    points: &Points,
    sites: &Sites,
    scale: &Scale,
    searcher: &mut Searcher,
) -> Result<Spreads, PartialError> {
    let mut costs = vec![ExactSum::default(); sites.len()];
    walk(points, sites, &mut |area| {
        searcher.set_sites(points, sites, area.sites);
        for rows in sites.blocks(area.rows.clone()) {
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
