//! One model over all batches: the same bits, however the rows are cut and whoever computes them.

// Helpers of tests are not within test functions, and a test may panic.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod ways;

use gugus_kmeans::{DistanceMeasure, HandleInvalid, Init, InitMode, Params};
use gugus_kmeans_all::{
    AllError, AllFit, Kernel, Partial, PartialError, PointOrder, Points, PointsBuilder, Step,
    StepReport, Training, Weighting, key, run_step,
};
use proptest::prelude::*;
use ways::{Data, PLAIN, WAYS, Way, compute, data, scramble};

impl Data {
    fn train(&self, params: &Params, way: Way) -> Result<(AllFit, Vec<StepReport>), AllError> {
        let slices = self.slices(params.distance_measure, way);
        let mut training = Training::new(
            params.clone(),
            self.dimensions(),
            self.weighting(),
            HandleInvalid::Error,
        )
        .unwrap();
        let mut progress = Vec::new();
        while let Some(step) = training.step() {
            let partial = compute(&step, &slices, self.dimensions(), way);
            progress.push(training.absorb(partial)?);
        }
        Ok((training.finish().expect("no step is left"), progress))
    }
}

fn params() -> impl Strategy<Value = Params> {
    let init = prop_oneof![3 => Just(InitMode::Parallel), 1 => Just(InitMode::Random)];
    let measure = prop_oneof![
        3 => Just(DistanceMeasure::Euclidean),
        1 => Just(DistanceMeasure::Cosine)
    ];
    let start = prop_oneof![
        3 => Just((Init::Spark, 1)),
        1 => Just((Init::PlusPlus, 1)),
        1 => Just((Init::Spark, 3)),
        1 => Just((Init::PlusPlus, 3))
    ];
    let of = (
        prop_oneof![2 => 2..9_usize, 1 => 9..30_usize],
        any::<i64>(),
        0..9_u32,
        start,
        init,
        1..4_u32,
        measure,
    );
    of.prop_map(
        |(k, seed, max_iter, (init, n_init), init_mode, init_steps, distance_measure)| Params {
            init,
            n_init,
            k,
            seed,
            max_iter,
            init_mode,
            init_steps,
            distance_measure,
            ..Params::default()
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn no_way_of_computing_changes_a_bit(data in data(), params in params()) {
        let plain = data.train(&params, PLAIN);
        for way in WAYS {
            // The text shows each bit of each number, and a negative zero.
            prop_assert_eq!(format!("{:?}", data.train(&params, way)), format!("{plain:?}"));
        }
        let zero = |row: &Vec<f64>| row.iter().all(|value| *value == 0.0);
        match plain {
            Ok((fit, progress)) => {
                prop_assert_eq!(fit.fit.summary.sizes.iter().sum::<u64>(), data.rows.len() as u64);
                prop_assert!((1..=params.k).contains(&fit.fit.model.centers.len()));
                prop_assert!(fit.fit.summary.iterations <= params.max_iter);
                let last = progress.last().unwrap();
                prop_assert_eq!(last.step, "evaluate");
                let costs = progress.iter().filter(|report| report.step == "evaluate");
                let costs: Vec<f64> = costs.filter_map(|report| report.cost).collect();
                prop_assert_eq!(costs.len(), params.n_init as usize);
                prop_assert!(costs.contains(&fit.cost));
                prop_assert_eq!(last.pass as usize, progress.len());
            }
            Err(error) => {
                prop_assert_eq!(params.distance_measure, DistanceMeasure::Cosine);
                let count = data.rows.iter().filter(|row| zero(row)).count() as u64;
                prop_assert_eq!(error, AllError::ZeroVectors { count });
            }
        }
    }
}

/// Four blobs that no start can miss.
fn blobs(rows: usize) -> Data {
    let corner = [[0.0, 0.0], [100.0, 0.0], [0.0, 100.0], [100.0, 100.0]];
    let spread = |row, of| (scramble(of, row) % 1000) as f64 * 1e-3;
    let row = |row: usize| {
        vec![
            corner[row % 4][0] + spread(row, 1),
            corner[row % 4][1] + spread(row, 2),
        ]
    };
    Data {
        rows: (0..rows).map(row).collect(),
        weights: None,
    }
}

#[test]
fn blobs_are_found_as_by_the_fit_of_one_machine() {
    let data = blobs(4000);
    let params = Params {
        k: 4,
        seed: 3,
        ..Params::default()
    };
    let (all, progress) = data.train(&params, WAYS[1]).unwrap();
    let mut rows = gugus_kmeans::Rows::new(2, gugus_kmeans::RowForm::Dense);
    for row in &data.rows {
        rows.push(row);
    }
    let fit = gugus_kmeans::fit(&params, &rows, None, &gugus_kmeans::Partitions::one()).unwrap();
    let sorted = |centers: &[Vec<f64>]| {
        let mut centers = centers.to_vec();
        centers.sort_by(|a, b| a.partial_cmp(b).unwrap());
        centers
    };
    for (ours, theirs) in sorted(&all.fit.model.centers)
        .concat()
        .iter()
        .zip(sorted(&fit.model.centers).concat())
    {
        assert!((ours - theirs).abs() < 1e-9, "{ours} and {theirs}");
    }
    assert_eq!(all.fit.summary.sizes, [1000; 4]);
    assert!(all.converged);
    assert!((all.cost / fit.summary.training_cost - 1.0).abs() < 1e-9);
    let last = progress
        .iter()
        .rfind(|progress| progress.step == "lloyd")
        .unwrap();
    assert!(
        (last.cost.unwrap() / all.fit.summary.training_cost - 1.0).abs() < 1e-9,
        "{progress:?}"
    );
    assert_eq!(last.moved, Some(0.0));
}

#[test]
fn what_is_no_number_is_told_by_column() {
    let train = |rows: &[[f64; 2]], weights: Option<&[f64]>, measure, invalid| {
        let weighting = if weights.is_some() {
            Weighting::LastColumn
        } else {
            Weighting::Uniform
        };
        let mut builder = PointsBuilder::new(2, measure, weighting);
        let columns = [0, 1].map(|d| rows.iter().map(|row| row[d]).collect::<Vec<f64>>());
        let keys: Vec<u64> = (0..rows.len() as i64).map(|row| key(1, 0, row)).collect();
        builder.push(&[&columns[0], &columns[1]], weights, &keys);
        let points = builder.finish(PointOrder::Auto);
        let params = Params {
            distance_measure: measure,
            ..Params::default()
        };
        let mut training = Training::new(params, 2, weighting, invalid).unwrap();
        while let Some(step) = training.step() {
            training.absorb(run_step(&step, &points, Kernel::default()).unwrap())?;
        }
        Ok::<AllFit, AllError>(training.finish().unwrap())
    };
    use DistanceMeasure::{Cosine, Euclidean};
    let (nan, infinity) = (f64::NAN, f64::INFINITY);
    let error = |rows: &[[f64; 2]], weights: Option<&[f64]>, measure, invalid| {
        train(rows, weights, measure, invalid)
            .unwrap_err()
            .to_string()
    };

    let rows = [[1.0, nan], [nan, nan], [3.0, 4.0], [5.0, 6.0]];
    assert_eq!(
        error(&rows, None, Euclidean, HandleInvalid::Error),
        "column 0: 1 of 4 rows are null or NaN, column 1: 2 of 4 rows are null or NaN; filter these rows out or have them dropped"
    );
    let fit = train(&rows, None, Euclidean, HandleInvalid::Skip).unwrap();
    assert_eq!(
        (
            fit.fit.summary.rows,
            fit.fit.summary.dropped,
            fit.fit.summary.sizes
        ),
        (2, 2, vec![1, 1])
    );
    let weights = Some([1.0, nan, 1.0, 1.0]);
    let fine = [[1.0, 1.0]; 4];
    assert_eq!(
        error(
            &fine,
            weights.as_ref().map(|weights| &weights[..]),
            Euclidean,
            HandleInvalid::Error
        ),
        "column 2: 1 of 4 rows are null or NaN; filter these rows out or have them dropped"
    );
    assert_eq!(
        error(
            &[[1.0, infinity], [1.0, 2.0]],
            None,
            Euclidean,
            HandleInvalid::Skip
        ),
        "column 1: 1 of 2 rows are infinite; filter these rows out"
    );
    assert_eq!(
        error(
            &fine,
            Some(&[1.0, -1.0, 0.0, 2.0]),
            Euclidean,
            HandleInvalid::Skip
        ),
        "1 rows have a negative weight"
    );
    assert_eq!(
        error(&[[0.0, 0.0], [1.0, 2.0]], None, Cosine, HandleInvalid::Skip),
        "1 rows are zero vectors, which have no cosine distance to anything"
    );
    assert_eq!(
        error(&[], None, Euclidean, HandleInvalid::Error),
        "no rows are left to fit"
    );
    for measure in [Euclidean, Cosine] {
        assert_eq!(
            error(
                &[[1e200, 0.0], [1.0, 2.0]],
                None,
                measure,
                HandleInvalid::Error
            ),
            "the distances between the rows overflow: scale the features down"
        );
    }
}

#[test]
fn equal_rows_have_their_own_value_as_center() {
    let data = Data {
        rows: vec![vec![0.1, -118.3]; 1000],
        weights: Some(vec![0.3; 1000]),
    };
    let (fit, _) = data.train(&Params::default(), WAYS[3]).unwrap();
    assert_eq!(fit.fit.model.centers.len(), 1);
    assert!((fit.fit.model.centers[0][0] - 0.1).abs() < 1e-16);
    let data = Data {
        weights: None,
        ..data
    };
    let (fit, _) = data.train(&Params::default(), WAYS[3]).unwrap();
    assert_eq!(fit.fit.model.centers, [[0.1, -118.3]]);
    assert_eq!((fit.cost, fit.fit.summary.training_cost), (0.0, 0.0));
}

#[test]
fn partials_that_do_not_belong_together_are_refused() {
    let points = &blobs(100).slices(DistanceMeasure::Euclidean, PLAIN)[0];
    let centers = |count| vec![vec![1.0, 2.0]; count];
    let run = |step| run_step(&step, points, Kernel::Vector).unwrap();
    let mut weigh = run(Step::Weigh {
        candidates: centers(3),
    });
    assert_eq!(
        weigh
            .merge(run(Step::Cost {
                candidates: centers(3)
            }))
            .unwrap_err(),
        PartialError::Step {
            expected: "weigh",
            given: "cost"
        }
    );
    assert_eq!(
        weigh
            .merge(run(Step::Weigh {
                candidates: centers(2)
            }))
            .unwrap_err()
            .to_string(),
        "two partials of \"weigh\" differ in their shape"
    );
    let bytes = weigh.encode();
    assert_eq!(Partial::decode(&bytes).unwrap(), weigh);
    for wrong in [
        &[][..],
        &bytes[..bytes.len() - 1],
        &[&bytes[..], &[0]].concat(),
        &[9, 3, 0],
    ] {
        let told = PartialError::Encoding { bytes: wrong.len() };
        assert_eq!(Partial::decode(wrong).unwrap_err(), told);
    }

    let mut training = Training::new(
        Params::default(),
        2,
        Weighting::Uniform,
        HandleInvalid::Error,
    )
    .unwrap();
    let first = training.step();
    let error = training.absorb(weigh).unwrap_err();
    assert_eq!(
        error.to_string(),
        "a partial of \"summarize\" was to be joined with one of \"weigh\""
    );
    assert_eq!(training.step(), first, "nothing has changed");
    assert_eq!(training.finish(), None);
}

#[test]
fn one_tree_serves_trainings_of_other_scales() {
    let data = blobs(3000);
    let points = data.slices(DistanceMeasure::Euclidean, WAYS[0]).remove(0);
    let size = points.heap_size();
    let far = Data {
        rows: vec![vec![1e6, 1e6]; 2],
        weights: None,
    };
    let far = far.slices(DistanceMeasure::Euclidean, PLAIN).remove(0);
    let train = |slices: &[&Points]| {
        let params = Params {
            k: 5,
            ..Params::default()
        };
        let mut training =
            Training::new(params, 2, Weighting::Uniform, HandleInvalid::Error).unwrap();
        while let Some(step) = training.step() {
            let mut merged = Partial::empty(&step, 2);
            for points in slices {
                merged
                    .merge(run_step(&step, points, Kernel::Vector).unwrap())
                    .unwrap();
            }
            training.absorb(merged).unwrap();
        }
        training.finish().unwrap()
    };
    let alone = train(&[&points]);
    let both = train(&[&points, &far]);
    assert_eq!(both.fit.summary.rows, 3002);
    assert_eq!(train(&[&points]), alone);
    assert_eq!(points.heap_size(), size, "sums were counted from the start");
}

#[test]
fn a_builder_knows_how_much_its_points_take_at_most() {
    let shapes = [
        (1, 5_000),
        (2, 1 << 15),
        (8, 40),
        (9, 5),
        (9, 1 << 12),
        (16, 5_000),
        (64, 1 << 10),
    ];
    for (columns, rows) in shapes {
        for weighting in [Weighting::Uniform, Weighting::LastColumn] {
            for reserves in [false, true] {
                let mut builder =
                    PointsBuilder::new(columns, DistanceMeasure::Euclidean, weighting);
                let before = builder.most_heap_size_of(rows);
                if reserves {
                    builder.reserve(rows);
                }
                let keys: Vec<u64> = (0..rows as i64).map(|row| key(1, 0, row)).collect();
                for keys in keys.chunks(1 << 12) {
                    let numbers: Vec<f64> = keys.iter().map(|key| (key % 1_000) as f64).collect();
                    let weights = (weighting == Weighting::LastColumn).then_some(&*numbers);
                    builder.push(&vec![&*numbers; columns], weights, keys);
                }
                let most = builder.most_heap_size();
                let size = builder.finish(PointOrder::Auto).heap_size();
                let told = format!("{columns} columns, {rows} rows, {weighting:?}, {reserves}");
                assert!(size <= most, "{told}: {size} of {most}");
                assert!(!reserves || most <= before, "{told}: {most} of {before}");
                // Rows that get no leaves need little more than they take later.
                assert!(
                    columns <= 8 || before < 2 * size,
                    "{told}: {before} for {size}"
                );
            }
        }
    }
}
