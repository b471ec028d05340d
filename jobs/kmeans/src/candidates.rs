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
#[must_use]
pub fn reduce(candidates: &[Vec<f64>], weights: &[f64], k: usize) -> Vec<Vec<f64>> {
    // Nobody gives this signal.
    let never = Stop::default();
    match k_means_plus_plus(&centers_of(candidates), weights, k, LOCAL_ROUNDS, &never) {
        Ok(centers) => centers.to_rows(),
        Err(Stopped) => Vec::new(),
    }
}

fn centers_of(rows: &[Vec<f64>]) -> CenterList {
    let mut centers = CenterList::new(rows.first().map_or(0, Vec::len));
    for row in rows {
        centers.push(Point::new(row, RowForm::Dense));
    }
    centers
}
