//! The fit of `gmm`, by linfa.

use gugus_kmeans::{Fit, Rows, Stop};
use linfa::DatasetBase;
use linfa::ParamGuard;
use linfa::traits::Fit as _;
use linfa_clustering::{
    GaussianMixtureModel, GmmCovarType, GmmError, GmmInitMethod, GmmParams as LinfaParams,
};
use ndarray::ArrayView2;
use rand_xoshiro::Xoshiro256Plus;
use rand_xoshiro::rand_core::SeedableRng;

use super::densities::Densities;
use super::{Covariance, Gaussian, GmmInit, GmmParams, Mixture};
use crate::fit::{
    FitError, MOST_STEPS, MOST_STEPS_AT_ONCE, alone, checked, finish, need_distinct, need_few_steps,
};

/// The most numbers in one table of a fit (rows by dimensions, or rows by Gaussians). About ten tables are alive at a time,
/// so this limit means two gigabytes.
const MOST_CELLS: usize = 25_000_000;

/// Fits a mixture of Gaussians by expectation and maximisation, and keeps the likeliest of `n_runs`.
///
/// # Errors
/// [`FitError::FewPoints`] for fewer distinct rows than `k`, [`FitError::Refused`] when no run ends well,
/// [`FitError::TooManyRows`] for what a fit cannot hold, and those of rows and parameters.
pub(super) fn fit(
    params: &GmmParams,
    rows: &Rows,
    stop: &Stop,
) -> Result<Fit<Mixture>, FitError> {
    params.validate()?;
    let most = MOST_CELLS / rows.dimensions().max(params.k).max(1);
    if rows.len() > most {
        return Err(FitError::TooManyRows {
            rows: rows.len(),
            most,
            algorithm: "gmm",
        });
    }
    let (width, k) = (rows.dimensions() as f64, params.k as f64);
    let rounds = f64::from(params.max_iter);
    let run = rows.len() as f64 * k * width * width * rounds;
    let runs = [run, f64::from(params.n_runs)];
    need_few_steps("gmm", &runs, MOST_STEPS, "lower max_iter, n_runs or k")?;
    let advice = "lower max_iter or k";
    need_few_steps("one run of gmm", &[run], MOST_STEPS_AT_ONCE, advice)?;
    let points = checked(rows)?;
    need_distinct(&points, params.k)?;
    let mut best: Option<(f64, Mixture)> = None;
    let mut first_error = None;
    for run in 0..params.n_runs {
        stop.check()?;
        let seed = params.seed.wrapping_add(i64::from(run));
        match one_run(params, seed, points.view()) {
            Ok((cost, mixture)) => {
                if best.as_ref().is_none_or(|(least, _)| cost < *least) {
                    best = Some((cost, mixture));
                }
            }
            Err(error) => {
                first_error.get_or_insert(error);
            }
        }
    }
    match (best, first_error) {
        (Some((cost, mixture)), _) => finish(mixture, rows, cost, stop),
        (None, Some(error)) => Err(error),
        // The validated parameters have at least one run.
        (None, None) => Err(not_converged(params)),
    }
}

/// A mixture, and the negative logarithm of the rows' likelihood under it.
fn one_run(
    params: &GmmParams,
    seed: i64,
    points: ArrayView2<'_, f64>,
) -> Result<(f64, Mixture), FitError> {
    let covariance = match params.covariance_type {
        Covariance::Full => GmmCovarType::Full,
    };
    let init = match params.init_mode {
        GmmInit::KMeans => GmmInitMethod::KMeans,
        GmmInit::Random => GmmInitMethod::Random,
    };
    let draws = Xoshiro256Plus::seed_from_u64(seed as u64);
    let model = LinfaParams::new_with_rng(params.k, draws)
        .covariance_type(covariance)
        .init_method(init)
        .max_n_iterations(u64::from(params.max_iter))
        .tolerance(params.tol)
        .reg_covariance(params.reg_covar)
        .n_runs(1)
        .check()
        .and_then(|fit| alone(|| fit.fit(&DatasetBase::from(points))))
        .map_err(|error| refused(&error, params))?;
    let mixture = mixture(&model);
    let densities = Densities::new(&mixture).map_err(|error| degenerate(&error.to_string()))?;
    let mut cost = 0.0;
    for row in points.rows() {
        cost -= densities.of(&row.to_vec()).1;
    }
    if !cost.is_finite() {
        return Err(degenerate("a row has no likelihood"));
    }
    Ok((cost, mixture))
}

fn mixture(model: &GaussianMixtureModel<f64>) -> Mixture {
    let parts = model.weights().iter().zip(model.means().rows());
    let gaussians = parts.zip(model.covariances().outer_iter());
    Mixture {
        gaussians: gaussians
            .map(|((weight, mean), covariance)| Gaussian {
                weight: *weight,
                mean: mean.to_vec(),
                covariance: covariance.iter().copied().collect(),
            })
            .collect(),
    }
}

/// Sorts linfa's errors by what the user can do.
fn refused(error: &GmmError, params: &GmmParams) -> FitError {
    match error {
        GmmError::NotConverged(_) => not_converged(params),
        GmmError::LinalgError(_) => degenerate("the covariances of a gaussian collapsed"),
        GmmError::EmptyCluster(_) => degenerate("a gaussian lost all its rows"),
        GmmError::LowerBoundError(_) | GmmError::MinMaxError(_) => {
            degenerate("a row is too far from all gaussians")
        }
        GmmError::InvalidValue(_) | GmmError::KMeansError(_) | GmmError::LinfaError(_) => {
            FitError::library(error)
        }
    }
}

fn not_converged(params: &GmmParams) -> FitError {
    FitError::Refused(format!(
        "gmm did not converge in max_iter = {} rounds: raise max_iter or tol, or lower k",
        params.max_iter
    ))
}

/// A Gaussian lost its points or its volume, or a point is too far from all.
fn degenerate(reason: &str) -> FitError {
    FitError::Refused(format!(
        "gmm has no answer for these rows ({reason}): lower k, raise reg_covar, or filter out rows far from all others"
    ))
}
