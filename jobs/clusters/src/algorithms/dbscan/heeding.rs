//! Lets linfa's DBSCAN end early: after the signal, its search finds no neighbours.

use gugus_kmeans::Stop;
use linfa::Float;
use linfa_nn::distance::Distance;
use linfa_nn::{
    BuildError, CommonNearestNeighbour, NearestNeighbour, NearestNeighbourIndex, NnError,
};
use ndarray::{ArrayBase, ArrayView1, Data, Ix2};

type Index<'a, F> = Box<dyn 'a + Send + Sync + NearestNeighbourIndex<F>>;
type Found<'a, F> = Result<Vec<(ArrayView1<'a, F>, usize)>, NnError>;

/// linfa's tree, which looks at a signal before each search. Until the signal, its answers are those of linfa.
#[derive(Clone, Debug)]
pub(super) struct HeedingTree {
    stop: Stop,
}

impl HeedingTree {
    pub(super) fn new(stop: &Stop) -> Self {
        Self { stop: stop.clone() }
    }

    pub(super) fn stop(&self) -> &Stop {
        &self.stop
    }
}

impl NearestNeighbour for HeedingTree {
    fn from_batch_with_leaf_size<'a, F: Float, DT: Data<Elem = F>, D: 'a + Distance<F>>(
        &self,
        batch: &'a ArrayBase<DT, Ix2>,
        leaf_size: usize,
        dist_fn: D,
    ) -> Result<Index<'a, F>, BuildError> {
        let tree = CommonNearestNeighbour::KdTree;
        Ok(Box::new(HeedingIndex {
            tree: tree.from_batch_with_leaf_size(batch, leaf_size, dist_fn)?,
            stop: self.stop.clone(),
        }))
    }
}

struct HeedingIndex<'a, F: Float> {
    tree: Index<'a, F>,
    stop: Stop,
}

impl<F: Float> NearestNeighbourIndex<F> for HeedingIndex<'_, F> {
    fn k_nearest(&self, point: ArrayView1<'_, F>, k: usize) -> Found<'_, F> {
        if self.stop.is_set() {
            return Ok(Vec::new());
        }
        self.tree.k_nearest(point, k)
    }

    fn within_range(&self, point: ArrayView1<'_, F>, range: F) -> Found<'_, F> {
        if self.stop.is_set() {
            return Ok(Vec::new());
        }
        self.tree.within_range(point, range)
    }
}

#[cfg(test)]
mod tests {
    use linfa_nn::distance::L2Dist;
    use ndarray::Array2;

    use super::*;

    #[test]
    fn after_the_signal_nothing_is_found() {
        let points = Array2::<f64>::zeros((3, 2));
        let stop = Stop::default();
        let index = HeedingTree::new(&stop).from_batch(&points, L2Dist).unwrap();
        let found = || index.within_range(points.row(0), 1.0).unwrap().len();
        assert_eq!(found(), 3);
        stop.now();
        assert_eq!(found(), 0);
    }
}
