//! Holds the comparison in single precision against the plainest search: every site, every row, double precision.

use std::ops::Range;

use gugus_kmeans::DistanceMeasure;
use gugus_kmeans::vectors::squared_distance;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use crate::search::Searcher;
use crate::sites::Sites;
use crate::*;

/// Rows, and the sites that they are compared with.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) rows: Vec<Vec<f64>>,
    pub(crate) sites: Vec<Vec<f64>>,
}

/// Coordinates in units of the case: a small grid with many ties, numbers next to it, and numbers that are far out.
fn coordinate() -> impl Strategy<Value = f64> + Clone {
    prop_oneof![
        8 => (-2_i8..=2).prop_map(f64::from),
        4 => (-2_i8..=2, -2_i8..=2).prop_map(|(whole, ulps)| f64::from(whole) + f64::from(ulps) * f64::EPSILON),
        8 => -2.0..2.0_f64,
        1 => select(vec![1e6, 1e12, -1e20, 1e40]),
    ]
}

/// A row anywhere, on a site, or between two sites: nearer to the second one by a power of two of their distance, which
/// goes through all sizes of the margin.
#[derive(Clone, Debug)]
enum Place {
    Anywhere(Vec<f64>),
    On(Index),
    Between(Index, Index, i32),
}

fn place(columns: usize) -> impl Strategy<Value = Place> {
    prop_oneof![
        2 => prop::collection::vec(coordinate(), columns).prop_map(Place::Anywhere),
        1 => any::<Index>().prop_map(Place::On),
        3 => (any::<Index>(), any::<Index>(), 0..60).prop_map(|(a, b, power)| Place::Between(a, b, power)),
    ]
}

pub(crate) fn case(columns: Range<usize>) -> impl Strategy<Value = Case> {
    // The squares of the second number overflow in single precision, those of the third in double precision. The squares of
    // the last ones underflow, and these numbers themselves do.
    let unit = select(vec![1.0, 1.0, 1.0, 1e30, 1e160, 1e-30, 1e-160, 1e-310]);
    let offset = select(vec![0.0, 0.0, 118.0, 1e9, -1e15]);
    (columns, unit, offset).prop_flat_map(|(columns, unit, offset)| {
        let sites = prop::collection::vec(prop::collection::vec(coordinate(), columns), 8..40);
        let places = prop::collection::vec(place(columns), 1..150);
        (sites, places).prop_map(move |(sites, places)| {
            let moved = |values: Vec<f64>| -> Vec<f64> {
                values.iter().map(|value| (value + offset) * unit).collect()
            };
            let sites: Vec<Vec<f64>> = sites.into_iter().map(moved).collect();
            let rows = places.into_iter().map(|place| match place {
                Place::Anywhere(values) => moved(values),
                Place::On(site) => site.get(&sites).clone(),
                Place::Between(a, b, power) => {
                    let part = 0.5 + 0.5_f64.powi(power + 1);
                    let both = a.get(&sites).iter().zip(b.get(&sites));
                    both.map(|(a, b)| a + part * (b - a)).collect()
                }
            });
            Case {
                rows: rows.collect(),
                sites,
            }
        })
    })
}

/// The first of the nearest sites, and the squared distance to it.
pub(crate) fn nearest(row: &[f64], sites: &[Vec<f64>]) -> (usize, f64) {
    let mut best = (0, f64::INFINITY);
    for (number, site) in sites.iter().enumerate() {
        let cost = squared_distance(row, site);
        if cost < best.1 {
            best = (number, cost);
        }
    }
    best
}

pub(crate) fn points(rows: &[Vec<f64>]) -> Points {
    let columns: Vec<Vec<f64>> = (0..rows[0].len())
        .map(|column| rows.iter().map(|row| row[column]).collect())
        .collect();
    let columns: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
    let keys: Vec<u64> = (0..rows.len() as i64).map(|row| key(1, 0, row)).collect();
    let weighting = Weighting::Uniform;
    let mut builder = PointsBuilder::new(columns.len(), DistanceMeasure::Euclidean, weighting);
    builder.push(&columns, None, &keys);
    builder.finish(PointOrder::AsGiven)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_nearest_site_is_that_of_the_plain_search(
        case in case(1..20),
        moves in prop::collection::vec((any::<Index>(), 0..30), 3),
        is_kept in any::<bool>(),
    ) {
        let points = points(&case.rows);
        if is_kept {
            points.keep_rounded();
        }
        let mut all = case.sites;
        // Rows that were rounded for the first sites may do for later ones, too.
        for (to, power) in [(None, 0)].into_iter().chain(moves.into_iter().map(|(to, power)| (Some(to), power))) {
            if let Some(to) = to {
                let (to, part) = (to.get(&all).clone(), 0.5_f64.powi(power));
                for (value, to) in all.iter_mut().flat_map(|site| site.iter_mut().zip(&to)) {
                    *value += (to - *value) * part;
                }
            }
            let sites = Sites::new(&all, points.dimensions()).unwrap().measured_in(points.basis().as_ref());
            let among = sites.distinct();
            for kernel in [Kernel::Vector, Kernel::Scalar] {
                let mut searcher = Searcher::new(kernel, points.dimensions());
                searcher.set_sites(&points, &sites, among);
                searcher.search(&points, points.all());
                for (row, values) in case.rows.iter().enumerate() {
                    let site = among[searcher.nearest.site[row] as usize] as usize;
                    let cost = searcher.nearest.cost[row];
                    prop_assert_eq!((site, cost), nearest(values, &all), "row {}", row);
                }
            }
        }
    }
}

