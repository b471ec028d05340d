//! The fits against linfa asked directly, and against themselves: same bits, whatever the threads.

// Helpers fail a test as the test itself does; the lint knows only functions marked as tests.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

use std::collections::BTreeSet;

use gugus_clusters::{
    Algorithm, CorePoint, DbscanParams, FitError, GmmInit, GmmParams, HotSpots, MiniBatch,
    MiniBatchInit, MiniBatchParams, Mixture, Model, Parameters, Prediction,
};
use gugus_kmeans::{Fit, Init, Params, PredictError, RowForm, Rows, Stop};
use linfa::DatasetBase;
use linfa::ParamGuard;
use linfa::traits::{Fit as _, FitWith, Predict, Transformer};
use linfa_clustering::{
    Dbscan, GaussianMixtureModel, GmmParams as LinfaGmm, IncrKMeansError, KMeans, KMeansInit,
};
use ndarray::Array2;
use proptest::prelude::*;
use rand_xoshiro::Xoshiro256Plus;
use rand_xoshiro::rand_core::SeedableRng;

/// Points around three places, from a generator of their own so that no library's update changes them.
fn blobs(rows: usize, seed: u64) -> Vec<Vec<f64>> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut unit = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    let middles = [[34.0, -118.0], [36.0, -120.0], [33.0, -115.0]];
    let mut near = |middle: f64| middle + (0..12).map(|_| unit()).sum::<f64>() * 0.1 - 0.6;
    (0..rows)
        .map(|row| middles[row % 3].iter().map(|x| near(*x)).collect())
        .collect()
}

fn rows(points: &[Vec<f64>]) -> Rows {
    let mut rows = Rows::new(points[0].len(), RowForm::Dense);
    points.iter().for_each(|point| rows.push(point));
    rows
}

fn matrix(points: &[Vec<f64>]) -> Array2<f64> {
    let flat: Vec<f64> = points.iter().flatten().copied().collect();
    Array2::from_shape_vec((points.len(), points[0].len()), flat).unwrap()
}

fn labels<M: Model + Clone>(fit: &Fit<M>, points: &[Vec<f64>]) -> Vec<Option<usize>> {
    let predictor = fit.model.clone().into_predictor().unwrap();
    let predict = |point: &Vec<f64>| predictor.predict(point).unwrap().cluster();
    points.iter().map(predict).collect()
}

fn mini_batch(
    params: &MiniBatchParams,
    carried: Option<&MiniBatch>,
    rows: &Rows,
) -> Result<Fit<MiniBatch>, FitError> {
    params.fit(carried, rows, None, &Stop::default())
}

fn dbscan(params: &DbscanParams, rows: &Rows) -> Result<Fit<HotSpots>, FitError> {
    params.fit(None, rows, None, &Stop::default())
}

fn gmm(params: &GmmParams, rows: &Rows) -> Result<Fit<Mixture>, FitError> {
    params.fit(None, rows, None, &Stop::default())
}

fn three() -> MiniBatchParams {
    MiniBatchParams {
        k: 3,
        seed: 7,
        ..MiniBatchParams::default()
    }
}

#[test]
fn centers_carried_over_in_our_form_are_those_that_linfa_carries() {
    for init_mode in [MiniBatchInit::PlusPlus, MiniBatchInit::Random] {
        let params = MiniBatchParams {
            init_mode,
            ..three()
        };
        let init = match init_mode {
            MiniBatchInit::PlusPlus => KMeansInit::KMeansPlusPlus,
            MiniBatchInit::Random => KMeansInit::Random,
        };
        let step = KMeans::params_with_rng(3, Xoshiro256Plus::seed_from_u64(7))
            .init_method(init)
            .n_runs(10)
            .tolerance(1e-9)
            .check()
            .unwrap();
        let mut theirs: Option<KMeans<f64, _>> = None;
        let mut ours: Option<MiniBatch> = None;
        for batch in 1..6 {
            let points = blobs(40 + batch as usize, batch);
            let data = DatasetBase::from(matrix(&points));
            let next = match step.fit_with(theirs.take(), &data) {
                Ok(model) | Err(IncrKMeansError::NotConverged(model)) => model,
                Err(error) => panic!("{error}"),
            };
            let fit = mini_batch(&params, ours.as_ref(), &rows(&points)).unwrap();
            let model = &fit.model;
            assert_eq!(matrix(&model.centers), *next.centroids(), "batch {batch}");
            let counts: Vec<f64> = model.counts.iter().map(|n| *n as f64).collect();
            assert_eq!(counts, next.cluster_count().to_vec());
            assert_eq!(
                fit.summary.training_cost,
                next.inertia() * points.len() as f64
            );
            let predicted: Vec<_> = next.predict(data.records()).into_iter().map(Some).collect();
            assert_eq!(labels(&fit, &points), predicted);
            assert_eq!(fit.summary.sizes.iter().sum::<u64>(), points.len() as u64);
            // As a model that was saved and read again.
            let saved = serde_json::to_string(&fit.model).unwrap();
            let read: MiniBatch = serde_json::from_str(&saved).unwrap();
            assert_eq!(read, fit.model);
            ours = Some(fit.model);
            theirs = Some(next);
        }
        assert_eq!(
            ours.unwrap().counts.iter().sum::<u64>(),
            41 + 42 + 43 + 44 + 45
        );
    }
}

