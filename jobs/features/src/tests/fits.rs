//! Outcomes of a fit, asked of the aggregate function itself.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::{Accumulator, AggregateUDF, AggregateUDFImpl};
use datafusion_proto::physical_plan::PhysicalExtensionCodec;
use gugus_clusters::{DbscanParams, GmmParams, MiniBatchParams};
use gugus_kmeans::{DistanceMeasure, Params};
use gugus_spec::{Algorithm, HandleInvalid};

use super::files::codec;
use crate::{FitOutcome, FitSettings, ModelFit, Stop, Weighting, fit_points};

pub(super) fn params(k: usize) -> Params {
    Params {
        k,
        seed: 1,
        ..Params::default()
    }
}

pub(super) fn settings(k: usize, weighting: Weighting) -> FitSettings {
    FitSettings {
        algorithm: Algorithm::KMeans(params(k)),
        features: vec!["x".into(), "y".into()],
        weighting,
        handle_invalid: HandleInvalid::Error,
    }
}

fn accumulator(settings: FitSettings) -> Box<dyn Accumulator> {
    let function = Arc::new(AggregateUDF::from(ModelFit::new(settings.clone())));
    let schema = arrow::datatypes::Schema::empty();
    let field = Arc::new(arrow::datatypes::Field::new(
        "f",
        arrow::datatypes::DataType::Float64,
        true,
    ));
    let result = ModelFit::new(settings).return_type(&[]).unwrap();
    function
        .accumulator(datafusion::logical_expr::function::AccumulatorArgs {
            return_field: Arc::new(arrow::datatypes::Field::new("outcome", result, true)),
            schema: &schema,
            expr_fields: &[Arc::clone(&field), field],
            ignore_nulls: false,
            order_bys: &[],
            name: "outcome",
            is_distinct: false,
            is_reversed: false,
            exprs: &[],
        })
        .unwrap()
}

fn outcome(settings: FitSettings, columns: Vec<Vec<Option<f64>>>) -> FitOutcome {
    let columns: Vec<ArrayRef> = columns
        .into_iter()
        .map(|c| Arc::new(Float64Array::from(c)) as ArrayRef)
        .collect();
    let mut accumulator = accumulator(settings);
    accumulator.update_batch(&columns).unwrap();
    read(accumulator.evaluate().unwrap())
}

fn read(value: ScalarValue) -> FitOutcome {
    let ScalarValue::Struct(array) = value else {
        panic!("{value:?}")
    };
    FitOutcome::read(array.as_ref(), 0).unwrap()
}

fn reason(outcome: FitOutcome) -> String {
    match outcome {
        FitOutcome::Failed { reason, .. } => reason,
        FitOutcome::Trained(fitted) => panic!("{fitted:?}"),
    }
}

fn numbers(values: &[f64]) -> Vec<Option<f64>> {
    values.iter().copied().map(Some).collect()
}

#[test]
fn fewer_distinct_points_than_k_give_fewer_centers() {
    let x = numbers(&[1.0, 1.0, 2.0, 2.0, 2.0]);
    let FitOutcome::Trained(fitted) = outcome(settings(4, Weighting::Uniform), vec![x.clone(), x])
    else {
        panic!()
    };
    assert_eq!(fitted.model.clusters(), 2);
    assert_eq!(fitted.summary.sizes.iter().sum::<u64>(), 5);
    assert_eq!(fitted.summary.rows, 5);
}

#[test]
fn a_null_or_a_nan_fails_and_names_column_and_count() {
    let x = vec![Some(1.0), None, Some(f64::NAN), Some(4.0)];
    let text = reason(outcome(
        settings(2, Weighting::Uniform),
        vec![x, numbers(&[1.0, 2.0, 3.0, 4.0])],
    ));
    assert!(
        text.starts_with("feature \"x\": 2 of 4 rows are null or NaN"),
        "{text}"
    );
}

#[test]
fn skip_drops_such_rows_and_fails_when_none_is_left() {
    let skip = |k| FitSettings {
        handle_invalid: HandleInvalid::Skip,
        ..settings(k, Weighting::Uniform)
    };
    let y = numbers(&[1.0, 2.0, 3.0]);
    let FitOutcome::Trained(fit) =
        outcome(skip(2), vec![vec![Some(1.0), None, Some(9.0)], y.clone()])
    else {
        panic!()
    };
    assert_eq!((fit.summary.rows, fit.summary.dropped), (2, 1));
    let text = reason(outcome(skip(2), vec![vec![None; 3], y]));
    assert!(text.contains("feature \"x\": 3 of 3 rows"), "{text}");
}

#[test]
fn an_infinity_fails_also_where_nulls_are_skipped() {
    let skip = FitSettings {
        handle_invalid: HandleInvalid::Skip,
        ..settings(2, Weighting::Uniform)
    };
    let text = reason(outcome(
        skip,
        vec![numbers(&[1.0, 2.0]), numbers(&[f64::INFINITY, 2.0])],
    ));
    assert_eq!(text, "feature \"y\": 1 of 2 rows are infinite");
}

