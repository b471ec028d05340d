//! One model over everything: the same bits, however the rows are cut and whoever computes.

// Helpers of tests are not within test functions, and a test may panic.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

use gugus_kmeans::whole::{
    Invalid, Kernel, Layout, Partial, PartialError, Points, PointsBuilder, Progress, Step,
    Training, Weighting, WholeError, WholeFit, key, run_step,
};
use gugus_kmeans::{DistanceMeasure, InitMode, Params};
use proptest::prelude::*;

/// All rows of a training.
#[derive(Clone, Debug)]
struct Data {
    rows: Vec<Vec<f64>>,
    weights: Option<Vec<f64>>,
}

/// Who computes: how many slices, how rows get into them, in which layout, by which kernel.
#[derive(Clone, Copy, Debug)]
struct Way {
    slices: usize,
    shuffle: u64,
    layout: Layout,
    kernel: Kernel,
    threads: usize,
}

/// The plainest way.
const PLAIN: Way = Way {
    slices: 1,
    shuffle: 0,
    layout: Layout::Rows,
    kernel: Kernel::Scalar,
    threads: 1,
};

const WAYS: [Way; 5] = [
    Way {
        layout: Layout::Leaves(4),
        kernel: Kernel::Vector,
        ..PLAIN
    },
    Way {
        slices: 2,
        shuffle: 3,
        layout: Layout::Auto,
        kernel: Kernel::Vector,
        threads: 2,
    },
    Way {
        slices: 7,
        shuffle: 5,
        layout: Layout::Leaves(1),
        kernel: Kernel::Scalar,
        threads: 3,
    },
    Way {
        slices: 7,
        shuffle: 9,
        layout: Layout::Leaves(16),
        kernel: Kernel::Vector,
        threads: 1,
    },
    Way {
        slices: 64,
        shuffle: 1,
        layout: Layout::Rows,
        kernel: Kernel::Vector,
        threads: 4,
    },
];

/// A number from two, for shuffles.
fn scramble(a: u64, b: usize) -> u64 {
    key(a, 1, b as i64)
}

impl Data {
    fn dimensions(&self) -> usize {
        self.rows.first().map_or(1, Vec::len)
    }

    fn weighting(&self) -> Weighting {
        match self.weights {
            None => Weighting::None,
            Some(_) => Weighting::Column,
        }
    }

    /// The rows in slices, in an order and a cut that the way decides; the plain way leaves them as they are.
    fn slices(&self, measure: DistanceMeasure, way: Way) -> Vec<Points> {
        let mut order: Vec<usize> = (0..self.rows.len()).collect();
        if way.shuffle > 0 {
            order.sort_by_key(|row| scramble(way.shuffle, *row));
        }
        let mut slices = vec![Vec::new(); way.slices];
        for row in order {
            slices[(scramble(way.shuffle + 1, row) % way.slices as u64) as usize].push(row);
        }
        let build = |rows: &Vec<usize>| {
            let mut builder = PointsBuilder::new(self.dimensions(), measure, self.weighting());
            builder.reserve(rows.len());
            let columns: Vec<Vec<f64>> = (0..self.dimensions())
                .map(|d| rows.iter().map(|row| self.rows[*row][d]).collect())
                .collect();
            let columns: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
            let weights: Option<Vec<f64>> = self
                .weights
                .as_ref()
                .map(|weights| rows.iter().map(|row| weights[*row]).collect());
            let keys: Vec<u64> = rows.iter().map(|row| key(1, 0, *row as i64)).collect();
            builder.push(&columns, weights.as_deref(), &keys);
            builder.finish(way.layout)
        };
        slices.iter().map(build).collect()
    }

