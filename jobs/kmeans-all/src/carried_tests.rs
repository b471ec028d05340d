//! Holds passes that carry bounds against passes that begin anew, and against the plainest search.

use gugus_kmeans::vectors::squared_distance;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use pulp::Arch;

use crate::carried::Mode;
use crate::partial::Content;
use crate::products_tests::{Case, case, nearest, points, uniform};
use crate::rounded::Layout;
use crate::search::Searcher;
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
    /// makes a bound worth less than this one does.
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

/// Many rows among fewer sites, so that passes have room to keep bounds, mostly for several bundles. The first rows are those that
/// [`Change::IntoTie`] finds.
fn cases() -> impl Strategy<Value = Case> {
    let unit = select(vec![1.0, 1e30, 1e-115]);
    let sites =
        |columns| prop::collection::vec(prop::collection::vec(-2.0..2.0_f64, columns), 8..40);
    let ordinary =
        (8..20_usize).prop_flat_map(move |columns| (sites(columns), unit.clone(), any::<u64>()));
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
    let extreme = case(8..20).prop_map(|Case { rows, mut sites }| {
        sites.truncate(24);
        let rows = rows.iter().cycle().take(1_000).cloned().collect();
        Case { rows, sites }
    });
    prop_oneof![4 => ordinary, 1 => extreme]
}

/// Makes the next pass one with as many bundles as there is room for. Returns whether the last pass kept bounds.
fn bundled(points: &Points) -> bool {
    let mut kept = points.last_assigned();
    let carried = kept.as_mut().and_then(|kept| kept.carried.as_mut());
    carried.is_some_and(|carried| {
        carried.mode = Mode::Begin;
        true
    })
}

