//! Compares each step with the plainest way to compute it: a loop over all rows and all centers, with whole numbers for
//! sums.

use proptest::prelude::*;

use crate::draws::Drawn;
use crate::exact_sum::ExactSum;
use crate::fixed_point::{Grid, joined};
use crate::hash::{draw, stream, uniform};
use crate::partial::{Content, Evaluation};
use crate::*;
use gugus_kmeans::DistanceMeasure;
use gugus_kmeans::vectors::squared_distance;

/// The rows of one training, and the centers to compare them with.
#[derive(Clone, Debug)]
struct Case {
    rows: Vec<Vec<f64>>,
    weights: Option<Vec<f64>>,
    centers: Vec<Vec<f64>>,
}

/// The coordinates to test with. On a small grid there are many ties; next to such a grid rounding decides. Others lie
/// anywhere, far out, or close to zero.
fn coordinate() -> impl Strategy<Value = f64> + Clone {
    prop_oneof![
        4 => (-3_i8..=3).prop_map(f64::from),
        3 => (-3_i8..=3, -2_i8..=2).prop_map(|(whole, ulps)| f64::from(whole) + f64::from(ulps) * f64::EPSILON),
        2 => -4.0..4.0_f64,
        2 => (-30_i8..30).prop_map(|tenths| f64::from(tenths) * 0.1 + 118.0),
        1 => Just(1e9),
        1 => -1e-160..1e-160_f64,
    ]
}

fn case() -> impl Strategy<Value = Case> {
    let row = |dimensions| prop::collection::vec(coordinate(), dimensions);
    // With more than eight numbers, a row takes more than one group of grids.
    prop_oneof![4 => 1..7_usize, 1 => 7..20_usize].prop_flat_map(move |dimensions| {
        let rows = prop::collection::vec(row(dimensions), 1..120);
        let few_or_many = prop_oneof![4 => 1..12_usize, 1 => 12..40_usize];
        let centers =
            few_or_many.prop_flat_map(move |count| prop::collection::vec(row(dimensions), count));
        let weight = prop_oneof![Just(0.0), Just(1.0), 0.0..3.0_f64];
        let weights = prop::option::of(prop::collection::vec(weight, 120));
        (rows, weights, centers).prop_map(|(rows, weights, centers)| Case {
            weights: weights.map(|weights| weights[..rows.len()].to_vec()),
            rows,
            centers,
        })
    })
}

impl Case {
    fn points(&self, layout: PointOrder) -> Points {
        let dimensions = self.rows[0].len();
        let weighting = match self.weights {
            None => Weighting::Uniform,
            Some(_) => Weighting::LastColumn,
        };
        let mut builder = PointsBuilder::new(dimensions, DistanceMeasure::Euclidean, weighting);
        let columns: Vec<Vec<f64>> = (0..dimensions)
            .map(|d| self.rows.iter().map(|row| row[d]).collect())
            .collect();
        let columns: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
        let keys: Vec<u64> = (0..self.rows.len() as i64)
            .map(|row| key(1, 0, row))
            .collect();
        builder.push(&columns, self.weights.as_deref(), &keys);
        builder.finish(layout)
    }

    fn weight(&self, row: usize) -> f64 {
        self.weights.as_ref().map_or(1.0, |weights| weights[row])
    }

    fn nearest(&self, row: usize) -> (usize, f64) {
        let mut best = (0, f64::INFINITY);
        for (number, center) in self.centers.iter().enumerate() {
            let cost = squared_distance(&self.rows[row], center);
            if cost < best.1 {
                best = (number, cost);
            }
        }
        best
    }

    fn sizes(&self) -> Vec<u64> {
        let mut sizes = vec![0; self.centers.len()];
        for row in 0..self.rows.len() {
            sizes[self.nearest(row).0] += 1;
        }
        sizes
    }

    fn cost(&self, weight: impl Fn(usize) -> f64) -> ExactSum {
        let mut sum = ExactSum::default();
        for row in 0..self.rows.len() {
            sum.add(self.nearest(row).1 * weight(row));
        }
        sum
    }

    fn scale(&self) -> Scale {
        let largest: Vec<f64> = (0..self.rows[0].len())
            .map(|d| {
                self.rows
                    .iter()
                    .fold(0.0, |largest: f64, row| largest.max(row[d].abs()))
            })
            .collect();
        let weights = self.weights.as_ref();
        let weight = weights.map(|weights| weights.iter().copied().fold(0.0, f64::max));
        Scale::new(&largest, weight).unwrap()
    }
}

