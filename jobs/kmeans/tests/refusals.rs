//! What is refused, and what the refusal says.

// Helpers of tests are not within test functions, and a test may panic.
#![allow(clippy::unwrap_used)]

use gugus_kmeans::{
    CentersError, DistanceMeasure, FitError, Params, ParamsError, Partitions, PredictError,
    Predictor, RowForm, Rows, fit,
};

fn rows(points: &[[f64; 2]]) -> Rows {
    let mut rows = Rows::new(2, RowForm::Assembled);
    for point in points {
        rows.push(point);
    }
    rows
}

fn refused(
    params: &Params,
    points: &[[f64; 2]],
    weights: Option<&[f64]>,
    partitions: &Partitions,
) -> FitError {
    fit(params, &rows(points), weights, partitions).unwrap_err()
}

#[test]
fn a_fit_names_the_place() {
    let (params, one) = (Params::default(), Partitions::one());
    let points = [[1.0, 2.0], [3.0, 4.0]];
    assert_eq!(refused(&params, &[], None, &one), FitError::NoRows);
    let error = refused(&params, &[[1.0, 2.0], [3.0, f64::INFINITY]], None, &one);
    assert_eq!(
        error,
        FitError::NotFinite {
            row: 1,
            column: 1,
            value: f64::INFINITY
        }
    );
    assert_eq!(
        error.to_string(),
        "row 1, column 1 holds inf, but k-means needs finite numbers"
    );
    assert!(matches!(
        refused(&params, &[[f64::NAN, 2.0]], None, &one),
        FitError::NotFinite {
            row: 0,
            column: 0,
            ..
        }
    ));
    assert_eq!(
        refused(&params, &points, Some(&[1.0, -1.0]), &one),
        FitError::Weight {
            row: 1,
            weight: -1.0
        }
    );
    assert!(matches!(
        refused(&params, &points, Some(&[f64::NAN, 1.0]), &one),
        FitError::Weight { row: 0, .. }
    ));
    assert_eq!(
        refused(&params, &points, Some(&[1.0]), &one),
        FitError::WeightCount {
            rows: 2,
            weights: 1
        }
    );
    assert_eq!(
        refused(&params, &points, None, &Partitions::of_sizes(&[1, 2])),
        FitError::PartitionSizes { rows: 2, sum: 3 }
    );
    assert_eq!(
        refused(&Params { k: 1, ..params }, &points, None, &one),
        FitError::Params(ParamsError::K { k: 1 })
    );
}

#[test]
fn a_zero_vector_has_no_cosine() {
    let params = Params {
        distance_measure: DistanceMeasure::Cosine,
        ..Params::default()
    };
    let points = [[1.0, 2.0], [0.0, -0.0]];
    assert_eq!(
        refused(&params, &points, None, &Partitions::one()),
        FitError::ZeroVector { row: 1 }
    );
}

#[test]
fn squares_that_overflow_are_refused() {
    let points = [[1e300, 0.0], [0.0, -1e300], [1.0, 1.0]];
    assert_eq!(
        refused(&Params::default(), &points, None, &Partitions::one()),
        FitError::Overflow
    );
}

#[test]
fn a_predictor_checks_its_centers() {
    let new = |centers: &[&[f64]], measure| {
        Predictor::new(
            centers.iter().map(|center| center.to_vec()).collect(),
            measure,
        )
        .unwrap_err()
    };
    let euclidean = DistanceMeasure::Euclidean;
    assert_eq!(new(&[], euclidean), CentersError::None);
    assert_eq!(
        new(&[&[1.0, 2.0], &[1.0]], euclidean),
        CentersError::Dimensions {
            center: 1,
            expected: 2,
            given: 1
        }
    );
    assert_eq!(
        new(&[&[1.0], &[f64::NAN]], euclidean),
        CentersError::NotFinite { center: 1 }
    );
    assert_eq!(
        new(&[&[0.0, 0.0]], DistanceMeasure::Cosine),
        CentersError::ZeroVector { center: 0 }
    );
}

#[test]
fn a_prediction_checks_its_point() {
    let centers = vec![vec![1.0, 0.0], vec![0.0, 1.0]];
    let predictor = Predictor::new(centers.clone(), DistanceMeasure::Cosine).unwrap();
    assert_eq!(predictor.centers(), centers);
    assert_eq!(
        (predictor.dimensions(), predictor.measure()),
        (2, DistanceMeasure::Cosine)
    );
    assert_eq!(predictor.predict(&[1.0, 9.0]), Ok(1));
    assert_eq!(
        predictor.predict(&[1.0]),
        Err(PredictError::Dimensions {
            expected: 2,
            given: 1
        })
    );
    assert_eq!(
        predictor.predict(&[0.0, 0.0]),
        Err(PredictError::ZeroVector)
    );
    assert_eq!(
        predictor.predict(&[0.0, f64::INFINITY]),
        Err(PredictError::NotFinite { dimension: 1 })
    );
}
