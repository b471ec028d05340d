//! What k-means|| ends with, for who has drawn the candidates: fewer of them, as Spark would choose.

use crate::centers::CenterList;
use crate::distance::Point;
use crate::init::LOCAL_ROUNDS;
use crate::local::k_means_plus_plus;
use crate::rows::RowForm;
use crate::stop::{Stop, Stopped};

/// The candidates without those that repeat an earlier one bit for bit, in order.
#[must_use]
pub fn distinct(candidates: &[Vec<f64>]) -> Vec<Vec<f64>> {
    centers_of(candidates).distinct().to_rows()
}

/// At most `k` centers of more candidates, each of which counts by its weight: the local k-means++ of [`fit`](crate::fit()).
///
/// # Errors
/// [`Stopped`] after the signal of `stop`.
pub fn reduce(
    candidates: &[Vec<f64>],
    weights: &[f64],
    k: usize,
    stop: &Stop,
) -> Result<Vec<Vec<f64>>, Stopped> {
    let centers = k_means_plus_plus(&centers_of(candidates), weights, k, LOCAL_ROUNDS, stop)?;
    Ok(centers.to_rows())
}

fn centers_of(rows: &[Vec<f64>]) -> CenterList {
    let mut centers = CenterList::new(rows.first().map_or(0, Vec::len));
    for row in rows {
        centers.push(Point::new(row, RowForm::Dense));
    }
    centers
}