/// Numbers in [0, 1).
pub(crate) fn uniform(rows: usize, columns: usize) -> Vec<Vec<f64>> {
    let number = |row: usize, column: usize| {
        let hash = hash::draw(hash::stream(row as u64, 1), column as u64);
        hash::uniform(hash)
    };
    let row = |row| (0..columns).map(|column| number(row, column)).collect();
    (0..rows).map(row).collect()
}

/// How many of 2000 rows are left in doubt, if all are moved by `offset`.
fn doubts(columns: usize, offset: f64) -> usize {
    let mut rows = uniform(2000, columns);
    for value in rows.iter_mut().flatten() {
        *value += offset;
    }
    let points = points(&rows);
    let sites = Sites::new(&rows[..64], columns).unwrap();
    let mut searcher = Searcher::new(Kernel::Vector, columns);
    searcher.set_sites(&points, &sites, sites.distinct());
    searcher.assign(&points, points.all());
    searcher.doubts.rows.len()
}

#[test]
fn few_rows_are_left_in_doubt() {
    // The sites are the first 64 rows, so the lead of the first rows is as large as it gets.
    for (columns, offset) in [(2, 0.0), (16, 0.0), (16, 1e6), (64, 0.0), (64, -1e9)] {
        let doubts = doubts(columns, offset);
        assert!(doubts < 20, "{columns} columns from {offset}: {doubts}");
    }
    // There the columns themselves have few digits left, and many rows are equally near to several sites.
    assert!(doubts(2, 1e15) > 200);
}

#[test]
fn many_columns_are_rounded_part_by_part() {
    let mut rows = uniform(3000, 100);
    // Two equal sites, the first of which counts, and a row that is on them.
    rows[9] = rows[2].clone();
    let points = points(&rows);
    let sites = Sites::new(&rows[..40], 100).unwrap();
    let mut searcher = Searcher::new(Kernel::Vector, 100);
    for is_kept in [false, true] {
        if is_kept {
            points.keep_rounded();
        }
        searcher.set_sites(&points, &sites, sites.distinct());
        searcher.search(&points, points.all());
        for (row, values) in rows.iter().enumerate() {
            let site = sites.distinct()[searcher.nearest.site[row] as usize] as usize;
            let found = (site, searcher.nearest.cost[row]);
            assert_eq!(found, nearest(values, &rows[..40]), "row {row}");
        }
    }
}

/// All coordinates of a row are equal, so its roundings all go one way: the error of a score is as near to the bound as
/// it gets. The rows lie between two sites, ever closer to the middle.
#[test]
fn near_ties_of_very_wide_rows_are_decided_exactly() {
    let columns = 2_000;
    let sites: Vec<Vec<f64>> = (0..24)
        .map(|site| vec![f64::from(site * site) * 0.1 + 0.3; columns])
        .collect();
    let between = |(site, power): (usize, i32)| {
        let part = 0.5 + 0.5_f64.powi(power + 2) * if power % 2 == 0 { 1.0 } else { -1.0 };
        let (a, b) = (sites[site][0], sites[site + 1][0]);
        vec![a + part * (b - a); columns]
    };
    let all = (0..sites.len() - 1).flat_map(|site| (0..40).map(move |power| (site, power)));
    let rows: Vec<Vec<f64>> = all.map(between).collect();
    let points = points(&rows);
    let of_step = Sites::new(&sites, columns).unwrap();
    let mut searcher = Searcher::new(Kernel::Vector, columns);
    searcher.set_sites(&points, &of_step, of_step.distinct());
    let mut certain = 0;
    for block in of_step.blocks(points.all()) {
        searcher.search(&points, block.clone());
        certain += block.len() - searcher.doubts.rows.len();
        for (at, row) in block.enumerate() {
            let found = (
                searcher.nearest.site[at] as usize,
                searcher.nearest.cost[at],
            );
            assert_eq!(found, nearest(&rows[row], &sites), "row {row}");
        }
    }
    assert!(certain > rows.len() / 10, "the bound is of use: {certain}");
}

/// Sites may be measured from where earlier sites were, in their unit, as long as that fits them.
#[test]
fn a_basis_is_kept_for_sites_that_fit_it() {
    let sites = uniform(30, 12);
    let scaled = |factor: f64, offset: f64| -> Vec<Vec<f64>> {
        let of_site = |site: &Vec<f64>| site.iter().map(|value| value * factor + offset).collect();
        sites.iter().map(of_site).collect()
    };
    let points = points(&sites);
    points.keep_rounded();
    let mut searcher = Searcher::new(Kernel::Vector, 12);
    let first = Sites::new(&sites, 12).unwrap();
    searcher.set_sites(&points, &first, first.distinct());
    let kept = points.basis().unwrap();
    for (factor, offset, is_kept) in [
        (1.0, 0.0, true),
        (0.9, 0.05, true),
        (0.25, 0.375, true),
        (0.01, 0.495, false),
        (3.0, -1.0, false),
        (0.9, 0.6, false),
    ] {
        let of_step = Sites::new(&scaled(factor, offset), 12).unwrap();
        let of_step = of_step.measured_in(points.basis().as_ref());
        let basis = &of_step.frame(of_step.distinct()).unwrap().basis;
        assert_eq!(*basis == kept, is_kept, "{factor} x + {offset}");
    }
}

/// Beyond the most columns for which the bound is of use, every row is compared in double precision.
#[test]
fn rows_are_rounded_up_to_a_number_of_columns() {
    for (columns, is_rounded) in [(4_096, true), (4_097, false)] {
        let sites = Sites::new(&uniform(8, columns), columns).unwrap();
        assert_eq!(sites.frame(sites.distinct()).is_some(), is_rounded);
    }
}
