//! Rows, and the ways in which they may be cut and computed.

#![allow(dead_code, reason = "a kit: each test takes what it needs")]

use gugus_kmeans::DistanceMeasure;
use gugus_kmeans_all::{
    Kernel, Partial, PointOrder, Points, PointsBuilder, Step, Weighting, key, run_step,
};
use proptest::prelude::*;

/// All rows of a training.
#[derive(Clone, Debug)]
pub(crate) struct Data {
    pub(crate) rows: Vec<Vec<f64>>,
    pub(crate) weights: Option<Vec<f64>>,
}

/// Who computes: how many slices, how rows get into them, in which layout, by which kernel.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Way {
    pub(crate) slices: usize,
    pub(crate) shuffle: u64,
    pub(crate) layout: PointOrder,
    pub(crate) kernel: Kernel,
    pub(crate) threads: usize,
}

/// The plainest way.
pub(crate) const PLAIN: Way = Way {
    slices: 1,
    shuffle: 0,
    layout: PointOrder::AsGiven,
    kernel: Kernel::Scalar,
    threads: 1,
};

pub(crate) const WAYS: [Way; 5] = [
    Way {
        layout: PointOrder::Leaves(4),
        kernel: Kernel::Vector,
        ..PLAIN
    },
    Way {
        slices: 2,
        shuffle: 3,
        layout: PointOrder::Auto,
        kernel: Kernel::Vector,
        threads: 2,
    },
    Way {
        slices: 7,
        shuffle: 5,
        layout: PointOrder::Leaves(1),
        kernel: Kernel::Scalar,
        threads: 3,
    },
    Way {
        slices: 7,
        shuffle: 9,
        layout: PointOrder::Leaves(16),
        kernel: Kernel::Vector,
        threads: 1,
    },
    Way {
        slices: 64,
        shuffle: 1,
        layout: PointOrder::AsGiven,
        kernel: Kernel::Vector,
        threads: 4,
    },
];

/// A number from two, for shuffles.
pub(crate) fn scramble(a: u64, b: usize) -> u64 {
    key(a, 1, b as i64)
}

impl Data {
    pub(crate) fn dimensions(&self) -> usize {
        self.rows.first().map_or(1, Vec::len)
    }

    pub(crate) fn weighting(&self) -> Weighting {
        match self.weights {
            None => Weighting::Uniform,
            Some(_) => Weighting::LastColumn,
        }
    }

    /// The rows in slices, in an order and a cut that the way decides; the plain way leaves them as they are.
    pub(crate) fn slices(&self, measure: DistanceMeasure, way: Way) -> Vec<Points> {
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
}

/// A step over all slices, sent about as text and bytes, merged in an order of its own.
pub(crate) fn compute(step: &Step, slices: &[Points], dimensions: usize, way: Way) -> Partial {
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

/// Rows of one to three columns, or of nine to nineteen: on a grid with ties and repeats, uniform, as the LAPD's (close together, with outliers at 0, 0), or all equal.
pub(crate) fn data() -> impl Strategy<Value = Data> {
    let grid = (-3_i8..=3).prop_map(f64::from).boxed();
    let cloud = (-9.0..9.0_f64).boxed();
    let columns = |coordinate: BoxedStrategy<f64>| {
        prop_oneof![2 => 1..4_usize, 1 => 9..20_usize].prop_flat_map(move |dimensions| {
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
