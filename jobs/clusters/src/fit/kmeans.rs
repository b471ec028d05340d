//! `kmeans`: Spark's, by `gugus-kmeans`.

use gugus_kmeans::{Params, Partitions, Rows};

use super::FitError;
use crate::fitted::{Centers, Fit, Fitted};

/// Fits k-means as Spark does, on one partition.
///
/// # Errors
/// [`FitError::KMeans`] for rows, weights and parameters that allow no fit.
pub fn kmeans(params: &Params, rows: &Rows, weights: Option<&[f64]>) -> Result<Fit, FitError> {
    let fit = gugus_kmeans::fit(params, rows, weights, &Partitions::one())?;
    Ok(Fit {
        model: Fitted::Centers(Centers {
            centers: fit.centers,
            distance_measure: params.distance_measure,
        }),
        summary: fit.summary,
    })
}
