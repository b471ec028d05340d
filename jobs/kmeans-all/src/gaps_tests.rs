//! Holds passes that carry gaps against passes that begin anew, and against the plainest search.

use gugus_kmeans::vectors::squared_distance;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use crate::gaps::Gaps;
use crate::partial::Content;
use crate::products_tests::{Case, case, nearest, points, uniform};
use crate::sites::Sites;
use crate::*;

/// What happens to the sites between two passes.
#[derive(Clone, Debug)]
enum Change {
    /// They stay.
    Nothing,
    /// All move a part of their way to one of them.
    Towards(Index, f64),
    /// One moves straight to a row until it is as near to the row as the nearest site, but for this part of the distance. No way
    /// makes a gap smaller than this one does.
    IntoTie(Index, Index, f64),
    /// One comes to lie where another one is.
    Onto(Index, Index),
    /// Two change places.
    Swap(Index, Index),
    /// All are measured in another unit.
    Times(f64),
}

fn change() -> impl Strategy<Value = Change> {
    let index = any::<Index>;
    let part = || (0..50).prop_map(|power| 0.5_f64.powi(power));
    prop_oneof![
        1 => Just(Change::Nothing),
        3 => (index(), part()).prop_map(|(to, part)| Change::Towards(to, part)),
        8 => (index(), index(), part(), select(vec![-1.0, 1.0]))
            .prop_map(|(row, site, part, sign)| Change::IntoTie(row, site, part * sign)),
        1 => (index(), index()).prop_map(|(one, other)| Change::Onto(one, other)),
        1 => (index(), index()).prop_map(|(one, other)| Change::Swap(one, other)),
        1 => select(vec![0.5, 4.0, 1e-50, 1e50]).prop_map(Change::Times),
    ]
}

fn changed(sites: &mut [Vec<f64>], change: &Change, rows: &[Vec<f64>]) {
    let count = sites.len();
    match change {
        Change::Nothing => {}
        Change::Towards(to, part) => {
            let to = to.get(sites).clone();
            for (value, to) in sites.iter_mut().flat_map(|site| site.iter_mut().zip(&to)) {
                *value += (to - *value) * part;
            }
        }
        Change::IntoTie(row, site, part) => {
            let (row, site) = (row.get(rows), site.index(count));
            let least = nearest(row, sites).1.sqrt();
            let ratio = least / squared_distance(row, &sites[site]).sqrt() * (1.0 + part);
            if ratio.is_finite() {
                for (value, of_row) in sites[site].iter_mut().zip(row) {
                    *value = of_row + (*value - of_row) * ratio;
                }
            }
        }
        Change::Onto(one, other) => sites[one.index(count)] = other.get(sites).clone(),
        Change::Swap(one, other) => sites.swap(one.index(count), other.index(count)),
        Change::Times(factor) => {
            for value in sites.iter_mut().flatten() {
                *value *= factor;
            }
        }
    }
}

/// Many rows among few sites, so that passes have room to keep gaps, and most rows have one. The first rows are those that
/// [`Change::IntoTie`] finds.
fn cases() -> impl Strategy<Value = Case> {
    let unit = select(vec![1.0, 1e30, 1e-115]);
    let sites =
        |columns| prop::collection::vec(prop::collection::vec(-2.0..2.0_f64, columns), 8..14);
    let ordinary =
        (8..12_usize).prop_flat_map(move |columns| (sites(columns), unit.clone(), any::<u64>()));
    let ordinary = ordinary.prop_map(|(mut sites, unit, seed)| {
        let stream = hash::stream(seed, 1);
        let number = |at: usize| hash::uniform(hash::draw(stream, at as u64)) * 4.0 - 2.0;
        let columns = sites[0].len();
        let row = |row: usize| {
            (0..columns)
                .map(|column| number(row * columns + column))
                .collect()
        };
        let mut rows: Vec<Vec<f64>> = (0..1_000).map(row).collect();
        let all = rows.iter_mut().chain(&mut sites).flatten();
        all.for_each(|value| *value *= unit);
        Case { rows, sites }
    });
    // Far sites, ties and extreme numbers, with the rows often enough.
    let extreme = case(8..12).prop_map(|Case { rows, mut sites }| {
        sites.truncate(10);
        let rows = rows.iter().cycle().take(1_000).cloned().collect();
        Case { rows, sites }
    });
    prop_oneof![4 => ordinary, 1 => extreme]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn passes_that_carry_gaps_find_the_nearest_sites(
        case in cases(),
        changes in prop::collection::vec(change(), 1..10),
        is_rounded in any::<bool>(),
    ) {
        let kept = points(&case.rows);
        if is_rounded {
            kept.keep_rounded();
        }
        let scale = Scale::new(&kept.largest(), None);
        prop_assume!(scale.is_some());
        let mut sites = case.sites;
        for change in [Change::Nothing].iter().chain(&changes) {
            changed(&mut sites, change, &case.rows);
            let step = Step::Lloyd {
                scale: scale.clone().unwrap(),
                centers: sites.clone(),
            };
            let mut counts = vec![0; sites.len()];
            for row in &case.rows {
                counts[nearest(row, &sites).0] += 1;
            }
            let carried = run_step(&step, &kept, Kernel::Vector).unwrap();
            let anew = run_step(&step, &points(&case.rows), Kernel::Scalar).unwrap();
            prop_assert_eq!(&carried, &anew, "{:?}", change);
            let Content::Lloyd(means) = &carried.0 else {
                unreachable!("a pass gives sums");
            };
            prop_assert_eq!(&means.counts, &counts, "{:?}", change);
            prop_assert!(kept.last_assigned().is_some(), "the next pass has something to carry");
            let step = Step::Evaluate {
                before: Some(case.rows[..8].to_vec()),
                centers: sites.clone(),
            };
            let known = run_step(&step, &kept, Kernel::Vector).unwrap();
            let anew = run_step(&step, &points(&case.rows), Kernel::Scalar).unwrap();
            prop_assert_eq!(known, anew, "{:?}", change);
        }
    }
}

