//! What holds for every input, tried on many.

// Helpers of tests are not within test functions, and a test may panic.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

use gugus_kmeans::{
    DistanceMeasure, Fit, FitError, Init, InitMode, Params, Partitions, Predictor, RowForm, Rows,
    Solver, fit,
};
use proptest::prelude::*;

const DIMENSIONS: usize = 3;

fn rows_of(points: &[[f64; DIMENSIONS]], form: RowForm) -> Rows {
    let mut rows = Rows::with_capacity(DIMENSIONS, points.len(), form);
    for point in points {
        rows.push(point);
    }
    rows
}

/// Points on a small grid: ties, repeats and zeros abound, and squared distances are exact.
fn grid() -> impl Strategy<Value = Vec<[f64; DIMENSIONS]>> {
    prop::collection::vec(
        [-3_i8..=3, -3..=3, -3..=3].prop_map(|point| point.map(f64::from)),
        1..60,
    )
}

/// Points anywhere near the origin.
fn cloud() -> impl Strategy<Value = Vec<[f64; DIMENSIONS]>> {
    prop::collection::vec([-9.0..9.0, -9.0..9.0, -9.0..9.0], 1..60)
}

fn any_params() -> impl Strategy<Value = Params> {
    let init = prop_oneof![Just(InitMode::Parallel), Just(InitMode::Random)];
    let measure = prop_oneof![
        Just(DistanceMeasure::Euclidean),
        Just(DistanceMeasure::Cosine)
    ];
    let solver = prop_oneof![Just(Solver::Auto), Just(Solver::Block), Just(Solver::Row)];
    let start = prop_oneof![2 => Just((Init::Spark, 1)), 1 => Just((Init::PlusPlus, 1)), 1 => Just((Init::Spark, 3))];
    let tol = prop_oneof![Just(0.0), Just(1e-4), Just(1e9)];
    (
        2_usize..8,
        any::<i64>(),
        0_u32..12,
        tol,
        start,
        init,
        1_u32..4,
        measure,
        solver,
    )
        .prop_map(
            |(
                k,
                seed,
                max_iter,
                tol,
                (init, n_init),
                init_mode,
                init_steps,
                distance_measure,
                solver,
            )| Params {
                init,
                n_init,
                k,
                seed,
                max_iter,
                tol,
                init_mode,
                init_steps,
                distance_measure,
                solver,
            },
        )
}

fn any_form() -> impl Strategy<Value = RowForm> {
    prop_oneof![Just(RowForm::Assembled), Just(RowForm::Dense)]
}

/// Any finite number: subnormal, huge, negative zero.
fn finite() -> impl Strategy<Value = f64> {
    use prop::num::f64::{NEGATIVE, NORMAL, POSITIVE, SUBNORMAL, ZERO};
    prop_oneof![3 => NORMAL | SUBNORMAL | ZERO | NEGATIVE | POSITIVE, 1 => -1e3..1e3, 1 => Just(0.0)]
        .prop_filter("finite", |value: &f64| value.is_finite())
}

fn euclidean(params: Params) -> Params {
    Params {
        distance_measure: DistanceMeasure::Euclidean,
        // Another start may be the best after another pass.
        n_init: 1,
        ..params
    }
}

/// The sum of squared distances to the nearest center, and which one that is, by a plain scan.
fn inertia(points: &[[f64; DIMENSIONS]], centers: &[Vec<f64>]) -> (f64, Vec<usize>) {
    let mut sum = 0.0;
    let nearest = points.iter().map(|point| {
        let cost = |center: &Vec<f64>| {
            point
                .iter()
                .zip(center)
                .map(|(a, b)| (a - b) * (a - b))
                .sum::<f64>()
        };
        let mut best = (0, f64::INFINITY);
        for (index, center) in centers.iter().enumerate() {
            if cost(center) < best.1 {
                best = (index, cost(center));
            }
        }
        sum += best.1;
        best.0
    });
    let nearest = nearest.collect();
    (sum, nearest)
}

fn distinct(points: &[[f64; DIMENSIONS]]) -> usize {
    let mut bits: Vec<_> = points.iter().map(|point| point.map(f64::to_bits)).collect();
    bits.sort_unstable();
    bits.dedup();
    bits.len()
}

fn passes(
    points: &[[f64; DIMENSIONS]],
    params: &Params,
    weights: Option<&[f64]>,
) -> Result<Fit, FitError> {
    fit(
        params,
        &rows_of(points, RowForm::Dense),
        weights,
        &Partitions::one(),
    )
}

