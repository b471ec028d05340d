//! Lloyd's iterations: the loop that both of Spark's solvers share.
//!
//! Invariant: within a partition, sums run in row order; partitions are added up in order. So the bits of a fit depend
//! on its rows and their order and on nothing else.

mod block;
mod row;

use std::ops::Range;

pub(crate) use block::{BlockCosine, BlockEuclidean};
pub(crate) use row::{RowCosine, RowEuclidean};

use crate::centers::CenterList;
use crate::distance::{Point, Points};
use crate::stop::{Stop, Stopped};
use crate::vectors::{add_scaled, scale};

/// What the solvers and measures do differently within the loop.
pub(crate) trait Scheme {
    /// Looks at the centers of the pass to come.
    fn begin(&mut self, centers: &CenterList);
    /// The center a row joins and what that costs.
    fn nearest(&self, centers: &CenterList, points: &Points<'_>, row: usize) -> (usize, f64);
    /// The factor at which a row of this weight enters its cluster's sum.
    fn share(&self, points: &Points<'_>, row: usize, weight: f64) -> f64;
    /// Makes a center of a cluster's mean and gives the norm it is used with.
    fn settle(&self, mean: &mut [f64]) -> f64;
    /// Whether a center moved farther than `tol`.
    fn moved(&self, old: Point<'_>, new: Point<'_>, tol: f64) -> bool;
}

/// How the loop ended.
pub(crate) struct Ended {
    /// Passes over the rows.
    pub(crate) iterations: u32,
    /// What the last pass cost, with the centers it began with.
    pub(crate) cost: f64,
}

/// What the loop goes over, and when it ends.
pub(crate) struct Loop<'a> {
    /// One weight per row.
    pub(crate) weights: Option<&'a [f64]>,
    pub(crate) partitions: &'a [Range<usize>],
    pub(crate) max_iter: u32,
    pub(crate) tol: f64,
    /// Ends the loop early.
    pub(crate) stop: &'a Stop,
}

/// Moves `centers` until none moves farther than `tol` or `max_iter` passes are over. A cluster without rows keeps its
/// center.
///
/// # Errors
/// [`Stopped`] after the signal of `over`.
pub(crate) fn run(
    scheme: &mut impl Scheme,
    centers: &mut CenterList,
    points: &Points<'_>,
    over: &Loop<'_>,
) -> Result<Ended, Stopped> {
    let Loop {
        weights,
        partitions,
        max_iter,
        tol,
        stop,
    } = *over;
    let dimensions = points.dimensions();
    let mut total = Sums::new(centers.len(), dimensions);
    let mut part = Sums::new(centers.len(), dimensions);
    let mut ended = Ended {
        iterations: 0,
        cost: 0.0,
    };
    let work = centers.len() * dimensions;
    let mut converged = false;
    while ended.iterations < max_iter && !converged {
        scheme.begin(centers);
        total.clear();
        for partition in partitions {
            part.clear();
            for piece in stop.pieces(partition.clone(), work) {
                for row in piece? {
                    let weight = weights.map_or(1.0, |weights| weights[row]);
                    // A row of no weight would turn the cost into NaN where its distance overflows.
                    if weight > 0.0 {
                        let (nearest, cost) = scheme.nearest(centers, points, row);
                        part.cost += weight * cost;
                        part.weights[nearest] += weight;
                        let sum = &mut part.values[nearest * dimensions..][..dimensions];
                        add_scaled(sum, scheme.share(points, row, weight), points.values(row));
                    }
                }
            }
            total.add(&part);
        }
        converged = true;
        for j in 0..centers.len() {
            if total.weights[j] > 0.0 {
                let mean = &mut total.values[j * dimensions..][..dimensions];
                scale(mean, 1.0 / total.weights[j]);
                let norm = scheme.settle(mean);
                let center = Point {
                    values: mean,
                    norm,
                    sparse: false,
                };
                converged = converged && !scheme.moved(centers.get(j), center, tol);
                centers.set(j, center);
            }
        }
        ended.cost = total.cost;
        ended.iterations += 1;
    }
    Ok(ended)
}

/// What a pass adds up: for each cluster the sum of its rows and their weight, for all the cost.
struct Sums {
    values: Vec<f64>,
    weights: Vec<f64>,
    cost: f64,
}

impl Sums {
    fn new(clusters: usize, dimensions: usize) -> Self {
        Self {
            values: vec![0.0; clusters * dimensions],
            weights: vec![0.0; clusters],
            cost: 0.0,
        }
    }

    fn clear(&mut self) {
        self.values.fill(0.0);
        self.weights.fill(0.0);
        self.cost = 0.0;
    }