/// Ten groups of rows that lie around the first ten rows, all far apart.
fn groups(columns: usize) -> Vec<Vec<f64>> {
    let near = uniform(3_000, columns).into_iter().enumerate();
    let far = |(row, values): (usize, Vec<f64>)| {
        let of_group =
            |(column, value): (usize, f64)| value + if column == row % 10 { 100.0 } else { 0.0 };
        values.into_iter().enumerate().map(of_group).collect()
    };
    near.map(far).collect()
}

/// Sites that come to rest, as those of a training do, over several blocks and tiles of wide rows.
#[test]
fn passes_over_several_blocks_carry_gaps() {
    for (rows, columns, is_rounded) in [(9_000, 9, false), (5_000, 80, false), (5_000, 80, true)] {
        let rows = uniform(rows, columns);
        let kept = points(&rows);
        if is_rounded {
            kept.keep_rounded();
        }
        let mut sites = rows[..16].to_vec();
        let mut decided = 0;
        for pass in 0..20 {
            for (site, towards) in sites.iter_mut().zip(&rows[100..]) {
                let part = 0.5_f64.powi(pass + 1);
                for (value, to) in site.iter_mut().zip(towards) {
                    *value += (to - *value) * part;
                }
            }
            let step = Step::Lloyd {
                scale: Scale::new(&kept.largest(), None).unwrap(),
                centers: sites.clone(),
            };
            let carried = run_step(&step, &kept, Kernel::Vector).unwrap();
            let anew = run_step(&step, &points(&rows), Kernel::Scalar).unwrap();
            assert_eq!(carried, anew, "{columns} columns, pass {pass}");
            let assigned = kept.last_assigned();
            let gaps = assigned.as_ref().and_then(|kept| kept.gaps.as_ref());
            decided = gaps.unwrap().decided();
        }
        assert!(decided > rows.len() / 2, "{decided}");
    }
}

/// How many rows of the first block a pass with these sites compares.
fn compared(points: &Points, sites: &[Vec<f64>]) -> Option<usize> {
    let sites = Sites::new(sites, points.dimensions()).unwrap();
    let mut kept = points.last_assigned();
    let kept = kept.as_mut().unwrap();
    let gaps = kept.gaps.take();
    let (from, among) = (&kept.centers, sites.distinct());
    let gaps = Gaps::carried(gaps, from, points.rows(), &points.bounds, &sites, among);
    let mut undecided = Vec::new();
    let rows = points.all();
    let mut gaps = gaps.unwrap();
    let some = gaps.undecided(rows.clone(), kept.sites(rows), &mut undecided);
    some.map(<[u32]>::len)
}

#[test]
fn rows_far_from_other_sites_are_compared_once() {
    let rows = groups(12);
    let mut sites = rows[..10].to_vec();
    for moved in [0.0, 1e-9, 1.0, 20.0] {
        let points = points(&rows);
        let step = Step::Lloyd {
            scale: Scale::new(&points.largest(), None).unwrap(),
            centers: sites.clone(),
        };
        run_step(&step, &points, Kernel::Vector).unwrap();
        sites[3][5] += moved;
        assert_eq!(compared(&points, &sites), Some(0), "{moved}");
    }
    // A site that comes close may be nearest to any row of its new group, and everybody else stays far away.
    let points = points(&rows);
    let step = Step::Lloyd {
        scale: Scale::new(&points.largest(), None).unwrap(),
        centers: sites.clone(),
    };
    run_step(&step, &points, Kernel::Vector).unwrap();
    sites[3] = rows[14].clone();
    assert_eq!(compared(&points, &sites), None, "all are compared");
}

#[test]
fn gaps_that_decide_nothing_rest_for_some_passes() {
    let rows = uniform(3_000, 12);
    let points = points(&rows);
    let mut sites = rows[..10].to_vec();
    let mut finds = Vec::new();
    for _ in 0..10 {
        sites.rotate_left(1);
        let step = Step::Lloyd {
            scale: Scale::new(&points.largest(), None).unwrap(),
            centers: sites.clone(),
        };
        run_step(&step, &points, Kernel::Vector).unwrap();
        let mut kept = points.last_assigned();
        let gaps = kept.as_mut().unwrap().gaps.as_mut().unwrap();
        finds.push(gaps.wanted(0..1).is_some());
    }
    let (yes, no) = (true, false);
    assert_eq!(finds, [yes, yes, no, no, no, no, no, no, yes, yes]);
}

#[test]
fn a_tie_is_compared_in_each_pass() {
    let mut rows = groups(12);
    let mut sites = rows[..10].to_vec();
    // Two equal sites, and a row between two others.
    sites[7] = sites[4].clone();
    let middle = sites[1].iter().zip(&sites[2]).map(|(a, b)| (a + b) / 2.0);
    rows[50] = middle.collect();
    let points = points(&rows);
    let step = Step::Lloyd {
        scale: Scale::new(&points.largest(), None).unwrap(),
        centers: sites.clone(),
    };
    run_step(&step, &points, Kernel::Vector).unwrap();
    assert!(points.last_assigned().as_ref().unwrap().gaps.is_none());
    sites[7][0] += 50.0;
    let step = Step::Lloyd {
        scale: Scale::new(&points.largest(), None).unwrap(),
        centers: sites.clone(),
    };
    run_step(&step, &points, Kernel::Vector).unwrap();
    assert_eq!(
        compared(&points, &sites),
        Some(1),
        "the row between two sites"
    );
}