#[test]
fn a_zero_vector_fails_under_cosine() {
    let mut cosine = settings(2, Weighting::Uniform);
    cosine.algorithm = Algorithm::KMeans(Params {
        distance_measure: DistanceMeasure::Cosine,
        ..params(2)
    });
    let text = reason(outcome(
        cosine,
        vec![numbers(&[1.0, 0.0, 3.0]), numbers(&[1.0, 0.0, -3.0])],
    ));
    assert!(text.contains("zero") || text.contains("length 0"), "{text}");
}

#[test]
fn weights_move_centers_and_not_sizes() {
    let x = numbers(&[0.0, 1.0, 10.0, 11.0]);
    let columns = vec![x.clone(), x, numbers(&[1.0, 3.0, 1.0, 1.0])];
    let FitOutcome::Trained(fitted) = outcome(settings(2, Weighting::LastColumn), columns) else {
        panic!()
    };
    let mut centers: Vec<f64> = fitted.model.middles().iter().map(|c| c[0]).collect();
    centers.sort_by(f64::total_cmp);
    assert_eq!(centers, [0.75, 10.5]);
    assert_eq!(fitted.summary.sizes, [2, 2]);
}

#[test]
fn a_state_that_was_spilled_comes_back_as_it_was() {
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Float64Array::from(vec![0.0, 1.0, 10.0, 11.0])),
        Arc::new(Float64Array::from(vec![0.0, 1.0, 10.0, 11.0])),
    ];
    let (mut together, mut first, mut second) = (
        accumulator(settings(2, Weighting::Uniform)),
        accumulator(settings(2, Weighting::Uniform)),
        accumulator(settings(2, Weighting::Uniform)),
    );
    together.update_batch(&columns).unwrap();
    first.update_batch(&columns).unwrap();
    let state: Vec<ArrayRef> = first
        .state()
        .unwrap()
        .iter()
        .map(|s| s.to_array().unwrap())
        .collect();
    second.merge_batch(&state).unwrap();
    assert_eq!(
        read(second.evaluate().unwrap()),
        read(together.evaluate().unwrap())
    );
}

#[test]
fn the_function_travels_with_all_bits_of_its_settings() {
    let mut sent = settings(7, Weighting::LastColumn);
    sent.algorithm = Algorithm::KMeans(Params {
        tol: 0.1 + 0.2,
        seed: i64::MIN,
        ..params(7)
    });
    let (codec, mut bytes) = (codec(), Vec::new());
    let function = AggregateUDF::from(ModelFit::new(sent.clone()));
    codec.try_encode_udaf(&function, &mut bytes).unwrap();
    let received = codec.try_decode_udaf(ModelFit::NAME, &bytes).unwrap();
    let inner: &dyn std::any::Any = received.inner().as_ref();
    assert_eq!(inner.downcast_ref::<ModelFit>().unwrap().settings(), &sent);
    assert!(codec.try_decode_udaf("sum", &bytes).is_err());
    assert!(codec.try_decode_udaf(ModelFit::NAME, b"{}").is_err());
}

#[test]
fn every_algorithm_fits_and_its_model_travels_with_all_bits() {
    let x = numbers(&[0.0, 0.1, 0.2, 5.0, 5.1, 0.1 + 0.2 + 5.0, 90.0]);
    let of = |algorithm: Algorithm| {
        let settings = FitSettings {
            algorithm,
            ..settings(2, Weighting::Uniform)
        };
        let FitOutcome::Trained(fitted) = outcome(settings.clone(), vec![x.clone(), x.clone()])
        else {
            panic!("{settings:?}")
        };
        let rows: Vec<f64> = x.iter().flatten().flat_map(|x| [*x, *x]).collect();
        let here = fit_points(&settings, None, &rows, &Stop::default());
        assert_eq!(here.unwrap(), FitOutcome::Trained(fitted.clone()));
        fitted
    };
    let spots = of(Algorithm::Dbscan(DbscanParams {
        eps: 0.5,
        min_points: 3,
    }));
    assert_eq!(
        (&spots.summary.sizes[..], spots.summary.noise),
        (&[3, 3][..], 1)
    );
    let mixture = of(Algorithm::Gmm(GmmParams::default()));
    assert_eq!(mixture.summary.sizes.iter().sum::<u64>(), 7);
    let moved = of(Algorithm::MiniBatch(MiniBatchParams::default()));
    assert!(matches!(moved.model, gugus_clusters::Fitted::MiniBatch(_)));
}

#[test]
fn other_algorithms_fail_by_column_and_count_too() {
    for algorithm in [
        Algorithm::MiniBatch(MiniBatchParams::default()),
        Algorithm::Gmm(GmmParams::default()),
        Algorithm::Dbscan(DbscanParams {
            eps: 1.0,
            min_points: 2,
        }),
    ] {
        let settings = FitSettings {
            algorithm,
            ..settings(2, Weighting::Uniform)
        };
        let y = numbers(&[1.0, 2.0, f64::INFINITY]);
        let infinite = outcome(settings.clone(), vec![numbers(&[1.0, 2.0, 3.0]), y.clone()]);
        assert_eq!(reason(infinite), "feature \"y\": 1 of 3 rows are infinite");
        let null = outcome(settings, vec![vec![Some(1.0), None, Some(3.0)], y]);
        assert!(reason(null).starts_with("feature \"x\": 1 of 3 rows are null or NaN"));
    }
}
