//! What the fits share: errors, checks of rows, and figures about a model.

use std::collections::HashSet;

use gugus_kmeans::{Fit, FitSummary, PredictError, Rows, Stop, Stopped};
use ndarray::Array2;
use thiserror::Error;

use crate::model::{FittedError, Model};
use crate::params::ParamsError;

/// Numbers beyond this are refused: their squares, or sums of them, overflow.
const GREATEST: f64 = 1e150;

/// Why there is no fit.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum FitError {
    /// There is nothing to fit.
    #[error("no rows are left to fit")]
    NoRows,
    /// A NaN or an infinity among the rows: filter such rows out.
    #[error("row {row}, column {column} holds {value}, but a fit needs finite numbers")]
    NotFinite {
        /// The row, from 0.
        row: usize,
        /// The column, from 0.
        column: usize,
        /// What stands there.
        value: f64,
    },
    /// Numbers so large that their squares overflow: scale the features.
    #[error("the distances between the rows overflow: scale the features down")]
    Overflow,
    /// A parameter out of its range.
    #[error(transparent)]
    Params(#[from] ParamsError),
    /// `kmeans` has no answer.
    #[error(transparent)]
    KMeans(#[from] gugus_kmeans::FitError),
    /// Fewer distinct rows than clusters are asked for.
    #[error(
        "there are {distinct} distinct rows, but k asks for {k} clusters: lower k, or fit more rows"
    )]
    FewPoints {
        /// The distinct rows there are.
        distinct: usize,
        /// The clusters asked for.
        k: usize,
    },
    /// The model of the previous batch, or the result, is incomplete.
    #[error("the model is incomplete: {0}")]
    Fitted(#[from] FittedError),
    /// More rows than a fit of this kind can hold.
    #[error("{rows} rows are more than the {most} that {algorithm} takes: fit smaller batches")]
    TooManyRows {
        /// The rows given.
        rows: usize,
        /// The most there may be.
        most: usize,
        /// Which algorithm it is, as the job file has it.
        algorithm: &'static str,
    },
    /// The algorithm has no answer for these rows; the sentence says which parameter to change.
    #[error("{0}")]
    Refused(String),
    /// The fit was told to end.
    #[error(transparent)]
    Stopped(#[from] Stopped),
    /// linfa refused for another reason.
    #[error("linfa cannot fit these rows: {reason}")]
    Library {
        /// The reason that linfa gives.
        reason: String,
    },
}

impl FitError {
    /// The column that holds a NaN or an infinity, where that is what is wrong.
    #[must_use]
    pub fn not_finite_column(&self) -> Option<usize> {
        match self {
            Self::NotFinite { column, .. }
            | Self::KMeans(gugus_kmeans::FitError::NotFinite { column, .. }) => Some(*column),
            _ => None,
        }
    }

    /// Whether the fit ended because it was told to.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        matches!(
            self,
            Self::Stopped(_) | Self::KMeans(gugus_kmeans::FitError::Stopped(_))
        )
    }

    pub(crate) fn library(error: &impl ToString) -> Self {
        Self::Library {
            reason: error.to_string(),
        }
    }
}

/// Keeps a fit on the calling thread. linfa would hand parts of it to a pool of all cores, which costs more than it saves
/// when many small fits run side by side.
///
/// The first call makes the thread the only member of a rayon pool. It stays so as long as it lives, because rayon can
/// neither take a thread out of such a pool nor end the pool. A thread that is in another pool stays there.
pub(crate) fn alone<T>(fit: impl FnOnce() -> T) -> T {
    thread_local! {
        static POOL: () = {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread();
            if let Ok(pool) = pool.build() {
                std::mem::forget(pool);
            }
        };
    }
    POOL.with(|()| fit())
}

/// Checks that the rows are finite and not too large, and gives them in linfa's form.
pub(crate) fn checked(rows: &Rows) -> Result<Array2<f64>, FitError> {
    if rows.is_empty() {
        return Err(FitError::NoRows);
    }
    let mut values = Vec::with_capacity(rows.len().saturating_mul(rows.dimensions()));
    for row in 0..rows.len() {
        for (column, value) in rows.row(row).iter().enumerate() {
            if !value.is_finite() {
                return Err(FitError::NotFinite {
                    row,
                    column,
                    value: *value,
                });
            }
            if value.abs() > GREATEST {
                return Err(FitError::Overflow);
            }
            // A negative zero equals zero, but would count as another point.
            values.push(value + 0.0);
        }
    }
    Array2::from_shape_vec((rows.len(), rows.dimensions()), values)
        .map_err(|error| FitError::library(&error))
}

/// Refuses fewer distinct rows than `k`.
pub(crate) fn need_distinct(points: &Array2<f64>, k: usize) -> Result<(), FitError> {
    let mut distinct = HashSet::new();
    for row in points.rows() {
        distinct.insert(row.iter().map(|x| x.to_bits()).collect::<Vec<_>>());
        if distinct.len() >= k {
            return Ok(());
        }
    }
    Err(FitError::FewPoints {
        distinct: distinct.len(),
        k,
    })
}

/// The most steps that a fit may take: a day and a bit, if a machine does a billion of them a second (an estimate).
pub(crate) const MOST_STEPS: f64 = 1e14;

/// The most steps that one call of linfa may take: a quarter of an hour, by the same estimate. Nothing interrupts such a
/// call.
pub(crate) const MOST_STEPS_AT_ONCE: f64 = 1e12;

/// Refuses a fit of more than `most` steps. The steps are the product of `factors`.
pub(crate) fn need_few_steps(
    algorithm: &str,
    factors: &[f64],
    most: f64,
    advice: &str,
) -> Result<(), FitError> {
    let steps: f64 = factors.iter().product();
    if steps <= most {
        return Ok(());
    }
    Err(FitError::Refused(format!(
        "{algorithm} may take {steps:.1e} steps, and the most is {most:.0e}: {advice}, or fit smaller batches"
    )))
}

/// Counts the rows of each cluster by predicting them with the model.
pub(crate) fn finish<M: Model + Clone>(
    model: M,
    rows: &Rows,
    cost: f64,
    stop: &Stop,
) -> Result<Fit<M>, FitError> {
    let predictor = model.clone().into_predictor()?;
    let mut sizes = vec![0; model.clusters()];
    let mut noise = 0;
    for row in 0..rows.len() {
        stop.check()?;
        let prediction = predictor
            .predict(rows.row(row))
            .map_err(|error: PredictError| FitError::library(&error))?;
        match prediction.cluster() {
            Some(cluster) => sizes[cluster] += 1,
            None => noise += 1,
        }
    }
    if !cost.is_finite() {
        return Err(FitError::Overflow);
    }
    let summary = FitSummary {
        rows: rows.len() as u64,
        training_cost: cost,
        sizes,
        noise,
        ..FitSummary::default()
    };
    Ok(Fit { model, summary })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fit_keeps_to_its_thread() {
        for _ in 0..2 {
            let threads = std::thread::spawn(|| {
                alone(|| ());
                alone(rayon::current_num_threads)
            });
            assert_eq!(threads.join().unwrap(), 1);
        }
        let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build();
        let threads = pool.unwrap().install(|| alone(rayon::current_num_threads));
        assert_eq!(threads, 3, "a thread of a pool stays in its pool");
    }
}
