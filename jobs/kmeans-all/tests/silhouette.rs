//! Given centers over some rows: Spark's silhouettes, and the same bits however they are computed.

// Helpers of tests are not within test functions, and a test may panic.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod ways;

use gugus_kmeans::{DistanceMeasure, HandleInvalid, Params};
use gugus_kmeans_all::{AllError, Assessed, Assessment, PartialError, Step, Weighting};
use proptest::prelude::*;
use serde::Deserialize;
use ways::{Data, PLAIN, WAYS, Way, compute, data};

/// What Spark 3.5.5 said, by `dev/python/golden_silhouette.py`.
#[derive(Deserialize)]
struct Recorded {
    name: String,
    measure: DistanceMeasure,
    centers: Vec<Vec<f64>>,
    weights: Option<Vec<f64>>,
    silhouette: Option<f64>,
    rows: Vec<Vec<f64>>,
}

/// How far a silhouette may be from Spark's, whose squared lengths of some 15,000 leave that much of squared distances of 0.001.
const TOLERANCE: f64 = 1e-9;

fn assess(
    data: &Data,
    centers: &[Vec<f64>],
    measure: DistanceMeasure,
    way: Way,
) -> Result<Assessed, AllError> {
    let slices = data.slices(measure, way);
    let (dimensions, weighting) = (data.dimensions(), data.weighting());
    let centers = centers.to_vec();
    let mut assessment = Assessment::new(
        centers,
        measure,
        dimensions,
        weighting,
        HandleInvalid::Error,
    );
    while let Some(step) = assessment.step() {
        assessment.absorb(compute(&step, &slices, dimensions, way))?;
    }
    Ok(assessment.finish().expect("no step is left"))
}

#[test]
fn silhouettes_are_sparks() {
    let recorded: Vec<Recorded> =
        serde_json::from_str(include_str!("fixtures/silhouette.json")).unwrap();
    assert_eq!(recorded.len(), 12);
    for case in recorded {
        let data = Data {
            rows: case.rows,
            weights: case.weights,
        };
        for way in [PLAIN].into_iter().chain(WAYS) {
            let assessed = assess(&data, &case.centers, case.measure, way).unwrap();
            match (assessed.silhouette, case.silhouette) {
                (None, None) => {}
                (Some(ours), Some(sparks)) if (ours - sparks).abs() <= TOLERANCE => {}
                (ours, sparks) => panic!("{}: {ours:?}, Spark says {sparks:?}", case.name),
            }
            if case.name == "far from the origin" {
                // From every row to every other one, in fractions of whole numbers: Spark is off by 1.4e-10.
                let exact = 0.826_136_646_161_477_4;
                assert!((assessed.silhouette.unwrap() - exact).abs() < 1e-14);
            }
            let rows: u64 = assessed.clusters.iter().map(|of| of.rows).sum();
            assert_eq!(rows, data.rows.len() as u64, "{}", case.name);
        }
    }
}

/// The silhouette by its definition, from every row to every other one.
fn by_definition(data: &Data, clusters: &[usize], count: usize) -> f64 {
    let weight = |row: usize| data.weights.as_ref().map_or(1.0, |weights| weights[row]);
    let distance = |a: usize, b: usize| -> f64 {
        let both = data.rows[a].iter().zip(&data.rows[b]);
        both.map(|(a, b)| (a - b) * (a - b)).sum()
    };
    let all = || 0..data.rows.len();
    let (mut sum, mut total) = (0.0, 0.0);
    for row in all() {
        let mean = |cluster: usize| {
            let others = || all().filter(|other| *other != row && clusters[*other] == cluster);
            let weights: f64 = others().map(weight).sum();
            let sum: f64 = others()
                .map(|other| weight(other) * distance(row, other))
                .sum();
            (weights > 0.0).then(|| sum / weights)
        };
        let others = (0..count).filter(|cluster| *cluster != clusters[row]);
        let other = others.filter_map(mean).min_by(f64::total_cmp);
        total += weight(row);
        if let (Some(own), Some(other)) = (mean(clusters[row]), other)
            && own.max(other) > 0.0
        {
            sum += weight(row) * (other - own) / own.max(other);
        }
    }
    sum / total
}