#[test]
fn a_center_that_nothing_is_near_to_stays() {
    let first = mini_batch(&three(), None, &rows(&blobs(60, 1))).unwrap();
    let model = &first.model;
    let one_place = vec![vec![34.0, -118.0]; 10];
    let next = mini_batch(&three(), Some(model), &rows(&one_place)).unwrap();
    let moved = &next.model;
    let stayed = |i: &usize| moved.centers[*i] == model.centers[*i];
    assert_eq!((0..3).filter(stayed).count(), 2);
    let mut sizes = next.summary.sizes.clone();
    sizes.sort_unstable();
    assert_eq!(sizes, [0, 0, 10]);
}

#[test]
fn a_model_that_cannot_be_carried_on_is_refused() {
    let points = blobs(30, 1);
    let model = mini_batch(&three(), None, &rows(&points)).unwrap().model;
    let two = MiniBatchParams { k: 2, ..three() };
    assert_eq!(
        mini_batch(&two, Some(&model), &rows(&points))
            .unwrap_err()
            .to_string(),
        "the model carried over has 3 centers of 2 numbers, but k is 2 and rows have 2: train from the first batch on"
    );
    let wide: Vec<_> = points
        .iter()
        .map(|p| [p.as_slice(), &[0.0]].concat())
        .collect();
    let error = mini_batch(&three(), Some(&model), &rows(&wide)).unwrap_err();
    assert!(error.to_string().contains("rows have 3"), "{error}");
    let mut torn = model.clone();
    torn.counts.pop();
    assert!(matches!(
        mini_batch(&three(), Some(&torn), &rows(&points)),
        Err(FitError::Fitted(_))
    ));
    let mut damaged = model;
    damaged.centers[0][0] = f64::NAN;
    assert!(mini_batch(&three(), Some(&damaged), &rows(&points)).is_err());
}

#[test]
fn hot_spots_are_those_that_linfa_finds() {
    for (eps, min_points) in [(0.05, 3), (0.1, 4), (0.3, 5), (2.0, 5), (1e-9, 2)] {
        let points = blobs(150, 3);
        let params = DbscanParams { eps, min_points };
        let fit = dbscan(&params, &rows(&points)).unwrap();
        let theirs = Dbscan::params(min_points)
            .tolerance(eps)
            .check()
            .unwrap()
            .transform(&matrix(&points));
        let model = &fit.model;
        let near = |a: &[f64], b: &[f64]| {
            let squares: f64 = a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum();
            squares <= eps * eps
        };
        for ((point, ours), theirs) in points.iter().zip(labels(&fit, &points)).zip(&theirs) {
            assert_eq!(ours.is_some(), theirs.is_some(), "noise is noise for both");
            let core = points.iter().filter(|other| near(point, other)).count() >= min_points;
            let saved = model.core_points.iter().find(|core| core.at == *point);
            assert_eq!(saved.is_some(), core);
            if core {
                assert_eq!(ours, *theirs);
            } else if let Some(cluster) = ours {
                let of_cluster = |core: &&CorePoint| core.cluster == cluster;
                let mut reach = model.core_points.iter().filter(of_cluster);
                assert!(reach.any(|core| near(&core.at, point)));
            }
        }
        let clusters = theirs.iter().flatten().max().map_or(0, |most| most + 1);
        assert_eq!(model.clusters, clusters);
        assert_eq!(
            fit.summary.sizes.iter().sum::<u64>() + fit.summary.noise,
            150
        );
    }
}

#[test]
fn a_place_is_kept_once_however_often_it_was_seen() {
    let points = vec![vec![0.0, -0.0]; 50];
    let params = DbscanParams {
        eps: 1.0,
        min_points: 5,
    };
    let fit = dbscan(&params, &rows(&points)).unwrap();
    assert_eq!(fit.model.core_points.len(), 1);
    assert_eq!((fit.summary.sizes, fit.summary.noise), (vec![50], 0));
}

