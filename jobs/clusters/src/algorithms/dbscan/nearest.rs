//! Finds the nearest core point within reach without looking at all core points.

use gugus_kmeans::PredictError;

use super::{CorePoint, HotSpots};
use crate::predict::{Explained, Predict, Prediction, number};

/// Core points in the order of the dimension in which they are spread widest. A core point that is too far away in this
/// dimension alone is too far away.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Spots {
    dimension: usize,
    /// Square of the reach, as linfa compares it.
    reach: f64,
    points: Vec<CorePoint>,
}

impl Spots {
    /// Sorts core points that were checked.
    pub(super) fn new(spots: HotSpots) -> Self {
        let HotSpots {
            dimensions,
            eps,
            core_points: mut points,
            ..
        } = spots;
        let spread = |dimension: usize| {
            let values = points.iter().map(|point| point.at[dimension]);
            let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| {
                (low.min(x), high.max(x))
            });
            high - low
        };
        let widest = (0..dimensions).max_by(|a, b| spread(*a).total_cmp(&spread(*b)));
        let dimension = widest.unwrap_or(0);
        points.sort_by(|a, b| a.at[dimension].total_cmp(&b.at[dimension]));
        Self {
            dimension,
            reach: eps * eps,
            points,
        }
    }

    /// The cluster of the nearest core point within reach, the lowest number if several are equally near.
    fn nearest(&self, point: &[f64]) -> Option<usize> {
        let x = point[self.dimension];
        let from = self.points.partition_point(|p| p.at[self.dimension] < x);
        let mut best: Option<(f64, usize)> = None;
        let mut compare = |candidate: &CorePoint| {
            // This is one term of the sum of squares, and rounding cannot make the sum smaller than a term.
            let alone = candidate.at[self.dimension] - x;
            if alone * alone > best.map_or(self.reach, |(cost, _)| cost) {
                return false;
            }
            let cost = squared_distance(&candidate.at, point);
            let found = (cost, candidate.cluster);
            if cost <= self.reach && best.is_none_or(|best| found < best) {
                best = Some(found);
            }
            true
        };
        let (before, after) = self.points.split_at(from);
        let _ = after.iter().all(&mut compare);
        let _ = before.iter().rev().all(&mut compare);
        best.map(|(_, cluster)| cluster)
    }
}

impl Predict for Spots {
    fn predict(&self, point: &[f64]) -> Result<Prediction, PredictError> {
        let nearest = self.nearest(point);
        Ok(nearest.map_or(Prediction::Noise, Prediction::Cluster))
    }

    /// This looks at all core points, because the runner-up may be out of reach.
    fn explain(&self, point: &[f64]) -> Result<Explained, PredictError> {
        let cluster = self.nearest(point);
        let near = self.points.iter().map(|candidate| {
            let cost = squared_distance(&candidate.at, point);
            (cost, candidate.cluster)
        });
        let smallest = |one: &(f64, usize), other: &(f64, usize)| {
            one.0.total_cmp(&other.0).then(one.1.cmp(&other.1))
        };
        let of_cluster = near.clone().filter(|(_, of)| cluster.is_none_or(|own| own == *of));
        let first = of_cluster.min_by(smallest);
        let others = near.filter(|(_, of)| cluster != Some(*of));
        let second = others.min_by(smallest);
        Ok(Explained {
            distance: first.map_or(f64::INFINITY, |(cost, _)| cost.sqrt()),
            second: second.map(|(cost, of)| (number(of), cost.sqrt())),
        })
    }
}

/// Added up in the order of dimensions, as linfa does.
fn squared_distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter()
        .zip(b)
        .fold(0.0, |sum, (a, b)| sum + (a - b) * (a - b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn spots(points: &[(usize, [f64; 2])], eps: f64) -> Spots {
        let core_points = points.iter().map(|(cluster, at)| CorePoint {
            cluster: *cluster,
            at: at.to_vec(),
        });
        Spots::new(HotSpots {
            dimensions: 2,
            eps,
            clusters: 9,
            core_points: core_points.collect(),
        })
    }

    #[test]
    fn the_rim_belongs_to_the_cluster() {
        let spots = spots(&[(1, [0.0, 0.0]), (0, [10.0, 0.0])], 5.0);
        assert_eq!(spots.nearest(&[3.0, 4.0]), Some(1));
        assert_eq!(spots.nearest(&[3.0, 4.0000001]), None);
        assert_eq!(spots.nearest(&[5.0, 0.0]), Some(0), "the lowest of equals");
        assert_eq!(spots.nearest(&[f64::MAX, 0.0]), None);
    }

    proptest! {
        #[test]
        fn the_search_finds_what_a_scan_of_all_core_points_finds(
            points in prop::collection::vec((0_usize..4, [-8_i32..8, -8..8]), 0..40),
            asked in [-9_i32..9, -9..9],
            eps in 1_u32..6,
        ) {
            let points: Vec<_> = points.iter().map(|(c, at)| (*c, at.map(f64::from))).collect();
            let asked = asked.map(f64::from);
            let eps = f64::from(eps);
            let all = points.iter().map(|(cluster, at)| (squared_distance(at, &asked), *cluster));
            let nearest = all.filter(|(cost, _)| *cost <= eps * eps).min_by(|a, b| a.partial_cmp(b).unwrap());
            prop_assert_eq!(spots(&points, eps).nearest(&asked), nearest.map(|(_, cluster)| cluster));
        }
    }
}