fn measures() -> impl Strategy<Value = DistanceMeasure> {
    prop_oneof![
        Just(DistanceMeasure::Euclidean),
        Just(DistanceMeasure::Cosine)
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn no_way_of_computing_changes_a_bit(data in data(), measure in measures(), k in 1..7_usize) {
        let centers: Vec<Vec<f64>> = data.rows.iter().step_by(7).take(k).cloned().collect();
        let plain = assess(&data, &centers, measure, PLAIN);
        for way in WAYS {
            // The text shows each bit of each number, and a negative zero.
            prop_assert_eq!(format!("{:?}", assess(&data, &centers, measure, way)), format!("{plain:?}"));
        }
        match plain {
            Ok(assessed) => {
                let costs: f64 = assessed.clusters.iter().map(|of| of.cost).sum();
                prop_assert!((costs - assessed.cost).abs() <= 1e-12 * assessed.cost);
                for silhouette in assessed.clusters.iter().filter_map(|of| of.silhouette) {
                    prop_assert!((-1.0..=1.0).contains(&silhouette), "{silhouette}");
                }
            }
            Err(error) => prop_assert!(matches!(error, AllError::ZeroVectors { .. }), "{error}"),
        }
    }

    #[test]
    fn silhouettes_are_what_they_are_defined_to_be(
        rows in prop::collection::vec(prop::collection::vec(-9.0..9.0_f64, 2), 2..60_usize),
        weights in prop::option::of(prop::collection::vec(0.1..3.0_f64, 60)),
        k in 2..6_usize,
    ) {
        let weights = weights.map(|weights| weights[..rows.len()].to_vec());
        let centers: Vec<Vec<f64>> = rows.iter().take(k).cloned().collect();
        let data = Data { rows, weights };
        let near = |row: &Vec<f64>| {
            let distance = |center: &Vec<f64>| -> f64 {
                row.iter().zip(center).map(|(a, b)| (a - b) * (a - b)).sum()
            };
            (0..centers.len()).min_by(|a, b| distance(&centers[*a]).total_cmp(&distance(&centers[*b])))
        };
        let clusters: Vec<usize> = data.rows.iter().map(|row| near(row).unwrap()).collect();
        let assessed = assess(&data, &centers, DistanceMeasure::Euclidean, PLAIN).unwrap();
        let expected = by_definition(&data, &clusters, centers.len());
        let silhouette = assessed.silhouette.unwrap();
        prop_assert!((silhouette - expected).abs() < 1e-9, "{silhouette}, by definition {expected}");
    }
}

#[test]
fn a_fit_costs_what_its_assessment_says() {
    let data = Data {
        rows: (0..500_u32)
            .map(|i| vec![f64::from(i % 37), f64::from(i % 11) * 3.0])
            .collect(),
        weights: None,
    };
    let params = Params {
        k: 5,
        ..Params::default()
    };
    let (dimensions, weighting) = (data.dimensions(), data.weighting());
    let slices = data.slices(params.distance_measure, PLAIN);
    let mut training =
        gugus_kmeans_all::Training::new(params, dimensions, weighting, HandleInvalid::Error)
            .unwrap();
    while let Some(step) = training.step() {
        let partial = compute(&step, &slices, dimensions, PLAIN);
        training.absorb(partial).unwrap();
    }
    let fit = training.finish().unwrap();
    let assessed = assess(
        &data,
        &fit.fit.model.centers,
        DistanceMeasure::Euclidean,
        PLAIN,
    )
    .unwrap();
    assert_eq!(
        (assessed.cost, assessed.rows),
        (fit.cost, fit.fit.summary.rows)
    );
    let sizes: Vec<u64> = assessed.clusters.iter().map(|of| of.rows).collect();
    assert_eq!(sizes, fit.fit.summary.sizes);
}

#[test]
fn what_a_training_refuses_an_assessment_does_too() {
    let data = |rows: &[f64]| Data {
        rows: rows.iter().map(|x| vec![*x]).collect(),
        weights: None,
    };
    let of = |rows: &[f64]| assess(&data(rows), &[vec![1.0]], DistanceMeasure::Euclidean, PLAIN);
    assert_eq!(
        of(&[1.0, f64::NAN]),
        Err(AllError::NotANumber {
            columns: vec![(0, 1)],
            rows: 2
        })
    );
    assert_eq!(
        of(&[f64::NAN]).unwrap_err().to_string(),
        "column 0: 1 of 1 rows are null or NaN; filter these rows out or have them dropped"
    );
    assert_eq!(of(&[]), Err(AllError::NoRows));

    let measure = DistanceMeasure::Euclidean;
    let new = |invalid| Assessment::new(vec![vec![1.0]], measure, 1, Weighting::Uniform, invalid);
    let mut lenient = new(HandleInvalid::Skip);
    let slices = data(&[1.0, f64::NAN, 3.0]).slices(measure, PLAIN);
    while let Some(step) = lenient.step() {
        lenient.absorb(compute(&step, &slices, 1, PLAIN)).unwrap();
    }
    let again = compute(&Step::Summarize { seed: 0, first: 0 }, &slices, 1, PLAIN);
    assert_eq!(
        lenient.clone().absorb(again).unwrap_err(),
        AllError::Partial(PartialError::Over { given: "summarize" })
    );
    let assessed = lenient.finish().unwrap();
    assert_eq!(
        (assessed.rows, assessed.dropped, assessed.cost),
        (2, 1, 4.0)
    );

    let wrong = compute(
        &Step::Weigh {
            candidates: vec![vec![1.0]],
        },
        &slices,
        1,
        PLAIN,
    );
    assert!(matches!(
        new(HandleInvalid::Skip).absorb(wrong),
        Err(AllError::Partial(PartialError::Step { .. }))
    ));
}
