//! What depends on the distance measure, except the search. Under the cosine distance points have length 1.

use gugus_kmeans::DistanceMeasure;
use gugus_kmeans::vectors::{norm, scale};

use crate::error::AllError;

/// A cost from a sum of squared distances. Between points of length 1, the cosine distance is half the squared
/// distance.
pub(crate) fn cost_of(measure: DistanceMeasure, squared: f64) -> f64 {
    match measure {
        DistanceMeasure::Euclidean => squared,
        DistanceMeasure::Cosine => squared / 2.0,
    }
}

/// Turns a mean into a center. The cosine distance needs a direction. If the mean has no direction, the answer is
/// `false` and the mean stays as it is.
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
