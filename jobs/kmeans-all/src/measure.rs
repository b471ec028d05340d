//! What the distance decides beside the search, where points lie at length 1 under the cosine distance.

use gugus_kmeans::DistanceMeasure;
use gugus_kmeans::vectors::{norm, scale};

use crate::error::AllError;

/// A cost from a sum of squared distances: of points at length 1, one minus the cosine is half of it.
pub(crate) fn cost_of(measure: DistanceMeasure, squared: f64) -> f64 {
    match measure {
        DistanceMeasure::Euclidean => squared,
        DistanceMeasure::Cosine => squared / 2.0,
    }
}

/// Makes a center of a mean. A mean without a direction makes none where the measure asks for one: then the answer is `false`,
/// and the mean stays as it is.
pub(crate) fn settle(measure: DistanceMeasure, mean: &mut [f64]) -> bool {
    match measure {
        DistanceMeasure::Euclidean => true,
        DistanceMeasure::Cosine => {
            let norm = norm(mean);
            if norm > 0.0 {
                scale(mean, 1.0 / norm);
            }
            norm > 0.0
        }
    }
}

/// Refuses a cost that overflowed.
pub(crate) fn finite(cost: f64) -> Result<f64, AllError> {
    if cost.is_finite() {
        Ok(cost)
    } else {
        Err(AllError::Overflow)
    }
}