fn lloyd(points: &Points, sites: &[Vec<f64>]) -> Step {
    Step::Lloyd {
        scale: Scale::new(&points.largest(), None).unwrap(),
        centers: sites.to_vec(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn passes_that_carry_bounds_find_the_nearest_sites(
        case in cases(),
        changes in prop::collection::vec((change(), prop::bool::weighted(0.3)), 1..10),
        is_rounded in any::<bool>(),
    ) {
        let kept = points(&case.rows);
        if is_rounded {
            kept.keep_rounded();
        }
        prop_assume!(Scale::new(&kept.largest(), None).is_some());
        let mut sites = case.sites;
        for (change, is_bundled) in [(Change::Nothing, false)].iter().chain(&changes) {
            changed(&mut sites, change, &case.rows);
            if *is_bundled {
                bundled(&kept);
            }
            let mut counts = vec![0; sites.len()];
            for row in &case.rows {
                counts[nearest(row, &sites).0] += 1;
            }
            let step = lloyd(&kept, &sites);
            let carried = run_step(&step, &kept, Kernel::Vector).unwrap();
            let anew = run_step(&step, &points(&case.rows), Kernel::Scalar).unwrap();
            prop_assert_eq!(&carried, &anew, "{:?}", change);
            let Content::Lloyd(means) = &carried.0 else {
                unreachable!("a pass gives sums");
            };
            prop_assert_eq!(&means.counts, &counts, "{:?}", change);
            prop_assert!(kept.last_assigned().is_some(), "the next pass has something to carry");
        }
        // The last pass over moved sites begins with the bounds, too.
        changed(&mut sites, &changes[0].0, &case.rows);
        let step = Step::Evaluate {
            before: Some(case.rows[..8].to_vec()),
            centers: sites.clone(),
        };
        for kernel in [Kernel::Vector, Kernel::Scalar] {
            let known = run_step(&step, &kept, kernel).unwrap();
            let anew = run_step(&step, &points(&case.rows), Kernel::Scalar).unwrap();
            prop_assert_eq!(known, anew);
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
fn passes_over_several_blocks_carry_bounds() {
    for (rows, columns, is_rounded) in [(9_000, 9, false), (5_000, 80, false), (5_000, 80, true)] {
        for kernel in [Kernel::Vector, Kernel::Scalar] {
            let rows = uniform(rows, columns);
            let kept = points(&rows);
            if is_rounded {
                kept.keep_rounded();
            }
            let mut sites = rows[..40].to_vec();
            let mut left = 1.0;
            for pass in 0..20 {
                for (site, towards) in sites.iter_mut().zip(&rows[100..]) {
                    let part = 0.5_f64.powi(pass + 1);
                    for (value, to) in site.iter_mut().zip(towards) {
                        *value += (to - *value) * part;
                    }
                }
                let step = lloyd(&kept, &sites);
                let carried = run_step(&step, &kept, kernel).unwrap();
                let anew = run_step(&step, &points(&rows), Kernel::Scalar).unwrap();
                assert_eq!(carried, anew, "{columns} columns, pass {pass}");
                let assigned = kept.last_assigned();
                let carried = assigned.as_ref().and_then(|kept| kept.carried.as_ref());
                left = carried.unwrap().compared() as f64 / rows.len() as f64;
            }
            assert!(left < 0.5, "{left}");
        }
    }
}

/// Which rows of the first block a pass with these sites compares.
fn compared(points: &Points, sites: &[Vec<f64>]) -> Vec<u32> {
    let sites = Sites::new(sites, points.dimensions()).unwrap();
    let sites = sites.measured_in(points.basis().as_ref());
    let mut searcher = Searcher::new(Kernel::Vector, points.dimensions());
    let mut last = points.last_assigned().take().unwrap();
    let (mut carried, frame) = searcher
        .carry(points, &sites, sites.distinct(), &mut last)
        .unwrap();
    let own = last.sites(points.all());
    searcher.assign_carried(points, frame, points.all(), own, &mut carried);
    searcher.compared.rows
}

#[test]
fn rows_far_from_other_sites_are_compared_once() {
    let rows = groups(12);
    let mut sites = rows[..10].to_vec();
    for moved in [0.0, 1e-9, 1.0, 20.0] {
        let points = points(&rows);
        run_step(&lloyd(&points, &sites), &points, Kernel::Vector).unwrap();
        sites[3][5] += moved;
        assert!(compared(&points, &sites).is_empty(), "{moved}");
    }
    // A site that comes close may be nearest to any row of its new group, and everybody else stays far away.
    let points = points(&rows);
    run_step(&lloyd(&points, &sites), &points, Kernel::Vector).unwrap();
    sites[3] = rows[14].clone();
    let all: Vec<u32> = (0..rows.len() as u32).collect();
    assert_eq!(compared(&points, &sites), all);
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
    run_step(&lloyd(&points, &sites), &points, Kernel::Vector).unwrap();
    assert!(points.last_assigned().as_ref().unwrap().carried.is_none());
    sites[7][0] += 50.0;
    for pass in 0..2 {
        run_step(&lloyd(&points, &sites), &points, Kernel::Vector).unwrap();
        if pass == 1 {
            bundled(&points);
            run_step(&lloyd(&points, &sites), &points, Kernel::Vector).unwrap();
        }
        let compared = compared(&points, &sites);
        assert!(compared.contains(&50), "the row between two sites");
        assert!(compared.len() < 5, "{compared:?}");
        run_step(&lloyd(&points, &sites), &points, Kernel::Vector).unwrap();
    }
}

/// The modes of passes over uniform rows, whose sites all move this far in each pass.
fn modes(way: impl Fn(usize) -> f64, passes: usize) -> Vec<Mode> {
    let rows = uniform(6_000, 40);
    let points = points(&rows);
    let mut sites = rows[..64].to_vec();
    let mut modes = Vec::new();
    for pass in 0..passes {
        for (number, site) in sites.iter_mut().enumerate() {
            site[(number + pass) % 40] += way(pass);
        }
        run_step(&lloyd(&points, &sites), &points, Kernel::Vector).unwrap();
        let kept = points.last_assigned();
        modes.push(kept.as_ref().unwrap().carried.as_ref().unwrap().mode);
    }
    modes
}

#[test]
fn bundles_begin_when_few_rows_change_and_stay_while_they_pay() {
    use Mode::{Begin, First, Many, One, Rest};
    // All rows change at first, and later few of them.
    let found = modes(|pass| if pass < 3 { 0.06 } else { 0.02 }, 6);
    assert_eq!(found, [First, One, Begin, Many, Many, Many]);
    // Sites that move far leave no bound of use.
    let found = modes(|pass| if pass < 3 { 0.06 } else { 2.0 }, 12);
    let rest: Vec<Mode> = (0..6).rev().map(Rest).collect();
    assert_eq!(found[..4], [First, One, Begin, Many]);
    assert_eq!(found[4..10], rest);
    assert_eq!(found[10], Rest(0), "most rows change");
}

/// Rows in single precision stay as they lie while another thread reads them. A pass that wants them to lie otherwise does without.
#[test]
fn rows_that_another_thread_reads_are_not_laid_out_anew() {
    let rows = uniform(3_000, 40);
    let kept = points(&rows);
    kept.keep_rounded();
    let mut sites = rows[..64].to_vec();
    let mut held = Vec::new();
    for pass in 0..6 {
        for (number, site) in sites.iter_mut().enumerate() {
            site[(number + pass) % 40] += 0.02;
        }
        // Turn by turn, a thread reads rows that lie column after column, and row after row.
        if let Some(basis) = kept.basis() {
            held.clear();
            let layout = [Layout::Columns, Layout::Rows][pass / 2 % 2];
            held.extend(kept.rounded(&basis, layout, Arch::new()));
            assert_eq!(held[0].layout, layout);
        }
        if pass % 2 == 1 {
            bundled(&kept);
        }
        for step in [
            lloyd(&kept, &sites),
            Step::Cost {
                candidates: rows[..40].to_vec(),
            },
        ] {
            let found = run_step(&step, &kept, Kernel::Vector).unwrap();
            let anew = run_step(&step, &points(&rows), Kernel::Scalar).unwrap();
            assert_eq!(found, anew, "pass {pass}, {}", step.name());
        }
    }
}

/// There is little memory for what passes keep of rows that lie elsewhere.
#[test]
fn rows_that_lie_elsewhere_have_one_bundle() {
    let rows = uniform(6_000, 40);
    let mut points = points(&rows);
    let mut sites = rows[..64].to_vec();
    let mut modes = Vec::new();
    for pass in 0..6 {
        for (number, site) in sites.iter_mut().enumerate() {
            site[(number + pass) % 40] += 0.06;
        }
        let step = lloyd(&points, &sites);
        let found = run_step(&step, &points, Kernel::Vector).unwrap();
        let anew = run_step(&step, &self::points(&rows), Kernel::Scalar).unwrap();
        assert_eq!(found, anew, "pass {pass}");
        let kept = points.last_assigned();
        modes.push(kept.as_ref().unwrap().carried.as_ref().unwrap().mode);
        drop(kept);
        let taken = points.take_rows();
        assert!(points.heap_size_without_rows() < 6_000 * 20 + 64 * 42 * 24);
        points.put_rows(taken);
    }
    assert!(!modes.contains(&Mode::Begin), "{modes:?}");
}

/// A row that may be nearest to sites of a few bundles is not compared with the others.
#[test]
fn rows_are_compared_with_few_bundles() {
    let rows = uniform(6_000, 40);
    let points = points(&rows);
    let mut sites = rows[..64].to_vec();
    run_step(&lloyd(&points, &sites), &points, Kernel::Vector).unwrap();
    bundled(&points);
    let mut pairs = Vec::new();
    for pass in 0..3 {
        for (number, site) in sites.iter_mut().enumerate() {
            site[(number + pass) % 40] += 0.02;
        }
        run_step(&lloyd(&points, &sites), &points, Kernel::Vector).unwrap();
        let kept = points.last_assigned();
        pairs.push(kept.as_ref().unwrap().carried.as_ref().unwrap().pairs);
    }
    assert_eq!(pairs[0], rows.len() * 4, "all with all at first");
    assert!(
        pairs[1..].iter().all(|pairs| *pairs < rows.len() * 2),
        "{pairs:?}"
    );
}

/// A row between two sites goes from one to the other, as one of them goes back and forth. The other sites stay far away, so nothing but
/// the bounds of the two can show it. One site goes ever farther out, so the unit changes.
#[test]
fn a_row_between_two_sites_follows_small_steps() {
    // The last step takes the site farther from its rows than the other site is.
    const STEPS: [f64; 11] = [
        0.0, 0.01, 0.02, 0.01, -0.01, -0.02, 0.02, -0.01, 0.01, -0.03, -1.1,
    ];
    let columns = 40;
    let rows = uniform(3_000, columns);
    // Far apart, and in two bundles.
    let mut sites: Vec<Vec<f64>> = uniform(48, columns);
    for value in sites.iter_mut().flatten() {
        *value = *value * 20.0 - 10.0;
    }
    let one = sites[1].clone();
    for (other, one) in sites[33].iter_mut().zip(&one) {
        *other = one + 0.6 * (*other - one);
    }
    let other = sites[33].clone();
    for (is_bundled, is_rounded) in [(false, false), (false, true), (true, false), (true, true)] {
        let mut rows = rows.clone();
        for (number, row) in rows.iter_mut().enumerate() {
            // All rows are near a site, and the first three between two of them.
            let near = &sites[number % 48];
            for column in 0..columns {
                row[column] = match number {
                    0..3 => (one[column] + other[column]) / 2.0,
                    _ => near[column] + row[column],
                };
            }
        }
        let kept = points(&rows);
        if is_rounded {
            kept.keep_rounded();
        }
        let mut sites = sites.clone();
        for (pass, step) in STEPS.into_iter().enumerate() {
            for column in 0..columns {
                sites[1][column] = one[column] + step * (other[column] - one[column]);
                sites[20][column] *= 1.055;
            }
            if is_bundled && (2..4).contains(&pass) {
                bundled(&kept);
            }
            let step = lloyd(&kept, &sites);
            let carried = run_step(&step, &kept, Kernel::Vector).unwrap();
            let anew = run_step(&step, &points(&rows), Kernel::Scalar).unwrap();
            assert_eq!(carried, anew, "pass {pass}");
            if (3..STEPS.len() - 1).contains(&pass) {
                let kept = kept.last_assigned();
                let carried = kept.as_ref().unwrap().carried.as_ref().unwrap();
                let mode = if is_bundled { Mode::Many } else { Mode::One };
                assert_eq!(carried.mode, mode, "pass {pass}");
                assert!(
                    carried.compared() < rows.len() / 4,
                    "{}",
                    carried.compared()
                );
            }
        }
    }
}

/// The widths of vectors that a processor may have.
fn archs() -> Vec<Arch> {
    let mut archs = vec![Arch::Scalar, Arch::new()];
    #[cfg(target_arch = "x86_64")]
    archs.extend(pulp::x86::V3::try_new().map(Arch::V3));
    archs
}

#[test]
fn vectors_of_any_width_find_the_same_sites() {
    let rows = uniform(3_000, 40);
    for arch in archs() {
        let points = points(&rows);
        points.keep_rounded();
        let mut all = rows[..50].to_vec();
        run_step(&lloyd(&points, &all), &points, Kernel::Scalar).unwrap();
        for pass in 0..3 {
            for (number, site) in all.iter_mut().enumerate() {
                site[(number + pass) % 40] += 0.02;
            }
            bundled(&points);
            let sites = Sites::new(&all, 40).unwrap();
            let sites = sites.measured_in(points.basis().as_ref());
            let mut searcher = Searcher::new(Kernel::Vector, 40);
            searcher.arch = arch;
            let mut last = points.last_assigned().take().unwrap();
            let (mut carried, frame) = searcher
                .carry(&points, &sites, sites.distinct(), &mut last)
                .unwrap();
            let own = last.sites(points.all());
            searcher.assign_carried(&points, frame, points.all(), own, &mut carried);
            for (row, values) in rows.iter().enumerate() {
                let found = searcher.nearest.site[row] as usize;
                assert_eq!(found, nearest(values, &all).0, "pass {pass}, row {row}");
            }
            last.centers = all.concat();
            let moved = searcher.nearest.site[..rows.len()].iter().enumerate();
            let moved = moved.map(|(row, site)| (row as u32, *site as u32));
            last.assign(points.all(), moved, &mut Vec::new());
            assert!(pass == 0 || carried.pairs < rows.len() * 3, "few bundles");
            last.carried = Some(carried);
            points.keep_assigned(last);
        }
    }
}