#[test]
fn all_noise_is_an_answer() {
    let points: Vec<Vec<f64>> = (0..9).map(|x| vec![f64::from(x) * 10.0]).collect();
    let params = DbscanParams {
        eps: 1.0,
        min_points: 2,
    };
    let fit = dbscan(&params, &rows(&points)).unwrap();
    assert_eq!((fit.summary.sizes.len(), fit.summary.noise), (0, 9));
    let predictor = fit.model.into_predictor().unwrap();
    assert_eq!(predictor.predict(&[10.0]).unwrap(), Prediction::Noise);
    assert_eq!(predictor.predict(&[10.0]).unwrap().label(), -1);
    assert_eq!(
        predictor.predict(&[1.0, 2.0]),
        Err(PredictError::Dimensions {
            expected: 1,
            given: 2
        })
    );
}

#[test]
fn probabilities_are_linfas() {
    let points = blobs(300, 5);
    for init_mode in [GmmInit::KMeans, GmmInit::Random] {
        let params = GmmParams {
            k: 3,
            seed: 11,
            init_mode,
            max_iter: 500,
            ..GmmParams::default()
        };
        let fit = gmm(&params, &rows(&points)).unwrap();
        let theirs: GaussianMixtureModel<f64> =
            LinfaGmm::new_with_rng(3, Xoshiro256Plus::seed_from_u64(11))
                .init_method(match init_mode {
                    GmmInit::KMeans => linfa_clustering::GmmInitMethod::KMeans,
                    GmmInit::Random => linfa_clustering::GmmInitMethod::Random,
                })
                .max_n_iterations(500)
                .fit(&DatasetBase::from(matrix(&points)))
                .unwrap();
        let model = &fit.model;
        for (i, gaussian) in model.gaussians.iter().enumerate() {
            assert_eq!(gaussian.weight, theirs.weights()[i]);
            assert_eq!(gaussian.mean, theirs.means().row(i).to_vec());
        }
        let asked = matrix(&points);
        let probabilities = theirs.predict_proba(&asked);
        let clusters = theirs.predict(&asked);
        let predictor = fit.model.clone().into_predictor().unwrap();
        for (i, point) in points.iter().enumerate() {
            let Prediction::Probable {
                cluster,
                probabilities: ours,
            } = predictor.predict(point).unwrap()
            else {
                panic!("no probabilities")
            };
            assert_eq!(cluster, clusters[i]);
            for (ours, theirs) in ours.iter().zip(probabilities.row(i)) {
                assert!((ours - theirs).abs() < 1e-9, "{ours} and {theirs}");
            }
        }
        assert_eq!(fit.summary.sizes.iter().sum::<u64>(), 300);
    }
}

#[test]
fn more_runs_never_cost_more() {
    let points = blobs(120, 9);
    let fit = |n_runs| {
        let params = GmmParams {
            k: 4,
            seed: 1,
            init_mode: GmmInit::Random,
            n_runs,
            max_iter: 1000,
            ..GmmParams::default()
        };
        gmm(&params, &rows(&points)).unwrap()
    };
    let costs: Vec<f64> = [1, 2, 4, 8]
        .map(|runs| fit(runs).summary.training_cost)
        .to_vec();
    assert!(costs.is_sorted_by(|a, b| a >= b), "{costs:?}");
    assert!(costs[3] < costs[0], "other draws end elsewhere: {costs:?}");
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let points = rows(&blobs(2000, 4));
    let all = || {
        let first = mini_batch(&three(), None, &points).unwrap();
        let second = mini_batch(&three(), Some(&first.model), &points).unwrap();
        let spots = DbscanParams {
            eps: 0.05,
            min_points: 4,
        };
        let spots = dbscan(&spots, &points).unwrap();
        let params = GmmParams {
            k: 3,
            n_runs: 2,
            ..GmmParams::default()
        };
        (first, second, spots, gmm(&params, &points).unwrap())
    };
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        pool.unwrap().install(all)
    };
    let alone = with(1);
    for threads in [2, 3, 8] {
        assert_eq!(with(threads), alone);
    }
}