    fn train(&self, params: &Params, way: Way) -> Result<(WholeFit, Vec<Progress>), WholeError> {
        let slices = self.slices(params.distance_measure, way);
        let mut training = Training::new(
            params.clone(),
            self.dimensions(),
            self.weighting(),
            Invalid::Fail,
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

/// A step over all slices, sent about as text and bytes, merged in an order of its own.
fn compute(step: &Step, slices: &[Points], dimensions: usize, way: Way) -> Partial {
    let text = serde_json::to_string(step).unwrap();
    let sent: Step = serde_json::from_str(&text).unwrap();
    assert_eq!(&sent, step);
    let chunks = slices.chunks(slices.len().div_ceil(way.threads));
    let mut partials: Vec<Vec<u8>> = std::thread::scope(|scope| {
        let threads: Vec<_> = chunks
            .map(|slices| {
                let sent = &sent;
                scope.spawn(move || {
                    let run = |points| run_step(sent, points, way.kernel).unwrap().encode();
                    slices.iter().map(run).collect::<Vec<_>>()
                })
            })
            .collect();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .collect()
    });
    if way.shuffle % 2 == 1 {
        partials.reverse();
    }
    let mut merged = Partial::empty(step, dimensions);
    for partial in partials {
        merged.merge(Partial::decode(&partial).unwrap()).unwrap();
    }
    merged
}

/// Rows of two or three columns: on a grid with ties and repeats, uniform, as the LAPD's (close together, with outliers at 0, 0), or all equal.
fn data() -> impl Strategy<Value = Data> {
    let grid = (-3_i8..=3).prop_map(f64::from).boxed();
    let cloud = (-9.0..9.0_f64).boxed();
    let columns = |coordinate: BoxedStrategy<f64>| {
        (1..4_usize).prop_flat_map(move |dimensions| {
            let row = prop::collection::vec(coordinate.clone(), dimensions);
            prop::collection::vec(row, 1..200_usize)
        })
    };
    let place = prop_oneof![
        9 => (0..9000_i32, 0..9000_i32).prop_map(|(lat, lon)| {
            vec![33.7 + f64::from(lat) * 1e-4, -118.7 + f64::from(lon) * 1e-4]
        }),
        1 => Just(vec![0.0, 0.0]),
    ];
    let rows = prop_oneof![
        columns(grid),
        columns(cloud),
        prop::collection::vec(place, 1..200_usize),
        (1..50_usize).prop_map(|rows| vec![vec![0.1, 0.7]; rows]),
    ];
    let weight = prop_oneof![Just(0.0), Just(1.0), Just(0.1), 0.0..9.0_f64];
    (rows, prop::option::of(prop::collection::vec(weight, 200))).prop_map(|(rows, weights)| Data {
        weights: weights.map(|weights| weights[..rows.len()].to_vec()),
        rows,
    })
}

fn params() -> impl Strategy<Value = Params> {
    let init = prop_oneof![3 => Just(InitMode::Parallel), 1 => Just(InitMode::Random)];
    let measure = prop_oneof![
        3 => Just(DistanceMeasure::Euclidean),
        1 => Just(DistanceMeasure::Cosine)
    ];
    (2..9_usize, any::<i64>(), 0..9_u32, init, 1..4_u32, measure).prop_map(
        |(k, seed, max_iter, init_mode, init_steps, distance_measure)| Params {
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
                prop_assert_eq!(fit.sizes.iter().sum::<u64>(), data.rows.len() as u64);
                prop_assert!((1..=params.k).contains(&fit.centers.len()));
                prop_assert!(fit.iterations <= params.max_iter);
                let last = progress.last().unwrap();
                prop_assert_eq!((last.step, last.cost), ("evaluate", Some(fit.cost)));
                prop_assert_eq!(last.pass as usize, progress.len());
            }
            Err(error) => {
                prop_assert_eq!(params.distance_measure, DistanceMeasure::Cosine);
                let count = data.rows.iter().filter(|row| zero(row)).count() as u64;
                prop_assert_eq!(error, WholeError::ZeroVectors { count });
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
    let (whole, progress) = data.train(&params, WAYS[1]).unwrap();
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
    for (ours, theirs) in sorted(&whole.centers)
        .concat()
        .iter()
        .zip(sorted(&fit.centers).concat())
    {
        assert!((ours - theirs).abs() < 1e-9, "{ours} and {theirs}");
    }
    assert_eq!(whole.sizes, [1000; 4]);
    assert!(whole.converged);
    assert!((whole.cost / fit.training_cost - 1.0).abs() < 1e-9);
    let last = progress
        .iter()
        .rfind(|progress| progress.step == "lloyd")
        .unwrap();
    assert!(
        (last.cost.unwrap() / whole.training_cost - 1.0).abs() < 1e-9,
        "{progress:?}"
    );
    assert_eq!(last.moved, Some(0.0));
}

#[test]
fn what_is_no_number_is_told_by_column() {
    let train = |rows: &[[f64; 2]], weights: Option<&[f64]>, measure, invalid| {
        let weighting = if weights.is_some() {
            Weighting::Column
        } else {
            Weighting::None
        };
        let mut builder = PointsBuilder::new(2, measure, weighting);
        let columns = [0, 1].map(|d| rows.iter().map(|row| row[d]).collect::<Vec<f64>>());
        let keys: Vec<u64> = (0..rows.len() as i64).map(|row| key(1, 0, row)).collect();
        builder.push(&[&columns[0], &columns[1]], weights, &keys);
        let points = builder.finish(Layout::Auto);
        let params = Params {
            distance_measure: measure,
            ..Params::default()
        };
        let mut training = Training::new(params, 2, weighting, invalid).unwrap();
        while let Some(step) = training.step() {
            training.absorb(run_step(&step, &points, Kernel::default()).unwrap())?;
        }
        Ok::<WholeFit, WholeError>(training.finish().unwrap())
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
        error(&rows, None, Euclidean, Invalid::Fail),
        "column 0: 1 of 4 rows are null or NaN, column 1: 2 of 4 rows are null or NaN; filter these rows out or have them dropped"
    );
    let fit = train(&rows, None, Euclidean, Invalid::Drop).unwrap();
    assert_eq!((fit.rows, fit.dropped, fit.sizes), (2, 2, vec![1, 1]));
    let weights = Some([1.0, nan, 1.0, 1.0]);
    let fine = [[1.0, 1.0]; 4];
    assert_eq!(
        error(
            &fine,
            weights.as_ref().map(|weights| &weights[..]),
            Euclidean,
            Invalid::Fail
        ),
        "column 2: 1 of 4 rows are null or NaN; filter these rows out or have them dropped"
    );
    assert_eq!(
        error(
            &[[1.0, infinity], [1.0, 2.0]],
            None,
            Euclidean,
            Invalid::Drop
        ),
        "column 1: 1 of 2 rows are infinite; filter these rows out"
    );
    assert_eq!(
        error(
            &fine,
            Some(&[1.0, -1.0, 0.0, 2.0]),
            Euclidean,
            Invalid::Drop
        ),
        "1 rows have a negative weight"
    );
    assert_eq!(
        error(&[[0.0, 0.0], [1.0, 2.0]], None, Cosine, Invalid::Drop),
        "1 rows are zero vectors, which have no cosine distance to anything"
    );
    assert_eq!(
        error(&[], None, Euclidean, Invalid::Fail),
        "no rows are left to fit"
    );
    for measure in [Euclidean, Cosine] {
        assert_eq!(
            error(&[[1e200, 0.0], [1.0, 2.0]], None, measure, Invalid::Fail),
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
    assert_eq!(fit.centers.len(), 1);
    assert!((fit.centers[0][0] - 0.1).abs() < 1e-16);
    let data = Data {
        weights: None,
        ..data
    };
    let (fit, _) = data.train(&Params::default(), WAYS[3]).unwrap();
    assert_eq!(fit.centers, [[0.1, -118.3]]);
    assert_eq!((fit.cost, fit.training_cost), (0.0, 0.0));
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

    let mut training = Training::new(Params::default(), 2, Weighting::None, Invalid::Fail).unwrap();
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
        let mut training = Training::new(params, 2, Weighting::None, Invalid::Fail).unwrap();
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
    assert_eq!(both.rows, 3002);
    assert_eq!(train(&[&points]), alone);
    assert_eq!(points.heap_size(), size, "sums were counted from the start");
}
