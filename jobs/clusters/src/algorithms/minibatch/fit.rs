//! The fit of `minibatch`, by linfa.

use gugus_kmeans::{Fit, Rows, Stop};
use linfa::DatasetBase;
use linfa::ParamGuard;
use linfa::traits::FitWith;
use linfa_clustering::{IncrKMeansError, KMeans, KMeansInit};
use linfa_nn::distance::L2Dist;
use ndarray::Array2;
use rand_xoshiro::Xoshiro256Plus;
use rand_xoshiro::rand_core::SeedableRng;
use serde_json::json;

use super::{MiniBatch, MiniBatchInit, MiniBatchParams};
use crate::fit::{
    FitError, MOST_STEPS_AT_ONCE, alone, checked, finish, need_distinct, need_few_steps,
};
use crate::model::Model as _;

type Model = KMeans<f64, L2Dist>;

/// Moves the centers of the previous batch on by one batch, or finds first centers if there is no previous batch.
///
/// Each row moves its nearest center by `1 / n` of the way, `n` being the rows that have moved that center so far, this
/// one included (Sculley, *Web-Scale K-Means Clustering*, 2010). So a center is the mean of all rows that were ever
/// nearest to it, and one that no row is nearest to stays.
///
/// # Errors
/// [`FitError::FewPoints`] for a first batch of fewer distinct rows than `k`, [`FitError::Refused`] for a model that does
/// not fit the parameters, and those of rows and parameters.
pub(super) fn fit(
    params: &MiniBatchParams,
    carried: Option<&MiniBatch>,
    rows: &Rows,
    stop: &Stop,
) -> Result<Fit<MiniBatch>, FitError> {
    params.validate()?;
    let (width, k) = (rows.dimensions() as f64, params.k as f64);
    let factors = [rows.len() as f64, k, width, f64::from(params.n_runs)];
    let advice = "lower n_runs or k";
    need_few_steps("minibatch", &factors, MOST_STEPS_AT_ONCE, advice)?;
    let points = checked(rows)?;
    let carried = match carried {
        Some(model) => Some(rebuilt(model, params.k, points.ncols())?),
        None => {
            need_distinct(&points, params.k)?;
            None
        }
    };
    let init = match params.init_mode {
        MiniBatchInit::PlusPlus => KMeansInit::KMeansPlusPlus,
        MiniBatchInit::Random => KMeansInit::Random,
    };
    let draws = Xoshiro256Plus::seed_from_u64(params.seed as u64);
    let step = KMeans::params_with_rng(params.k, draws)
        .init_method(init)
        .n_runs(params.n_runs as usize)
        // The tolerance only decides in which variant linfa returns the model.
        .tolerance(f64::MIN_POSITIVE)
        .check()
        .map_err(|error| FitError::library(&error))?;
    let count = points.nrows() as f64;
    stop.check()?;
    // Boxed, because linfa returns a model of one step as an "error" that holds the model.
    let fitted = alone(|| {
        let points = DatasetBase::from(points);
        step.fit_with(carried, &points).map_err(Box::new)
    });
    let model: Model = match fitted.map_err(|unfinished| *unfinished) {
        Ok(model) | Err(IncrKMeansError::NotConverged(model)) => model,
        Err(IncrKMeansError::InvalidParams(error)) => return Err(FitError::library(&error)),
        Err(IncrKMeansError::LinfaError(error)) => return Err(FitError::library(&error)),
    };
    let fitted = MiniBatch {
        centers: rows_of(model.centroids()),
        counts: model.cluster_count().iter().map(|n| *n as u64).collect(),
    };
    finish(fitted, rows, model.inertia() * count, stop)
}

fn rows_of(matrix: &Array2<f64>) -> Vec<Vec<f64>> {
    matrix.rows().into_iter().map(|row| row.to_vec()).collect()
}

/// Makes linfa's model from ours. Its fields are private, and deserialising is the only way to set them. No number passes
/// through text.
fn rebuilt(model: &MiniBatch, k: usize, width: usize) -> Result<Model, FitError> {
    model.clone().into_predictor()?;
    let (clusters, dimensions) = (model.clusters(), model.dimensions());
    if (clusters, dimensions) != (k, width) {
        return Err(FitError::Refused(format!(
            "the model carried over has {clusters} centers of {dimensions} numbers, but k is {k} and rows have {width}: train from the first batch on"
        )));
    }
    let centers: Vec<f64> = model.centers.iter().flatten().copied().collect();
    let counts: Vec<f64> = model.counts.iter().map(|n| *n as f64).collect();
    serde_json::from_value(json!({
        "centroids": { "v": 1, "dim": [k, width], "data": centers },
        "cluster_count": { "v": 1, "dim": [k], "data": counts },
        "inertia": 0.0,
        "dist_fn": null,
    }))
    .map_err(|error| FitError::library(&error))
}