#[test]
fn rows_that_cannot_be_fitted_say_why() {
    let spots = DbscanParams {
        eps: 1.0,
        min_points: 2,
    };
    let all = |rows: &Rows| {
        [
            mini_batch(&three(), None, rows).unwrap_err(),
            dbscan(&spots, rows).unwrap_err(),
            gmm(&GmmParams::default(), rows).unwrap_err(),
        ]
    };
    for error in all(&Rows::new(2, RowForm::Dense)) {
        assert_eq!(error, FitError::NoRows);
    }
    for error in all(&rows(&[vec![1.0, 2.0], vec![3.0, f64::INFINITY]])) {
        assert_eq!(
            error.to_string(),
            "row 1, column 1 holds inf, but a fit needs finite numbers"
        );
    }
    for error in all(&rows(&[vec![1.0, 2.0], vec![1e200, 0.0]])) {
        assert_eq!(error, FitError::Overflow);
    }
    let twins = rows(&[vec![0.0, 2.0], vec![-0.0, 2.0], vec![0.0, 2.0]]);
    let few = mini_batch(&three(), None, &twins);
    assert!(dbscan(&spots, &twins).is_ok());
    let few_too = gmm(&GmmParams::default(), &twins);
    assert_eq!(
        few.unwrap_err().to_string(),
        "there are 1 distinct rows, but k asks for 3 clusters: lower k, or fit more rows"
    );
    assert_eq!(
        few_too.unwrap_err(),
        FitError::FewPoints { distinct: 1, k: 2 }
    );
}

#[test]
fn mixtures_that_do_not_settle_name_the_parameter() {
    let points = rows(&blobs(300, 5));
    let params = GmmParams {
        k: 3,
        max_iter: 1,
        init_mode: GmmInit::Random,
        ..GmmParams::default()
    };
    assert_eq!(
        gmm(&params, &points).unwrap_err().to_string(),
        "gmm did not converge in max_iter = 1 rounds: raise max_iter or tol, or lower k"
    );
    // Points on a line have no volume, and nothing gives them one.
    let line: Vec<_> = (0..50).map(|x| vec![f64::from(x), 0.0]).collect();
    let flat = GmmParams {
        reg_covar: 0.0,
        ..GmmParams::default()
    };
    let error = gmm(&flat, &rows(&line)).unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with("gmm has no answer"), "{text}");
    assert!(text.contains("raise reg_covar"), "{text}");
}

#[test]
fn parameters_that_would_keep_a_machine_busy_for_days_are_refused() {
    let points = rows(&blobs(20, 1));
    let endless = GmmParams {
        max_iter: u32::MAX,
        n_runs: u32::MAX,
        ..GmmParams::default()
    };
    let text = gmm(&endless, &points).unwrap_err().to_string();
    assert!(text.contains("lower max_iter, n_runs or k"), "{text}");
    let endless = MiniBatchParams {
        k: usize::MAX,
        ..three()
    };
    let text = mini_batch(&endless, None, &points).unwrap_err().to_string();
    assert!(text.contains("lower n_runs or k"), "{text}");
    let endless = Params {
        init_steps: u32::MAX,
        ..Params::default()
    };
    let wide = rows(&vec![vec![0.0; 10_000]; 20]);
    let refused = endless.fit(None, &wide, None, &Stop::default());
    assert_eq!(
        refused.unwrap_err().to_string(),
        "kmeans may take 3.4e15 steps, and the most is 1e14: lower n_init, init_steps or k, or fit smaller batches"
    );
    // The rounds alone would take 4e13 steps; the rest is the choice by k-means++ among all of the 1,000 rows.
    let choosy = Params {
        k: 1000,
        init: Init::PlusPlus,
        n_init: 4_000_000,
        ..Params::default()
    };
    let refused = choosy.fit(None, &rows(&blobs(1000, 1)), None, &Stop::default());
    let text = refused.unwrap_err().to_string();
    assert!(text.starts_with("kmeans may take 1.2e14 steps"), "{text}");
    // All rounds would take as long, but the fit converges in the first one.
    let patient = Params {
        max_iter: u32::MAX,
        ..Params::default()
    };
    assert!(patient.fit(None, &wide, None, &Stop::default()).is_ok());
}

#[test]
fn a_fit_that_was_told_to_end_has_no_model() {
    let points = rows(&blobs(30, 1));
    let stop = Stop::default();
    stop.now();
    let near = DbscanParams {
        eps: 1.0,
        min_points: 5,
    };
    for algorithm in [
        Algorithm::default(),
        Algorithm::MiniBatch(three()),
        Algorithm::Dbscan(near),
        Algorithm::Gmm(GmmParams::default()),
    ] {
        let ended = algorithm.fit(None, &points, None, &stop).unwrap_err();
        assert!(ended.is_stopped(), "{}: {ended}", algorithm.name());
    }
}