#[test]
fn more_starts_never_give_a_worse_model() {
    // Rows around each of 30 places on a plane of 6 by 5.
    let points: Vec<[f64; DIMENSIONS]> = (0..600)
        .map(|row| {
            let near = f64::from(row * 7919 % 1000) * 1e-3;
            [f64::from(row % 6) * 100.0, f64::from(row % 5) * 90.0, near]
        })
        .collect();
    for (init, init_mode) in [
        (Init::Spark, InitMode::Random),
        (Init::Spark, InitMode::Parallel),
        (Init::PlusPlus, InitMode::Parallel),
    ] {
        for max_iter in [0, 3] {
            let mut better = 0;
            for seed in 0..4 {
                let with = |n_init| {
                    let params = Params {
                        k: 12,
                        seed,
                        max_iter,
                        init,
                        init_mode,
                        n_init,
                        ..Params::default()
                    };
                    passes(&points, &params, None).unwrap()
                };
                let cost = |fit: &Fit| match max_iter {
                    0 => inertia(&points, &fit.model.centers).0,
                    _ => fit.summary.training_cost,
                };
                let mut last = with(1);
                for n_init in 2..6 {
                    let fit = with(n_init);
                    if fit != last {
                        let costs = [&fit, &last].map(cost);
                        assert!(
                            costs[0] < costs[1],
                            "{init} {init_mode} {n_init}: {costs:?}"
                        );
                        better += 1;
                    }
                    last = fit;
                }
            }
            assert!(
                better > 0,
                "{init} {init_mode} {max_iter}: no start was another"
            );
        }
    }
}

