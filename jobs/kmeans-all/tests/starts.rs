//! Where a training over all batches begins: starts that are not Spark's, and more than one.

// Helpers of tests are not within test functions, and a test may panic.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod ways;

use gugus_kmeans::{HandleInvalid, Init, InitMode, Params, Stop, Stopped};
use gugus_kmeans_all::{AllError, AllFit, PartialError, Step, Training};
use ways::{Data, PLAIN, WAYS, Way, compute, scramble};

/// The fit, and the steps that were taken.
fn train(data: &Data, params: &Params, way: Way) -> (AllFit, Vec<&'static str>) {
    let slices = data.slices(params.distance_measure, way);
    let (columns, invalid) = (data.dimensions(), HandleInvalid::Error);
    let mut training = Training::new(params.clone(), columns, data.weighting(), invalid).unwrap();
    let mut steps = Vec::new();
    while let Some(step) = training.step() {
        training
            .absorb(compute(&step, &slices, columns, way))
            .unwrap();
        steps.push(step.name());
    }
    (training.finish().unwrap(), steps)
}

/// Rows around each of `places` places on a line, far from each other.
fn places(places: usize, rows: usize) -> Data {
    let row = |row: usize| {
        let near = (scramble(1, row) % 1000) as f64 * 1e-3;
        vec![(row % places) as f64 * 100.0 + near]
    };
    Data {
        rows: (0..rows).map(row).collect(),
        weights: None,
    }
}

#[test]
fn greedy_starts_find_every_place_without_a_pass_of_their_own() {
    let data = places(40, 8000);
    let params = Params {
        k: 40,
        init: Init::PlusPlus,
        n_init: 3,
        ..Params::default()
    };
    let (fit, steps) = train(&data, &params, PLAIN);
    assert_eq!(fit.fit.summary.sizes, [200; 40]);
    // Each row is less than 1 away from the others of its place.
    assert!(fit.cost < 8000.0 / 4.0, "{}", fit.cost);
    let of = |name| steps.iter().filter(|step| **step == name).count();
    assert_eq!((of("summarize"), of("evaluate")), (1, 3));
    assert_eq!(of("cost") + of("sample") + of("weigh"), 0, "{steps:?}");
    for way in WAYS {
        assert_eq!(train(&data, &params, way).0, fit, "{way:?}");
    }
}

#[test]
fn more_starts_never_give_a_worse_model() {
    let data = places(30, 600);
    for (init, init_mode) in [
        (Init::Spark, InitMode::Random),
        (Init::Spark, InitMode::Parallel),
        (Init::PlusPlus, InitMode::Parallel),
    ] {
        let mut better = 0;
        for seed in 0..4 {
            let with = |n_init| {
                let params = Params {
                    k: 12,
                    seed,
                    max_iter: 3,
                    init,
                    init_mode,
                    n_init,
                    ..Params::default()
                };
                train(&data, &params, PLAIN).0
            };
            let mut last = with(1);
            for n_init in 2..6 {
                let fit = with(n_init);
                if fit != last {
                    let costs = [&fit, &last].map(|fit| fit.fit.summary.training_cost);
                    assert!(
                        costs[0] < costs[1],
                        "{init} {init_mode} {n_init}: {costs:?}"
                    );
                    better += 1;
                }
                last = fit;
            }
        }
        assert!(better > 0, "{init} {init_mode}: no start was another");
    }
}

#[test]
fn the_first_of_equal_starts_is_kept() {
    // Four rows and four centers: every start costs nothing, in an order of its own.
    let data = Data {
        rows: (0..4).map(|row| vec![f64::from(row)]).collect(),
        weights: None,
    };
    let with = |n_init| Params {
        k: 4,
        init: Init::PlusPlus,
        n_init,
        ..Params::default()
    };
    let first = train(&data, &with(1), PLAIN).0;
    assert_eq!(first.cost, 0.0);
    assert_eq!(train(&data, &with(20), PLAIN).0, first);
}

#[test]
fn what_a_sample_of_equal_rows_lacks_is_found_by_passes() {
    let mut data = places(1, 0);
    data.rows = (0..20_000)
        .map(|row| vec![if row % 500 == 0 { row as f64 } else { -1.0 }])
        .collect();
    let params = Params {
        k: 30,
        init: Init::PlusPlus,
        init_steps: 5,
        ..Params::default()
    };
    let (fit, steps) = train(&data, &params, PLAIN);
    assert_eq!(fit.fit.model.centers.len(), 30);
    assert!(steps.contains(&"sample"), "{steps:?}");
    assert_eq!(train(&data, &params, WAYS[2]).0, fit);
}

#[test]
fn a_signal_ends_every_choice_of_centers() {
    let data = places(40, 4000);
    let (columns, invalid) = (data.dimensions(), HandleInvalid::Error);
    // The first choice, the choice of the second start, and that among the candidates of k-means||.
    for (init, last) in [
        (Init::PlusPlus, "summarize"),
        (Init::PlusPlus, "evaluate"),
        (Init::Spark, "weigh"),
    ] {
        let params = Params {
            k: 40,
            init,
            n_init: 2,
            ..Params::default()
        };
        let slices = data.slices(params.distance_measure, PLAIN);
        let mut training = Training::new(params, columns, data.weighting(), invalid).unwrap();
        loop {
            let step = training.step().unwrap();
            let partial = compute(&step, &slices, columns, PLAIN);
            if step.name() != last {
                training.absorb(partial).unwrap();
                continue;
            }
            let stop = Stop::default();
            training = training.until(&stop);
            stop.now();
            assert_eq!(
                training.absorb(partial.clone()),
                Err(AllError::Partial(PartialError::Stopped(Stopped)))
            );
            // Nothing has changed, so the same result can be taken in without the signal.
            assert_eq!(training.step().unwrap(), step);
            training = training.until(&Stop::default());
            training.absorb(partial).unwrap();
            break;
        }
    }
}

#[test]
fn given_centers_are_the_only_start() {
    let data = places(3, 300);
    let params = Params {
        k: 3,
        n_init: 5,
        ..Params::default()
    };
    let (columns, invalid) = (data.dimensions(), HandleInvalid::Error);
    let slices = data.slices(params.distance_measure, PLAIN);
    let mut training = Training::new(params, columns, data.weighting(), invalid)
        .unwrap()
        .starting_from(Some(vec![vec![0.0], vec![100.0], vec![200.0]]));
    let Some(Step::Summarize { first, .. }) = training.step() else {
        panic!("not the first step");
    };
    assert_eq!(first, 0, "no row is drawn that nobody needs");
    let mut ends = 0;
    while let Some(step) = training.step() {
        ends += usize::from(step.name() == "evaluate");
        training
            .absorb(compute(&step, &slices, columns, PLAIN))
            .unwrap();
    }
    assert_eq!(ends, 1);
    assert_eq!(training.finish().unwrap().fit.summary.sizes, [100; 3]);
}
