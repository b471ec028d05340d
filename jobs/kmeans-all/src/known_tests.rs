//! Holds steps that begin with what the last step found against steps that begin anew, and against the plainest search.

use proptest::prelude::*;

use crate::partial::Content;
use crate::products_tests::{case, nearest, points, uniform};
use crate::sites::Sites;
use crate::*;

/// How many rows are nearest to each candidate, by a step after one with the first `before` candidates.
fn weighed(points: &Points, candidates: &[Vec<f64>], before: usize, kernel: Kernel) -> Vec<u64> {
    if before > 0 {
        let candidates = candidates[..before].to_vec();
        run_step(&Step::Cost { candidates }, points, kernel).unwrap();
    }
    let candidates = candidates.to_vec();
    let weighed = run_step(&Step::Weigh { candidates }, points, kernel);
    match weighed.unwrap().0 {
        Content::Weigh(counts) => counts,
        other => unreachable!("a step that weighs gives counts, not {other:?}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn candidates_that_were_compared_before_are_weighed_all_the_same(
        case in case(10..14),
        part in 0.0..1.0_f64,
        is_rounded in any::<bool>(),
    ) {
        // With so many rows there is room to keep what a step finds.
        let rows: Vec<Vec<f64>> = case.rows.iter().cycle().take(2_500).cloned().collect();
        let before = 8 + ((case.sites.len() - 8) as f64 * part) as usize;
        let mut expected = vec![0; case.sites.len()];
        for row in &rows {
            expected[nearest(row, &case.sites).0] += 1;
        }
        for kernel in [Kernel::Vector, Kernel::Scalar] {
            let points = points(&rows);
            if is_rounded {
                points.keep_rounded();
            }
            prop_assert_eq!(&weighed(&points, &case.sites, before, kernel), &expected);
            prop_assert_eq!(&weighed(&points, &case.sites, 0, kernel), &expected);
        }
    }
}

#[test]
fn only_further_candidates_are_compared() {
    let rows = uniform(9_000, 12);
    let candidates = &rows[..40];
    let anew = weighed(&points(&rows), candidates, 0, Kernel::Scalar);
    let points = points(&rows);
    let step = |count: usize| Step::Cost {
        candidates: candidates[..count].to_vec(),
    };
    run_step(&step(20), &points, Kernel::Vector).unwrap();
    let sites = Sites::new(candidates, 12).unwrap();
    let known = points.take_known(&sites).unwrap();
    for (row, values) in rows.iter().enumerate() {
        let found = (known.nearest[row] as usize, known.costs[row]);
        assert_eq!(found, nearest(values, &candidates[..20]), "row {row}");
    }
    // What was kept decides: with other sites for the rows, other counts come out.
    let mut wrong = known;
    wrong.nearest.fill(3);
    points.keep_known(wrong);
    let weigh = Step::Weigh {
        candidates: candidates.to_vec(),
    };
    let counted = run_step(&weigh, &points, Kernel::Vector).unwrap();
    let Content::Weigh(counted) = counted.0 else {
        unreachable!("a step that weighs gives counts");
    };
    assert_eq!(counted[3], anew[..20].iter().sum::<u64>());
    assert_eq!(counted[20..], anew[20..]);
    // It is taken once, and never for other candidates.
    assert_eq!(weighed(&points, candidates, 0, Kernel::Vector), anew);
    let mut others = candidates.to_vec();
    others.swap(0, 30);
    run_step(&step(20), &points, Kernel::Vector).unwrap();
    let expected = weighed(&self::points(&rows), &others, 0, Kernel::Scalar);
    assert_eq!(weighed(&points, &others, 0, Kernel::Vector), expected);
}

#[test]
fn what_is_kept_fits_the_size_that_was_told() {
    for (rows, columns, is_kept) in [(3_000, 8, true), (3_000, 12, true), (200, 12, false)] {
        let points = points(&uniform(rows, columns));
        let room = points.heap_size();
        let candidates = uniform(20, columns);
        run_step(&Step::Cost { candidates }, &points, Kernel::Vector).unwrap();
        let without_rows = points.heap_size_without_rows();
        assert_eq!(without_rows > 0, is_kept, "{rows} rows of {columns}");
        let own = rows * (columns + 1) * size_of::<f64>();
        assert!(without_rows + own <= room, "{rows} rows of {columns}");
    }
}
