//! One fit from rows to centers.

use thiserror::Error;

use crate::centers::CenterList;
use crate::distance::Points;
use crate::init::first_centers;
use crate::lloyd::{self, BlockCosine, BlockEuclidean, Ended, Loop, RowCosine, RowEuclidean};
use crate::params::{DistanceMeasure, Params, ParamsError, Solver};
use crate::predict::Nearest;
use crate::rows::{Partitions, RowForm, Rows};
use crate::stop::{Stop, Stopped};
use crate::summary::{Centers, Fit, FitSummary};
use crate::vectors::scale;

/// Why there is no fit.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum FitError {
    /// There is nothing to fit.
    #[error("no rows are left to fit")]
    NoRows,
    /// A NaN or an infinity among the rows: filter such rows out.
    #[error("row {row}, column {column} holds {value}, but k-means needs finite numbers")]
    NotFinite {
        /// The row, from 0.
        row: usize,
        /// The column, from 0.
        column: usize,
        /// What stands there.
        value: f64,
    },
    /// A row without a direction under the cosine distance: filter such rows out or use the Euclidean distance.
    #[error("row {row} is a zero vector, which has no cosine distance to anything")]
    ZeroVector {
        /// The row, from 0.
        row: usize,
    },
    /// A weight that is negative or not finite.
    #[error(
        "the weight of row {row} is {weight}, but weights are finite numbers that are not negative"
    )]
    Weight {
        /// The row, from 0.
        row: usize,
        /// Its weight.
        weight: f64,
    },
    /// Not one weight a row.
    #[error("{weights} weights were given for {rows} rows")]
    WeightCount {
        /// How many rows there are.
        rows: usize,
        /// How many weights there are.
        weights: usize,
    },
    /// Partitions that do not add up to the rows.
    #[error("the partitions hold {sum} rows in all, but there are {rows} rows")]
    PartitionSizes {
        /// How many rows there are.
        rows: usize,
        /// What the sizes add up to.
        sum: usize,
    },
    /// Numbers so large that their squares overflow: scale the features.
    #[error("the distances between the rows overflow: scale the features down")]
    Overflow,
    /// A parameter out of its range.
    #[error(transparent)]
    Params(#[from] ParamsError),
    /// The fit was told to end.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

/// Fits k-means to `rows` as Spark 3.5.5 does on an RDD cut as `partitions` says. With more than one start
/// ([`Params::n_init`]), the fit with the lowest training cost is kept; without iterations, that with the lowest cost.
///
/// `weights`, one a row, count in sums and costs of Lloyd's iterations, but neither in the initialisation nor in
/// [`FitSummary::sizes`].
///
/// # Errors
/// [`FitError`] for parameters out of range and for rows, weights or partitions that Spark would refuse as well; and
/// for numbers so large that nothing finite comes out.
pub fn fit(
    params: &Params,
    rows: &Rows,
    weights: Option<&[f64]>,
    partitions: &Partitions,
) -> Result<Fit, FitError> {
    fit_until(params, rows, weights, partitions, &Stop::default())
}

/// As [`fit`], but ends soon after the signal of `stop`.
///
/// # Errors
/// Those of [`fit`], and [`FitError::Stopped`].
pub fn fit_until(
    params: &Params,
    rows: &Rows,
    weights: Option<&[f64]>,
    partitions: &Partitions,
    stop: &Stop,
) -> Result<Fit, FitError> {
    params.validate()?;
    stop.check()?;
    check_rows(rows)?;
    check_weights(rows.len(), weights)?;
    let partitions = partitions
        .ranges(rows.len())
        .map_err(|sum| FitError::PartitionSizes {
            rows: rows.len(),
            sum,
        })?;
    let points = Points::new(rows.values(), rows.dimensions(), rows.len(), rows.form());
    if params.distance_measure == DistanceMeasure::Cosine
        && let Some(row) = points.norms().iter().position(|norm| *norm == 0.0)
    {
        return Err(FitError::ZeroVector { row });
    }

    let over = Loop {
        weights,
        partitions: &partitions,
        max_iter: params.max_iter,
        tol: params.tol,
        stop,
    };
    let first = |start: u32| first_centers(params, start, &points, &partitions, stop);
    let fit = |centers, over: &Loop<'_>| iterate(params, rows, &points, over, centers);
    if params.n_init == 1 {
        return fit(first(0)?, &over);
    }
    let one_pass = Loop {
        max_iter: 1,
        ..over
    };
    let from = |start: u32| {
        let centers = first(start)?;
        // The cost of a pass belongs to the centers it begins with.
        let told = match params.max_iter {
            0 => Some(fit(centers.clone(), &one_pass)?),
            _ => None,
        };
        let fit = fit(centers, &over)?;
        let cost = told.as_ref().unwrap_or(&fit).summary.training_cost;
        Ok::<_, FitError>((cost, fit))
    };
    let mut best = from(0)?;
    for start in 1..params.n_init {
        let other = from(start)?;
        if other.0 < best.0 {
            best = other;
        }
    }
    Ok(best.1)
}

/// Lloyd's iterations from these centers.
fn iterate(
    params: &Params,
    rows: &Rows,
    points: &Points<'_>,
    over: &Loop<'_>,
    mut centers: CenterList,
) -> Result<Fit, FitError> {
    let ended = match (params.distance_measure, uses_blocks(params.solver, rows)) {
        (DistanceMeasure::Euclidean, true) => {
            let mut scheme = BlockEuclidean::new(points);
            lloyd::run(&mut scheme, &mut centers, points, over)
        }
        (DistanceMeasure::Euclidean, false) => {
            lloyd::run(&mut RowEuclidean::default(), &mut centers, points, over)
        }
        (DistanceMeasure::Cosine, true) => {
            centers = centers.normalized();
            let unit = unit_rows(points);
            let unit = Points::new(&unit, points.dimensions(), points.len(), RowForm::Dense);
            lloyd::run(&mut BlockCosine, &mut centers, &unit, over)
        }
        (DistanceMeasure::Cosine, false) => {
            lloyd::run(&mut RowCosine::default(), &mut centers, points, over)
        }
    };
    finish(params.distance_measure, points, centers, &ended?, over.stop)
}

/// Counts the clusters with the final centers, as a saved model would.
fn finish(
    measure: DistanceMeasure,
    points: &Points<'_>,
    centers: CenterList,
    ended: &Ended,
    stop: &Stop,
) -> Result<Fit, FitError> {
    if !ended.cost.is_finite() || !centers.is_finite() {
        return Err(FitError::Overflow);
    }
    let nearest = Nearest::new(centers.saved(), measure);
    let mut sizes = vec![0; nearest.centers().len()];
    let work = sizes.len() * points.dimensions();
    for piece in stop.pieces(0..points.len(), work) {
        for row in piece? {
            sizes[nearest.to(points.get(row))] += 1;
        }
    }
    Ok(Fit {
        model: Centers {
            centers: nearest.centers().to_rows(),
            distance_measure: measure,
        },
        summary: FitSummary {
            rows: points.len() as u64,
            iterations: ended.iterations,
            training_cost: ended.cost,
            sizes,
            ..FitSummary::default()
        },
    })
}

fn check_rows(rows: &Rows) -> Result<(), FitError> {
    if rows.is_empty() {
        return Err(FitError::NoRows);
    }
    match rows.values().iter().position(|value| !value.is_finite()) {
        None => Ok(()),
        Some(at) => {
            let (row, column) = (at / rows.dimensions(), at % rows.dimensions());
            Err(FitError::NotFinite {
                row,
                column,
                value: rows.values()[at],
            })
        }
    }
}

fn check_weights(rows: usize, weights: Option<&[f64]>) -> Result<(), FitError> {
    let Some(weights) = weights else {
        return Ok(());
    };
    if weights.len() != rows {
        return Err(FitError::WeightCount {
            rows,
            weights: weights.len(),
        });
    }
    match weights
        .iter()
        .position(|weight| !weight.is_finite() || *weight < 0.0)
    {
        None => Ok(()),
        Some(row) => Err(FitError::Weight {
            row,
            weight: weights[row],
        }),
    }
}

/// Spark's guess at what is faster.
///
/// It means to take blocks where at least half of all entries are not zero, but instead of the non-zero entries of each
/// column, Spark 3.5 adds up the columns' *numbers* (its `KMeans.preferBlockSolver`). What is left is a comparison of
/// width and length, so nearly every fit takes rows, and where costs are compared bit for bit, it shows.
fn uses_blocks(solver: Solver, rows: &Rows) -> bool {
    match solver {
        Solver::Block => true,
        Solver::Row => false,
        Solver::Auto => rows.dimensions() > rows.len(),
    }
}

/// The rows at length 1.
fn unit_rows(points: &Points<'_>) -> Vec<f64> {
    let mut values = Vec::with_capacity(points.len() * points.dimensions());
    for row in 0..points.len() {
        let start = values.len();
        values.extend_from_slice(points.values(row));
        scale(&mut values[start..], 1.0 / points.norms()[row]);
    }
    values
}
