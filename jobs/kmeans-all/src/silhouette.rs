//! The silhouette as Spark's `ClusteringEvaluator` computes it: from squared distances, and from a few sums per cluster
//! instead of each pair of rows.
//!
//! The mean squared distance from a row `x` to the rows of a cluster follows from a few sums over these rows. Spark
//! measures the sums from the origin. If rows lie far from the origin, rounding the large squared lengths hides the
//! small distances between rows. Here the sums are measured from the center `c` of the cluster. If the mean of the rows
//! is `c + drift`, and `spread` is the mean of their squared distances to `c`, the mean squared distance is `|x - c|² -
//! 2 (x - c) · drift + spread`. It is the same number, with smaller rounding errors.
//!
//! Under the cosine distance points have length 1. Then a squared distance is twice the cosine distance. A silhouette
//! is a quotient of two distances, so it is the same for both.

use pulp::{Simd, WithSimd};
use serde::{Deserialize, Serialize};

use crate::error::PartialError;
use crate::exact_sum::ExactSum;
use crate::kernel::{BLOCK, LANES};
use crate::merge::{Clash, merge_each};
use crate::points::Points;
use crate::search::Searcher;
use crate::sites::Sites;
use crate::walk::walk;

/// A center, and what is known about the rows that are nearest to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cluster {
    pub(crate) center: Vec<f64>,
    /// The way from the center to the mean of the rows.
    pub(crate) drift: Vec<f64>,
    /// The mean of the squared distances to the center.
    pub(crate) spread: f64,
    /// The sum of the weights. A cluster of weight 0 is never taken as the nearest other cluster.
    pub(crate) weight: f64,
}

/// For each center, the silhouettes of its rows times their weights. Positive and negative silhouettes are summed
/// apart.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Silhouettes {
    pub(crate) above: Vec<ExactSum>,
    pub(crate) below: Vec<ExactSum>,
}

impl Silhouettes {
    pub(crate) fn new(centers: usize) -> Self {
        Self {
            above: vec![ExactSum::default(); centers],
            below: vec![ExactSum::default(); centers],
        }
    }

    fn add(&mut self, cluster: usize, silhouette: f64) {
        let sums = if silhouette < 0.0 {
            &mut self.below
        } else {
            &mut self.above
        };
        sums[cluster].add(silhouette.abs());
    }

    /// Adds the sums of other slices.
    pub(crate) fn merge(&mut self, other: &Self) -> Result<(), Clash> {
        merge_each(&mut self.above, &other.above, ExactSum::merge)?;
        merge_each(&mut self.below, &other.below, ExactSum::merge)
    }
}

/// Adds up the silhouettes of the rows by their nearest site. The nearest site is the center of the cluster with the
/// same number.
pub(crate) fn silhouettes(
    points: &Points,
    sites: &Sites,
    clusters: &[Cluster],
    searcher: &mut Searcher,
) -> Result<Silhouettes, PartialError> {
    for (center, cluster) in clusters.iter().enumerate() {
        if cluster.drift.len() != points.dimensions() {
            return Err(PartialError::Dimensions {
                expected: cluster.drift.len(),
                given: points.dimensions(),
            });
        }
        if !(cluster.spread.is_finite() && cluster.drift.iter().all(|d| d.is_finite())) {
            return Err(PartialError::NotFinite { center });
        }
    }
    let mut sums = Silhouettes::new(clusters.len());
    let mut apart = Apart::default();
    let mut tile = vec![[0.0; LANES]; points.dimensions()];
    let mut own = [0; BLOCK];
    walk(points, sites, &mut |area| {
        searcher.set_sites(points, sites, area.sites);
        for rows in sites.blocks(area.rows.clone()) {
            searcher.assign(points, rows.clone());
            for (own, near) in own.iter_mut().zip(&searcher.nearest.site[..rows.len()]) {
                *own = u64::from(area.sites[*near as usize]);
            }
            searcher.arch.dispatch(Distances {
                points,
                first: rows.start,
                rows: rows.len(),
                clusters,
                own: &own,
                tile: &mut tile,
                apart: &mut apart,
            });
            for (at, row) in rows.enumerate() {
                let (cluster, weight) = (own[at] as usize, points.weight(row));
                let total = clusters[cluster].weight;
                let silhouette = apart.silhouette(at, weight, total);
                sums.add(cluster, silhouette * weight);
            }
        }
    });
    Ok(sums)
}