#[test]
fn what_a_sample_of_equal_rows_lacks_is_found_in_all_rows() {
    let rows = Vec::from_iter((0..20_000).map(|row| match row % 500 {
        0 => [f64::from(row), 0.0, 0.0],
        _ => [-1.0, 0.0, 0.0],
    }));
    let with = |init_mode| {
        let params = Params {
            k: 30,
            init: Init::PlusPlus,
            init_mode,
            init_steps: 5,
            ..Params::default()
        };
        passes(&rows, &params, None).unwrap()
    };
    let fit = with(InitMode::Parallel);
    assert_eq!(fit.model.centers.len(), 30);
    assert_eq!(with(InitMode::Random), fit);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn inertia_never_rises(points in cloud(), params in any_params()) {
        let mut last = f64::INFINITY;
        for max_iter in 0..8 {
            let params = Params { max_iter, tol: 0.0, ..euclidean(params.clone()) };
            let fit = passes(&points, &params, None).unwrap();
            let (now, _) = inertia(&points, &fit.model.centers);
            prop_assert!(now <= last * (1.0 + 1e-9) + 1e-9, "pass {max_iter}: {last} became {now}");
            if max_iter > 0 && fit.summary.iterations == max_iter {
                // The cost of a pass belongs to the centers it began with.
                prop_assert!((fit.summary.training_cost - last).abs() <= 1e-9 * last + 1e-9);
            }
            last = now;
        }
    }

    #[test]
    fn a_pass_moves_each_center_to_the_mean_of_its_rows(points in cloud(), params in any_params()) {
        let before = passes(&points, &Params { max_iter: 0, ..euclidean(params.clone()) }, None).unwrap();
        let after = passes(&points, &Params { max_iter: 1, ..euclidean(params) }, None).unwrap();
        prop_assert_eq!(before.model.centers.len(), after.model.centers.len());
        let (_, nearest) = inertia(&points, &before.model.centers);
        for (cluster, center) in after.model.centers.iter().enumerate() {
            let members: Vec<_> = points.iter().zip(&nearest).filter(|(_, nearest)| **nearest == cluster).collect();
            for dimension in 0..DIMENSIONS {
                let sum: f64 = members.iter().map(|(point, _)| point[dimension]).sum();
                let mean = if members.is_empty() { before.model.centers[cluster][dimension] } else { sum / members.len() as f64 };
                prop_assert!((center[dimension] - mean).abs() <= 1e-9, "{} is not {mean}", center[dimension]);
            }
        }
    }

    /// The order of rows decides what is drawn, so it may change everything; but where every row is drawn, it changes
    /// nothing but the order of the centers. (Passes from given centers are tried beside the loop itself.)
    #[test]
    fn the_order_of_rows_changes_only_what_is_drawn(
        (points, shuffled) in cloud().prop_flat_map(|points| (Just(points.clone()), Just(points).prop_shuffle())),
        params in any_params(),
    ) {
        let params = Params { k: points.len().max(2), init: Init::Spark, init_mode: InitMode::Random, ..euclidean(params) };
        let sorted = |points: &[[f64; DIMENSIONS]]| {
            let mut centers = passes(points, &params, None).unwrap().model.centers;
            centers.sort_by(|a, b| a.partial_cmp(b).unwrap());
            centers
        };
        prop_assert_eq!(sorted(&points), sorted(&shuffled));
    }

    #[test]
    fn predictions_are_the_nearest_center_and_the_first_of_several(
        points in grid(),
        centers in grid(),
        form in any_form(),
    ) {
        let centers: Vec<Vec<f64>> = centers.iter().map(|center| center.to_vec()).collect();
        let predictor = Predictor::new(centers.clone(), DistanceMeasure::Euclidean).unwrap();
        let rows = rows_of(&points, form);
        prop_assert_eq!(predictor.predict_rows(&rows).unwrap(), inertia(&points, &centers).1);
    }

    #[test]
    fn sizes_count_the_predictions(points in grid(), params in any_params()) {
        let rows = rows_of(&points, RowForm::Assembled);
        match fit(&params, &rows, None, &Partitions::one()) {
            Err(error) => {
                prop_assert_eq!(params.distance_measure, DistanceMeasure::Cosine, "{}", error);
                prop_assert!(matches!(error, FitError::ZeroVector { .. } | FitError::Overflow), "{}", error);
            }
            Ok(fit) => {
                let predictor = Predictor::new(fit.model.centers, params.distance_measure).unwrap();
                let mut sizes = vec![0; fit.summary.sizes.len()];
                for point in &points {
                    sizes[predictor.predict(point).unwrap()] += 1;
                }
                prop_assert_eq!(sizes, fit.summary.sizes);
            }
        }
    }

    #[test]
    fn fewer_distinct_points_than_k_give_fewer_centers(points in grid(), params in any_params(), extra in 1_usize..4) {
        let k = distinct(&points) + extra;
        let params = Params { k: k.max(2), ..euclidean(params) };
        let fit = passes(&points, &params, None).unwrap();
        prop_assert!(fit.model.centers.len() <= distinct(&points));
        prop_assert_eq!(fit.summary.sizes.len(), fit.model.centers.len());
        prop_assert_eq!(fit.summary.sizes.iter().sum::<u64>(), points.len() as u64);
    }

    #[test]
    fn whole_weights_count_as_repeats_of_a_pass(
        (points, weights) in cloud().prop_flat_map(|points| {
            let len = points.len();
            (Just(points), prop::collection::vec(0_u8..4, len))
        }),
        params in any_params(),
    ) {
        let params = Params { max_iter: 1, ..euclidean(params) };
        let weights: Vec<f64> = weights.into_iter().map(f64::from).collect();
        let first = passes(&points, &Params { max_iter: 0, ..params.clone() }, None).unwrap();
        let weighted = passes(&points, &params, Some(&weights)).unwrap();
        let (_, nearest) = inertia(&points, &first.model.centers);
        for (cluster, center) in weighted.model.centers.iter().enumerate() {
            let (mut sum, mut weight) = (0.0, 0.0);
            for row in (0..points.len()).filter(|row| nearest[*row] == cluster) {
                sum += weights[row] * points[row][0];
                weight += weights[row];
            }
            let mean = if weight > 0.0 { sum / weight } else { first.model.centers[cluster][0] };
            prop_assert!((center[0] - mean).abs() <= 1e-9);
        }
    }

    #[test]
    fn no_finite_input_panics(
        points in prop::collection::vec([finite(), finite(), finite()], 0..30),
        params in any_params(),
        form in any_form(),
        cut in any::<prop::sample::Index>(),
    ) {
        let rows = rows_of(&points, form);
        let cut = cut.index(points.len() + 1);
        let partitions = Partitions::of_sizes(&[cut, points.len() - cut]);
        match fit(&params, &rows, None, &partitions) {
            Ok(fit) => prop_assert!(fit.model.centers.iter().flatten().all(|value| value.is_finite())),
            Err(FitError::NoRows) => prop_assert!(points.is_empty()),
            Err(FitError::ZeroVector { .. } | FitError::Overflow) => {}
            Err(other) => prop_assert!(false, "{}", other),
        }
    }

    #[test]
    fn the_same_bits_again(points in cloud(), params in any_params(), form in any_form()) {
        let rows = rows_of(&points, form);
        let once = fit(&params, &rows, None, &Partitions::one());
        prop_assert_eq!(once, fit(&params, &rows, None, &Partitions::one()));
    }
}
