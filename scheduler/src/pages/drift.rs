//! How the clusters of a model moved over the last batches.

use std::sync::Arc;

use futures::StreamExt;
use gugus_models::{Extent, SavedModel};
use gugus_spec::BatchNumber;

use crate::stores::{Listing, ModelsView};

/// The batches that lines go over, the one of the model included.
const BATCHES: usize = 20;

/// Models of more numbers are not compared: reading twenty of them for a page would take long.
const NUMBERS: usize = 20_000;

/// The most numbers that are compared for one batch: a few milliseconds of a thread that answers others, too.
const COMPARED: usize = 1_000_000;

/// The models of the last batches, the oldest first. Each batch is fitted by itself, so clusters of two batches belong
/// together only by where their centers are.
#[derive(Default)]
pub(super) struct Drift(Vec<Step>);

/// The model of one batch.
struct Step {
    batch: BatchNumber,
    saved: Arc<SavedModel>,
    /// For each center of the model that is looked at, the nearest center here and its distance.
    nearest: Vec<Option<(usize, f64)>>,
}

impl Drift {
    pub(super) async fn of(
        view: &ModelsView,
        listing: &Listing,
        model: &str,
        extent: &Extent,
        saved: &SavedModel,
    ) -> Self {
        let own = saved.fitted.middles();
        let numbers = own.iter().map(Vec::len).sum::<usize>();
        let (Some(listed), Some(batch)) = (listing.named(model), extent.batch()) else {
            return Self::default();
        };
        if numbers > NUMBERS {
            return Self::default();
        }
        let end = listed.batches.partition_point(|other| *other <= batch);
        let begin = end.saturating_sub(BATCHES);
        let before = listed.batches.get(begin..end).unwrap_or_default().to_vec();
        let reads = before.into_iter().map(|number| async move {
            let read = view.read(model, &Extent::Batch(number)).await;
            Some((number, read.ok()??.ok()?))
        });
        let reads = reads.collect::<Vec<_>>();
        let read: Vec<_> = futures::stream::iter(reads)
            .buffered(8)
            .filter_map(|step| async { step })
            .collect()
            .await;
        let steps = read.into_iter().map(|(batch, saved)| {
            let theirs = saved.fitted.middles();
            let numbers = theirs.iter().map(Vec::len).sum::<usize>();
            let nearest = match numbers.saturating_mul(own.len()) <= COMPARED {
                true => own.iter().map(|center| nearest(center, &theirs)).collect(),
                false => Vec::new(),
            };
            Step {
                batch,
                saved,
                nearest,
            }
        });
        Self(steps.collect())
    }

    /// The batches, the oldest first.
    pub(super) fn batches(&self) -> Vec<u64> {
        self.0.iter().map(|step| step.batch.get()).collect()
    }

    /// The share of the rows that the nearest cluster has in each batch.
    pub(super) fn shares(&self, cluster: usize) -> Vec<Option<f64>> {
        let share = |step: &Step| {
            let (theirs, _) = (*step.nearest.get(cluster)?)?;
            let summary = &step.saved.about.as_ref()?.summary;
            let size = *summary.sizes.get(theirs)?;
            #[allow(clippy::cast_precision_loss)] // a share
            (summary.rows > 0).then(|| size as f64 / summary.rows as f64)
        };
        self.0.iter().map(share).collect()
    }

    /// How far the nearest center of each batch is.
    pub(super) fn distances(&self, cluster: usize) -> Vec<Option<f64>> {
        let distance = |step: &Step| (*step.nearest.get(cluster)?).map(|(_, distance)| distance);
        self.0.iter().map(distance).collect()
    }
}

/// The nearest of these centers, and its distance.
fn nearest(center: &[f64], others: &[Vec<f64>]) -> Option<(usize, f64)> {
    let distance = |other: &Vec<f64>| {
        let squares = center
            .iter()
            .zip(other)
            .map(|(one, other)| (one - other).powi(2));
        squares.sum::<f64>().sqrt()
    };
    let same = others
        .iter()
        .enumerate()
        .filter(|(_, other)| other.len() == center.len());
    same.map(|(at, other)| (at, distance(other)))
        .min_by(|one, other| one.1.total_cmp(&other.1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_center_of_the_same_width_counts() {
        let others = vec![vec![0.0], vec![3.0, 4.0], vec![0.0, 1.0]];
        assert_eq!(nearest(&[0.0, 0.0], &others), Some((2, 1.0)));
        assert_eq!(nearest(&[0.0, 0.0], &others[..1]), None);
    }
}
