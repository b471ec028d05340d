//! The last part of one of Lloyd's iterations: moving the centers, after the rows of each center were added up.
//!
//! A mean is the exact sum divided by the exact weight, rounded once.

use gugus_kmeans::DistanceMeasure;
use gugus_kmeans::vectors::{dot, squared_distance};

use crate::error::AllError;
use crate::fixed_point::{Grid, quotient};
use crate::means::Means;
use crate::measure::{finite, settle};

/// The result of an iteration.
pub(crate) struct Moved {
    pub(crate) centers: Vec<Vec<f64>>,
    /// The squared distance that the center which moved farthest has moved.
    pub(crate) farthest: f64,
    /// The cost of the rows with the centers before the move, as a sum of squared distances.
    pub(crate) cost: f64,
}

/// Moves each center to the mean of its rows. A center without weight stays where it is.
pub(crate) fn move_centers(
    centers: &[Vec<f64>],
    means: &Means,
    measure: DistanceMeasure,
) -> Result<Moved, AllError> {
    let mut moved = centers.to_vec();
    let mut farthest = 0.0_f64;
    let mut saved = 0.0;
    for (j, center) in moved.iter_mut().enumerate() {
        let Some(share) = means.share(j) else {
            continue;
        };
        saved += 2.0 * dot(center, &share.totals()) - share.weight() * dot(center, center);
        let mut mean = share.mean();
        if settle(measure, &mut mean) {
            farthest = farthest.max(squared_distance(center, &mean));
            *center = mean;
        }
    }
    let squares = quotient(means.squares, 1, Grid::new(means.scale.squares).unit());
    Ok(Moved {
        centers: moved,
        farthest,
        cost: finite(squares - saved)?.max(0.0),
    })
}