#[test]
fn parameters_out_of_range_are_named() {
    let points = rows(&blobs(9, 1));
    let bad = DbscanParams {
        eps: 0.0,
        min_points: 5,
    };
    assert_eq!(
        dbscan(&bad, &points).unwrap_err().to_string(),
        "eps is 0, but it must be a finite number above 0"
    );
    let dbscan = |eps, min_points| DbscanParams { eps, min_points }.validate();
    let mini_batch = |k, n_runs| {
        let rest = three();
        MiniBatchParams { k, n_runs, ..rest }.validate()
    };
    let gmm = |change: fn(&mut GmmParams)| {
        let mut params = GmmParams::default();
        change(&mut params);
        params.validate()
    };
    for (checked, parameter) in [
        (dbscan(f64::NAN, 5), "eps"),
        (dbscan(1.0, 1), "min_points"),
        (mini_batch(1, 10), "k"),
        (mini_batch(3, 0), "n_runs"),
        (gmm(|params| params.k = 0), "k"),
        (gmm(|params| params.max_iter = 0), "max_iter"),
        (gmm(|params| params.tol = 0.0), "tol"),
        (gmm(|params| params.n_runs = 0), "n_runs"),
        (gmm(|params| params.reg_covar = -1.0), "reg_covar"),
    ] {
        assert_eq!(checked.unwrap_err().parameter, parameter);
    }
    for json in [r#"{"min_points": 5}"#, r#"{"eps": 1.0, "k": 3}"#] {
        assert!(
            serde_json::from_str::<DbscanParams>(json).is_err(),
            "{json}"
        );
    }
    let defaults: DbscanParams = serde_json::from_str(r#"{"eps": 1.0}"#).unwrap();
    assert_eq!(defaults.min_points, 5);
    assert_eq!(
        serde_json::from_str::<GmmParams>("{}").unwrap(),
        GmmParams::default()
    );
}

/// Other crates read an algorithm's keys from its list of parameters.
#[test]
fn the_keys_of_an_algorithm_are_the_fields_of_its_parameters() {
    for facts in Algorithm::ALL {
        let needed = facts.parameters.iter().filter(|p| p.needed.is_some());
        let mut given: serde_json::Map<_, _> =
            needed.map(|p| (p.key.to_owned(), 1.into())).collect();
        if facts.name == "kmeans" {
            // These two are left out of what is written if they have their defaults.
            given.insert("init".to_owned(), "k-means++".into());
            given.insert("n_init".to_owned(), 2.into());
        }
        let given = serde_json::Value::Object(given);
        let algorithm = Algorithm::from_json::<serde_json::Error>(facts.name, given).unwrap();
        let written = serde_json::to_value(&algorithm).unwrap();
        assert_eq!(written["algorithm"], facts.name);
        let fields = written["params"].as_object().unwrap();
        let fields: BTreeSet<_> = fields.keys().map(String::as_str).collect();
        assert_eq!(fields, facts.parameters.iter().map(|p| p.key).collect());
    }
}

/// Rows with what libraries stumble over: equal ones, far ones, near ones, ones on a line.
fn any_rows() -> impl Strategy<Value = Vec<Vec<f64>>> {
    let number = prop_oneof![
        4 => (-3_i32..3).prop_map(f64::from),
        2 => -1e3_f64..1e3,
        1 => prop::sample::select(vec![0.0, -0.0, 1e-300, 5e-324, 1e140, -1e149, 1.0 + f64::EPSILON]),
    ];
    (1_usize..4).prop_flat_map(move |width| {
        prop::collection::vec(prop::collection::vec(number.clone(), width), 1..30)
    })
}

proptest! {
    // A fit of a mixture does thirty k-means of a hundred passes; more cases take minutes.
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_rows_panic(
        points in any_rows(),
        k in 2_usize..5,
        seed in any::<i64>(),
        eps in prop::sample::select(vec![1e-300, 0.5, 2.0, 1e140]),
    ) {
        let rows = rows(&points);
        let params = MiniBatchParams { k, seed, n_runs: 2, ..MiniBatchParams::default() };
        if let Ok(first) = mini_batch(&params, None, &rows) {
            let _ = mini_batch(&params, Some(&first.model), &rows);
        }
        let _ = dbscan(&DbscanParams { eps, min_points: k }, &rows);
        for init_mode in [GmmInit::KMeans, GmmInit::Random] {
            let params = GmmParams { k, seed, init_mode, max_iter: 20, ..GmmParams::default() };
            let _ = gmm(&params, &rows);
        }
    }
}
