//! The plan of a wave, run by DataFusion itself over real Parquet files.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Float64Array, RecordBatch};
use arrow::datatypes::UInt64Type;
use datafusion::execution::TaskContext;
use datafusion::physical_plan::collect;
use gugus_kmeans::{Partitions, RowForm, Rows, fit};

use super::files;
use super::fits::{params, settings};
use crate::{
    BATCH_COLUMN, FitOutcome, OUTCOME_COLUMN, Stop, Stopped, WaveFile, Weighting, heeding,
    points_plan, read_points, wave_plan,
};

/// Points of batch `number`: some noise of its own around three places, no two batches alike.
fn points(number: u64) -> (Vec<f64>, Vec<f64>) {
    let at = |i: u64, salt: u64| {
        let noise = (i * 7_919 + number * 104_729 + salt) % 1_000;
        ((i % 3) * 10) as f64 + noise as f64 / 500.0
    };
    (0..60).map(|i| (at(i, 1), at(i, 2))).unzip()
}

fn write(folder: &Path, number: u64) -> WaveFile {
    let (x, y) = points(number);
    let rows = RecordBatch::try_from_iter([
        ("x", Arc::new(Float64Array::from(x)) as ArrayRef),
        ("y", Arc::new(Float64Array::from(y)) as ArrayRef),
    ])
    .unwrap();
    files::write(folder, number, &rows)
}

async fn run(
    condition: Option<&str>,
    files: &[WaveFile],
    groups: usize,
) -> BTreeMap<u64, FitOutcome> {
    let settings = settings(3, Weighting::Uniform);
    let plan = wave_plan(&files::plan(condition), settings, "file:///", files, groups).unwrap();
    let batches = collect(plan, Arc::new(TaskContext::default()))
        .await
        .unwrap();
    let mut outcomes = BTreeMap::new();
    for batch in batches {
        let numbers = batch
            .column_by_name(BATCH_COLUMN)
            .unwrap()
            .as_primitive::<UInt64Type>()
            .clone();
        let column = batch.column_by_name(OUTCOME_COLUMN).unwrap();
        for (index, number) in numbers.values().iter().enumerate() {
            let outcome = FitOutcome::read(column.as_ref(), index).unwrap();
            assert_eq!(
                outcomes.insert(*number, outcome),
                None,
                "batch {number} came twice"
            );
        }
    }
    outcomes
}

#[tokio::test]
async fn every_batch_is_fitted_as_alone_however_files_are_grouped() {
    let folder = tempfile::tempdir().unwrap();
    let files: Vec<WaveFile> = (1..=23)
        .map(|number| write(folder.path(), number))
        .collect();
    let expected: BTreeMap<u64, Vec<Vec<f64>>> = (1..=23)
        .map(|number| {
            let (x, y) = points(number);
            let rows = Rows::from_columns(&[&x, &y], RowForm::Assembled);
            let params = params(3);
            (
                number,
                fit(&params, &rows, None, &Partitions::one())
                    .unwrap()
                    .model
                    .centers,
            )
        })
        .collect();
    for groups in [1, 2, 7, 64] {
        let centers: BTreeMap<u64, Vec<Vec<f64>>> = run(None, &files, groups)
            .await
            .into_iter()
            .map(|(number, outcome)| match outcome {
                FitOutcome::Trained(fitted) => (number, fitted.model.middles()),
                FitOutcome::Failed { reason, .. } => panic!("batch {number}: {reason}"),
            })
            .collect();
        assert_eq!(centers, expected, "{groups} groups");
    }
}

#[tokio::test]
async fn rows_that_the_condition_leaves_out_do_not_count_and_an_empty_batch_gives_no_row() {
    let folder = tempfile::tempdir().unwrap();
    let files: Vec<WaveFile> = (1..=3).map(|number| write(folder.path(), number)).collect();
    let outcomes = run(Some("x < 15"), &files, 2).await;
    assert_eq!(outcomes.len(), 3);
    for outcome in outcomes.values() {
        let FitOutcome::Trained(fitted) = outcome else {
            panic!("{outcome:?}")
        };
        assert_eq!(fitted.summary.rows, 40);
    }
    assert!(run(Some("x < 0"), &files, 2).await.is_empty());
}

#[tokio::test]
async fn the_points_of_a_batch_come_in_their_order_however_files_are_grouped() {
    let folder = tempfile::tempdir().unwrap();
    let files: Vec<WaveFile> = (1..=9).map(|number| write(folder.path(), number)).collect();
    let expected = |number: u64| -> Vec<f64> {
        let (x, y) = points(number);
        let rows = x.into_iter().zip(y).filter(|(x, _)| *x < 15.0);
        rows.flat_map(|(x, y)| [x, y]).collect()
    };
    for groups in [1, 2, 64] {
        let plan = points_plan(&files::plan(Some("x < 15")), "file:///", &files, groups).unwrap();
        let found = collect(plan, Arc::new(TaskContext::default())).await;
        let found = read_points(&found.unwrap()).unwrap();
        assert_eq!(
            found,
            (1..=9).map(|number| (number, expected(number))).collect(),
            "{groups} groups"
        );
    }
}

#[tokio::test]
async fn a_plan_gives_the_same_until_its_signal_and_an_error_after_it() {
    let folder = tempfile::tempdir().unwrap();
    let files: Vec<WaveFile> = (1..=5).map(|number| write(folder.path(), number)).collect();
    let settings = settings(3, Weighting::Uniform);
    let plan = wave_plan(&files::plan(None), settings, "file:///", &files, 1).unwrap();
    let stop = Stop::default();
    let heeds = heeding(Arc::clone(&plan), &stop).unwrap();
    let context = || Arc::new(TaskContext::default());
    let rows = collect(Arc::clone(&heeds), context()).await.unwrap();
    assert_eq!(rows, collect(Arc::clone(&plan), context()).await.unwrap());
    stop.now();
    let ended = collect(heeds, context()).await.unwrap_err();
    assert!(gugus_error::find::<Stopped>(&ended).is_some(), "{ended}");
    assert!(collect(plan, context()).await.is_ok(), "another plan");
}