const LAYOUTS: [PointOrder; 4] = [
    PointOrder::Auto,
    PointOrder::AsGiven,
    PointOrder::Leaves(1),
    PointOrder::Leaves(9),
];

/// The content of a step. It must be the same in every layout and by every kernel.
fn content(case: &Case, step: &Step) -> Content {
    let answers = LAYOUTS.map(|layout| {
        let points = case.points(layout);
        [Kernel::Vector, Kernel::Scalar].map(|kernel| run_step(step, &points, kernel).unwrap())
    });
    let [[first, ..], ..] = &answers;
    assert_eq!(first.name(), step.name());
    assert!(
        answers.as_flattened().iter().all(|answer| answer == first),
        "{answers:?}"
    );
    first.0.clone()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn costs_are_exact_sums_over_the_nearest(case in case()) {
        let step = Step::Cost { candidates: case.centers.clone() };
        prop_assert_eq!(content(&case, &step), Content::Cost(Box::new(case.cost(|_| 1.0))));
    }

    #[test]
    fn sizes_count_the_first_of_the_nearest(case in case()) {
        let step = Step::Weigh { candidates: case.centers.clone() };
        prop_assert_eq!(content(&case, &step), Content::Weigh(case.sizes()));
    }

    #[test]
    fn evaluations_weigh_costs_and_not_sizes(case in case(), before in any::<bool>()) {
        let step = Step::Evaluate {
            before: before.then(|| case.centers[..1].to_vec()),
            centers: case.centers.clone(),
        };
        let first = Case { centers: case.centers[..1].to_vec(), ..case.clone() };
        let expected = Evaluation {
            sizes: case.sizes(),
            before: before.then(|| first.cost(|row| case.weight(row))),
            cost: case.cost(|row| case.weight(row)),
        };
        prop_assert_eq!(content(&case, &step), Content::Evaluate(Box::new(expected)));
    }

    #[test]
    fn means_are_sums_in_whole_numbers(case in case()) {
        let scale = case.scale();
        let step = Step::Lloyd { scale: scale.clone(), centers: case.centers.clone() };
        let Content::Lloyd(means) = content(&case, &step) else {
            panic!("of another step");
        };
        let width = scale.values.len() + usize::from(case.weights.is_some());
        let mut sums = vec![0_i128; case.centers.len() * width];
        let mut squares = 0;
        for (row, values) in case.rows.iter().enumerate() {
            let (nearest, _) = case.nearest(row);
            let of_center = &mut sums[nearest * width..][..width];
            for (d, value) in values.iter().enumerate() {
                of_center[d] += joined(Grid::new(scale.values[d]).limbs(value * case.weight(row)));
            }
            if let Some(exponent) = scale.weights {
                of_center[width - 1] += joined(Grid::new(exponent).limbs(case.weight(row)));
            }
            let length = squared_distance(values, &vec![0.0; values.len()]);
            squares += joined(Grid::new(scale.squares).limbs(length * case.weight(row)));
        }
        prop_assert_eq!(means.counts, case.sizes());
        prop_assert_eq!(means.sums, sums);
        prop_assert_eq!(means.squares, squares);
    }

    #[test]
    fn earlier_passes_over_the_same_points_do_not_show(
        case in case(),
        others in prop::collection::vec(any::<prop::sample::Index>(), 1..4),
        layout in prop::sample::select(LAYOUTS.to_vec()),
        // Few rows do not pay for keeping their sites.
        times in prop::sample::select(vec![1, 16]),
    ) {
        let case = Case {
            rows: vec![case.rows; times].concat(),
            weights: case.weights.map(|weights| weights.repeat(times)),
            centers: case.centers,
        };
        let scale = case.scale();
        let points = case.points(layout);
        for other in others {
            // Other centers, sometimes as many as before, sometimes fewer.
            let mut centers = case.centers.clone();
            centers.rotate_left(other.index(case.centers.len()));
            centers.truncate(case.centers.len() - other.index(2).min(case.centers.len() - 1));
            let step = Step::Lloyd { scale: scale.clone(), centers };
            let after = run_step(&step, &points, Kernel::Vector).unwrap();
            let fresh = run_step(&step, &case.points(layout), Kernel::Vector).unwrap();
            prop_assert_eq!(after, fresh);
        }
    }

    #[test]
    fn samples_hold_who_draws_below_its_share(
        case in case(), seed in any::<u64>(), wanted in 0.5..30.0_f64, limit in 1..40_usize,
    ) {
        let cost = case.cost(|_| 1.0).value();
        prop_assume!(cost > 0.0);
        let candidates = case.centers.clone();
        let step = Step::Sample { candidates, seed, round: 3, wanted, cost, limit };
        let Content::Sample(draws) = content(&case, &step) else {
            panic!("of another step");
        };
        let mut expected: Vec<Drawn> = (0..case.rows.len())
            .map(|row| {
                let key = key(1, 0, row as i64);
                let hash = draw(stream(seed, 3), key);
                (row, Drawn { hash, key, values: case.rows[row].clone() })
            })
            .filter(|(row, drawn)| uniform(drawn.hash) < wanted * case.nearest(*row).1 / cost)
            .map(|(_, drawn)| drawn)
            .collect();
        expected.sort_by_key(|drawn| drawn.hash);
        expected.truncate(limit);
        prop_assert_eq!(draws.rows, expected);
    }

    #[test]
    fn the_first_rows_have_the_smallest_hashes(case in case(), seed in any::<u64>(), first in 1..9_usize) {
        let Content::Summarize(summary) = content(&case, &Step::Summarize { seed, first }) else {
            panic!("of another step");
        };
        let mut hashes: Vec<u64> = (0..case.rows.len() as i64)
            .map(|row| draw(stream(seed, 0), key(1, 0, row)))
            .collect();
        hashes.sort_unstable();
        hashes.truncate(first);
        let drawn: Vec<u64> = summary.first.rows.iter().map(|row| row.hash).collect();
        prop_assert_eq!(drawn, hashes);
        prop_assert_eq!(summary.rows, case.rows.len() as u64);
    }
}

