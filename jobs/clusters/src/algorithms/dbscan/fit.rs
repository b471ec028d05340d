//! The fit of `dbscan`, by linfa.

use std::collections::HashSet;

use gugus_kmeans::{Fit, Rows, Stop};
use linfa::ParamGuard;
use linfa::traits::Transformer;
use linfa_clustering::Dbscan;
use linfa_nn::NearestNeighbour;
use linfa_nn::distance::L2Dist;
use ndarray::Array2;

use super::heeding::HeedingTree;
use super::{CorePoint, DbscanParams, HotSpots, MOST_ROWS};
use crate::fit::{FitError, MOST_STEPS, checked, finish, need_few_steps};

/// The most pairs of neighbours, each pair counted from both sides. Listing so many takes about half a minute.
const MOST_PAIRS: usize = 100_000_000;

/// The most core points of a model. A service holds many models, and so many core points take tens of megabytes.
const MOST_CORE_POINTS: usize = 200_000;

/// Finds the places where rows lie dense.
///
/// A row is a core point if at least `min_points` rows, itself included, are within `eps`, the rim included. Core points
/// within `eps` of each other belong to one cluster. Any other row belongs to the cluster of the nearest core point within
/// `eps`; without such a core point it is noise (Ester et al., *A Density-Based Algorithm for Discovering Clusters*, 1996).
/// Clusters are numbered in the order of their first core points among the rows.
///
/// If all rows are noise, the result is a model without clusters.
///
/// # Errors
/// [`FitError::TooManyRows`] and [`FitError::Refused`] for what a fit or a model cannot hold, and those of rows and
/// parameters.
pub(super) fn fit(
    params: &DbscanParams,
    rows: &Rows,
    stop: &Stop,
) -> Result<Fit<HotSpots>, FitError> {
    params.validate()?;
    let most = MOST_ROWS as usize;
    if rows.len() > most {
        return Err(FitError::TooManyRows {
            rows: rows.len(),
            most,
            algorithm: "dbscan",
        });
    }
    // At worst the tree rules nothing out, and each of the two searches compares all pairs of rows.
    let count = rows.len() as f64;
    let factors = [2.0, count, count, rows.dimensions() as f64];
    need_few_steps("dbscan", &factors, MOST_STEPS, "use fewer features")?;
    let points = checked(rows)?;
    let tree = HeedingTree::new(stop);
    let is_core = core_points(params, &points, &tree, MOST_PAIRS)?;
    let labels = Dbscan::params_with(params.min_points, L2Dist, tree)
        .tolerance(params.eps)
        .check()
        .map_err(|error| FitError::library(&error))?
        .transform(&points);
    // After the signal, labels are missing.
    stop.check()?;

    let mut places = HashSet::new();
    let mut core_points = Vec::new();
    let mut clusters = 0;
    for ((row, label), is_core) in points.rows().into_iter().zip(&labels).zip(is_core) {
        let Some(cluster) = label.filter(|_| is_core) else {
            continue;
        };
        clusters = clusters.max(cluster + 1);
        // Rows at the same place are neighbours, so they belong to one cluster.
        if places.insert(row.iter().map(|x| x.to_bits()).collect::<Vec<_>>()) {
            core_points.push(CorePoint {
                cluster,
                at: row.to_vec(),
            });
        }
    }
    if core_points.len() > MOST_CORE_POINTS {
        return Err(FitError::Refused(format!(
            "there are {} core points, more than the {MOST_CORE_POINTS} that a model keeps: raise min_points, or fit smaller batches",
            core_points.len()
        )));
    }
    let fitted = HotSpots {
        dimensions: points.ncols(),
        eps: params.eps,
        clusters,
        core_points,
    };
    finish(fitted, rows, 0.0, stop)
}

/// Finds the core points, because linfa does not name them. The tree and the distance are linfa's, so that both count
/// alike. This runs before linfa's fit, so that linfa never starts a fit that would not end.
fn core_points(
    params: &DbscanParams,
    points: &Array2<f64>,
    tree: &HeedingTree,
    most: usize,
) -> Result<Vec<bool>, FitError> {
    let index = tree
        .from_batch(points, L2Dist)
        .map_err(|error| FitError::library(&error))?;
    let mut pairs = 0_usize;
    let mut found = Vec::with_capacity(points.nrows());
    for row in points.rows() {
        tree.stop().check()?;
        let neighbours = index
            .within_range(row, params.eps)
            .map_err(|error| FitError::library(&error))?
            .len();
        pairs += neighbours;
        if pairs > most {
            return Err(FitError::Refused(format!(
                "more than {most} pairs of rows are within eps = {} of each other: lower eps, or fit smaller batches",
                params.eps
            )));
        }
        found.push(neighbours >= params.min_points);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fit_that_would_not_end_is_refused() {
        let points = Array2::zeros((20, 2));
        let params = DbscanParams {
            eps: 1.0,
            min_points: 2,
        };
        let stop = Stop::default();
        let tree = HeedingTree::new(&stop);
        let core_points = |most| core_points(&params, &points, &tree, most);
        assert_eq!(core_points(400).unwrap(), vec![true; 20]);
        let error = core_points(399).unwrap_err();
        assert_eq!(
            error.to_string(),
            "more than 399 pairs of rows are within eps = 1 of each other: lower eps, or fit smaller batches"
        );
        stop.now();
        assert!(core_points(400).unwrap_err().is_stopped());
    }
}