/// For each row of a block: the mean squared distance to the rows of its own cluster, and to those of the nearest other
/// cluster.
struct Apart {
    own: [f64; BLOCK],
    other: [f64; BLOCK],
}

impl Default for Apart {
    fn default() -> Self {
        Self {
            own: [0.0; BLOCK],
            other: [f64::INFINITY; BLOCK],
        }
    }
}

impl Apart {
    /// The silhouette by the rule of Spark, for a row of this `weight` in a cluster of this `total` weight. -1 means
    /// deep in another cluster, 1 means far from all others.
    fn silhouette(&self, row: usize, weight: f64, total: f64) -> f64 {
        let (own, other) = (self.own[row], self.other[row]);
        // A row that is alone in its cluster, or has no other cluster to be compared with, gets 0.
        if total == weight || total == 0.0 || other.is_infinite() {
            return 0.0;
        }
        // The mean over the other rows of the cluster: the row itself is left out.
        let own = own * (total / (total - weight));
        if own < other {
            1.0 - own / other
        } else if own > other {
            other / own - 1.0
        } else {
            0.0
        }
    }
}

/// Computes [`Apart`] for at most [`BLOCK`] rows. Each lane computes what a loop over single rows would compute.
struct Distances<'a> {
    points: &'a Points,
    first: usize,
    rows: usize,
    clusters: &'a [Cluster],
    /// The cluster of each row.
    own: &'a [u64; BLOCK],
    /// Room for [`LANES`] rows.
    tile: &'a mut [[f64; LANES]],
    apart: &'a mut Apart,
}

impl WithSimd for Distances<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        for at in (0..self.rows).step_by(LANES) {
            for (x, column) in self.tile.iter_mut().zip(&self.points.columns) {
                x.copy_from_slice(&column[self.first + at..][..LANES]);
            }
            let mut own = [0.0; LANES];
            let mut other = [f64::INFINITY; LANES];
            for (number, cluster) in self.clusters.iter().enumerate() {
                if cluster.weight == 0.0 {
                    continue;
                }
                let distances = mean_distances(self.tile, cluster);
                for lane in 0..LANES {
                    let is_own = self.own[at + lane] == number as u64;
                    let nearer = distances[lane] < other[lane];
                    own[lane] = if is_own { distances[lane] } else { own[lane] };
                    other[lane] = if nearer && !is_own {
                        distances[lane]
                    } else {
                        other[lane]
                    };
                }
            }
            self.apart.own[at..][..LANES].copy_from_slice(&own);
            self.apart.other[at..][..LANES].copy_from_slice(&other);
        }
    }
}

/// The mean squared distances from some rows to the rows of a cluster.
#[inline(always)]
fn mean_distances(x: &[[f64; LANES]], cluster: &Cluster) -> [f64; LANES] {
    let (mut squares, mut along) = ([0.0; LANES], [0.0; LANES]);
    for ((x, center), drift) in x.iter().zip(&cluster.center).zip(&cluster.drift) {
        for lane in 0..LANES {
            let difference = x[lane] - center;
            squares[lane] += difference * difference;
            along[lane] += difference * drift;
        }
    }
    let mut distances = [0.0; LANES];
    for lane in 0..LANES {
        let distance = squares[lane] - 2.0 * along[lane] + cluster.spread;
        // Rounding may make the result slightly negative.
        distances[lane] = if distance > 0.0 { distance } else { 0.0 };
    }
    distances
}