/// Rows off the bisector of two centers by a few units in the last place. The margins of the boxes must be right there,
/// too.
#[test]
fn no_row_next_to_a_bisector_is_lost() {
    let centers = vec![
        vec![0.1, 0.3],
        vec![0.7, 1.1],
        vec![0.7, 1.1 + 4.0 * f64::EPSILON],
        vec![-0.4, 0.2],
    ];
    let mut rows = Vec::new();
    for step in 0..400 {
        let along = f64::from(step) * 0.01 - 2.0;
        for ulps in -8_i32..=8 {
            let off = f64::from(ulps) * f64::EPSILON;
            rows.push(vec![0.4 + along * 0.8 + off, 0.7 - along * 0.6]);
        }
    }
    let case = Case {
        rows,
        weights: None,
        centers,
    };
    let Content::Weigh(sizes) = content(
        &case,
        &Step::Weigh {
            candidates: case.centers.clone(),
        },
    ) else {
        panic!("of another step");
    };
    assert_eq!(sizes, case.sizes());
    assert!(
        sizes[..3].iter().all(|size| *size > 0),
        "else no bisector was crossed: {sizes:?}"
    );
}

#[test]
fn steps_that_do_not_fit_the_points_are_refused() {
    let case = Case {
        rows: vec![vec![1.0, 2.0]; 3],
        weights: None,
        centers: vec![vec![0.0; 2]],
    };
    let points = case.points(PointOrder::Auto);
    let refused = |step: &Step| run_step(step, &points, Kernel::default()).unwrap_err();
    assert_eq!(
        refused(&Step::Cost {
            candidates: vec![vec![0.0; 3]]
        }),
        PartialError::Dimensions {
            expected: 3,
            given: 2
        }
    );
    assert_eq!(
        refused(&Step::Weigh { candidates: vec![] }),
        PartialError::NoCenters
    );
    assert_eq!(
        refused(&Step::Weigh {
            candidates: vec![vec![0.0, f64::NAN]]
        }),
        PartialError::NotFinite { center: 0 }
    );
    let centers = case.centers.clone();
    for scale in [
        Scale {
            values: vec![2; 3],
            squares: 3,
            weights: None,
        },
        Scale {
            values: vec![2; 2],
            squares: 3,
            weights: Some(1),
        },
        Scale {
            values: vec![1; 2],
            squares: 3,
            weights: None,
        },
        Scale {
            values: vec![2; 2],
            squares: 2,
            weights: None,
        },
        Scale {
            values: vec![2; 2],
            squares: 1001,
            weights: None,
        },
    ] {
        assert_eq!(
            refused(&Step::Lloyd {
                scale,
                centers: centers.clone()
            }),
            PartialError::Scale
        );
    }
    let scale = Scale {
        values: vec![2; 2],
        squares: 3,
        weights: None,
    };
    assert!(run_step(&Step::Lloyd { scale, centers }, &points, Kernel::default()).is_ok());
}