    fn add(&mut self, part: &Self) {
        for (sum, part) in self.values.iter_mut().zip(&part.values) {
            *sum += part;
        }
        for (sum, part) in self.weights.iter_mut().zip(&part.weights) {
            *sum += part;
        }
        self.cost += part.cost;
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use proptest::prelude::*;

    use super::*;
    use crate::rows::RowForm;

    type Grid = Vec<[f64; 2]>;

    /// Whole numbers, whose sums and squares are exact in any order.
    fn grid(len: Range<usize>) -> impl Strategy<Value = Grid> {
        prop::collection::vec(
            [-5_i8..=5, -5..=5].prop_map(|point| point.map(f64::from)),
            len,
        )
    }

    fn pass(
        centers: &Grid,
        points: &Grid,
        weights: &[f64],
        cut: usize,
        solver: usize,
    ) -> (CenterList, f64) {
        let mut moved = CenterList::new(2);
        for center in centers {
            moved.push(crate::distance::Point::new(center, RowForm::Dense));
        }
        let points = Points::new(points.as_flattened(), 2, points.len(), RowForm::Dense);
        let partitions = [0..cut, cut..points.len()];
        let over = Loop {
            weights: Some(weights),
            partitions: &partitions,
            max_iter: 1,
            tol: 0.0,
            stop: &Stop::default(),
        };
        let ended = if solver == 0 {
            let mut scheme = BlockEuclidean::new(&points);
            run(&mut scheme, &mut moved, &points, &over)
        } else {
            run(&mut RowEuclidean::default(), &mut moved, &points, &over)
        };
        let ended = ended.unwrap();
        assert_eq!(ended.iterations, 1);
        (moved, ended.cost)
    }

    proptest! {
        #[test]
        fn neither_the_order_of_rows_nor_their_cut_nor_the_solver_changes_a_pass(
            centers in grid(1..6),
            (rows, shuffled) in grid(1..40).prop_flat_map(|points| {
                let rows: Vec<_> = points.into_iter().enumerate().collect();
                (Just(rows.clone()), Just(rows).prop_shuffle())
            }),
            cut in any::<prop::sample::Index>(),
        ) {
            let pass = |rows: &[(usize, [f64; 2])], cut, solver| {
                let points: Grid = rows.iter().map(|(_, point)| *point).collect();
                let weights: Vec<f64> = rows.iter().map(|(i, _)| (i % 4) as f64).collect();
                pass(&centers, &points, &weights, cut, solver)
            };
            let straight = pass(&rows, 0, 0);
            prop_assert_eq!(&straight, &pass(&shuffled, 0, 0));
            prop_assert_eq!(&straight, &pass(&rows, cut.index(rows.len() + 1), 0));
            prop_assert_eq!(&straight, &pass(&rows, 0, 1));
        }
    }

    #[test]
    fn a_cluster_without_rows_keeps_its_center() {
        let (centers, cost) = pass(
            &vec![[0.0, 0.0], [9.0, 9.0]],
            &vec![[1.0, 0.0], [3.0, 0.0]],
            &[1.0, 1.0],
            0,
            0,
        );
        assert_eq!(centers.to_rows(), [[2.0, 0.0], [9.0, 9.0]]);
        assert_eq!(cost, 10.0);
    }

    /// Gives the signal at a row, and counts the rows that are looked at.
    struct StopsAt {
        row: usize,
        stop: Stop,
        looked: Cell<usize>,
    }

    impl Scheme for StopsAt {
        fn begin(&mut self, _: &CenterList) {}

        fn nearest(&self, _: &CenterList, _: &Points<'_>, row: usize) -> (usize, f64) {
            self.looked.set(self.looked.get() + 1);
            if row == self.row {
                self.stop.now();
            }
            (0, 1.0)
        }

        fn share(&self, _: &Points<'_>, _: usize, weight: f64) -> f64 {
            weight
        }

        fn settle(&self, _: &mut [f64]) -> f64 {
            0.0
        }

        fn moved(&self, _: Point<'_>, _: Point<'_>, _: f64) -> bool {
            true
        }
    }

    #[test]
    fn a_pass_ends_within_the_piece_of_the_signal() {
        let (rows, width) = (64, 1 << 16);
        let values = vec![1.0; rows * width];
        let points = Points::new(&values, width, rows, RowForm::Dense);
        let mut centers = CenterList::new(width);
        centers.push(points.get(0));
        let stop = Stop::default();
        let mut scheme = StopsAt {
            row: 20,
            stop: stop.clone(),
            looked: Cell::new(0),
        };
        let over = Loop {
            weights: None,
            partitions: &[0..rows; 1],
            max_iter: u32::MAX,
            tol: 0.0,
            stop: &stop,
        };
        let ended = run(&mut scheme, &mut centers, &points, &over);
        assert!(matches!(ended, Err(Stopped)));
        // A piece is sixteen of these rows.
        assert_eq!(scheme.looked.get(), 32);
    }
}
