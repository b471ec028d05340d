//! What a pass keeps for the next one, and how it ends after a signal.

use gugus_kmeans::{DistanceMeasure, Stop};

use crate::draws::{Odds, sampled};
use crate::means::means;
use crate::search::{Costs, Searcher, costs, sizes};
use crate::silhouette::{Cluster, silhouettes};
use crate::sites::Sites;
use crate::spread::spreads;
use crate::*;

/// Points without a tree, with numbers from 0 to 1.
fn points(rows: usize, columns: usize, weighting: Weighting) -> Points {
    builder(rows, columns, weighting).finish(PointOrder::AsGiven)
}

fn builder(rows: usize, columns: usize, weighting: Weighting) -> PointsBuilder {
    let number = |row, column| {
        let stream = hash::stream(row as u64, 1);
        hash::uniform(hash::draw(stream, column as u64))
    };
    let column = |column| (0..rows).map(|row| number(row, column)).collect();
    let all: Vec<Vec<f64>> = (0..columns).map(column).collect();
    let all: Vec<&[f64]> = all.iter().map(Vec::as_slice).collect();
    let weights = vec![1.0; rows];
    let weights = (weighting == Weighting::LastColumn).then_some(&weights[..]);
    let keys: Vec<u64> = (0..rows as i64).map(|row| key(1, 0, row)).collect();
    let mut builder = PointsBuilder::new(columns, DistanceMeasure::Euclidean, weighting);
    builder.push(&all, weights, &keys);
    builder
}

/// The first rows as centers.
fn centers(points: &Points, count: usize) -> Vec<Vec<f64>> {
    (0..count)
        .map(|row| points.row(row % points.rows()))
        .collect()
}

fn scale(points: &Points) -> Scale {
    let weight = points.weights.as_ref().map(|_| 1.0);
    Scale::new(&vec![1.0; points.dimensions()], weight).unwrap()
}

#[test]
fn what_passes_keep_is_within_the_size_that_was_told() {
    for (rows, columns, count, is_kept) in [
        (100, 64, 1_000, false),
        (100, 64, 8, false),
        (1_000, 64, 20, true),
        (1_000, 64, 100, false),
        (5_000, 2, 9, true),
        (5_000, 16, 100, true),
        (5_000, 16, 4_000, false),
    ] {
        for weighting in [Weighting::Uniform, Weighting::LastColumn] {
            let points = points(rows, columns, weighting);
            let own = points.columns.iter().chain(&points.weights);
            let own: usize = own.map(|column| column.capacity() * 8).sum();
            let room = points.heap_size() - own - points.keys.capacity() * 8;
            let step = Step::Lloyd {
                scale: scale(&points),
                centers: centers(&points, count),
            };
            // A second pass must not keep what the first may not.
            for pass in 1..=2 {
                run_step(&step, &points, Kernel::Vector).unwrap();
                let told = format!("{rows} x {columns}, {count} centers, pass {pass}");
                let kept = points.last_assigned();
                assert_eq!(kept.is_some(), is_kept, "{told}");
                if let Some(kept) = &*kept {
                    assert!(kept.heap_size() <= room, "{told}");
                    assert!(
                        kept.heap_size() >= rows * 4 + count * columns * 16,
                        "{told}"
                    );
                }
            }
        }
    }
}

#[test]
fn no_block_follows_the_signal() {
    let (points, stop) = (points(2_000, 9, Weighting::Uniform), Stop::default());
    let sites = Sites::new(&centers(&points, 10), 9).unwrap().until(&stop);
    let mut blocks = sites.blocks(points.all());
    assert_eq!(blocks.next().map(|rows| rows.start), Some(0));
    stop.now();
    assert_eq!(blocks.next(), None);
    drop(blocks);

    let searcher = &mut Searcher::new(Kernel::Vector, 9);
    let scale = scale(&points);
    assert_eq!(sizes(&points, &sites, searcher), [0; 10]);
    let (cost, counts) = costs(&points, &sites, Costs::Plain, searcher);
    assert_eq!((cost.value(), counts), (0.0, vec![0; 10]));
    let sums = means(&points, &sites, &scale, searcher).unwrap();
    assert_eq!(sums.counts, [0; 10]);
    assert!(points.last_assigned().is_none());
    let spread = spreads(&points, &sites, &scale, searcher).unwrap();
    assert!(spread.costs.iter().all(|cost| cost.value() == 0.0));
    let odds = Odds {
        wanted: 1e9,
        cost: 1.0,
    };
    assert!(sampled(&points, &sites, 1, odds, 50).rows.is_empty());
    let clusters = centers(&points, 10).into_iter().map(|center| Cluster {
        drift: vec![0.0; 9],
        center,
        weight: 200.0,
        spread: 0.5,
    });
    let clusters: Vec<Cluster> = clusters.collect();
    let none = silhouettes(&points, &sites, &clusters, searcher).unwrap();
    assert_eq!(none, crate::silhouette::Silhouettes::new(10));
}

#[test]
fn rows_that_lay_elsewhere_between_two_passes_give_the_same() {
    // Without a tree, and with one.
    for (columns, order) in [(9, PointOrder::AsGiven), (2, PointOrder::Leaves(64))] {
        for weighting in [Weighting::Uniform, Weighting::LastColumn] {
            let all = builder(3_000, columns, weighting);
            let whole = all.clone().finish(order);
            let mut head = all;
            let mut pieces = vec![head.split_off(2_000), head.split_off(900)];
            pieces.push(head);
            let mut pieces: Vec<Points> = pieces.into_iter().map(|p| p.finish(order)).collect();
            let mut elsewhere: Vec<PointRows> = pieces.iter_mut().map(Points::take_rows).collect();
            for pass in 1..=4 {
                let step = Step::Lloyd {
                    scale: scale(&whole),
                    centers: centers(&whole, 10 + pass / 3),
                };
                let mut merged = Partial::empty(&step, columns);
                for (points, rows) in pieces.iter_mut().zip(&mut elsewhere) {
                    points.put_rows(std::mem::take(rows));
                    merged
                        .merge(run_step(&step, points, Kernel::Vector).unwrap())
                        .unwrap();
                    *rows = points.take_rows();
                    assert!(points.heap_size_without_rows() > 0, "pass {pass}");
                    if pass == 2 {
                        points.forget();
                        assert_eq!(points.heap_size_without_rows(), 0);
                    }
                }
                let expected = run_step(&step, &whole, Kernel::Vector).unwrap();
                assert_eq!(
                    merged, expected,
                    "{columns} columns, {weighting:?}, pass {pass}"
                );
            }
        }
    }
}
