//! One model a window, run by DataFusion itself over real Parquet files whose windows lie across them.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, AsArray, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray,
    TimestampMillisecondArray,
};
use datafusion::execution::TaskContext;
use datafusion::physical_plan::collect;
use gugus_kmeans::{Partitions, RowForm, Rows, fit};
use gugus_spec::{ColumnType, Feature, OtherColumns, Period, Window};

use super::files::{self, column};
use super::fits::{params, settings};
use crate::{
    Expressions, FeaturePlan, FitOutcome, OUTCOME_COLUMN, WINDOW_COLUMN, WaveFile, Weighting,
    WindowRows, census_plan, read_census, window_plan,
};

const ROWS: i64 = 120;
const DAY: i64 = 24 * 60 * 60 * 1000;

struct Row {
    x: f64,
    y: f64,
    area: Option<&'static str>,
    time: i64,
}

/// Row `i` of batch `number`; an area in five is missing, months change every second batch.
fn row(number: u64, i: i64) -> Row {
    let noise = |salt: i64| ((i * 7_919 + number as i64 * 104_729 + salt) % 997) as f64 / 300.0;
    Row {
        x: (i % 3 * 10) as f64 + noise(1),
        y: (i % 3 * 10) as f64 + noise(2),
        area: [
            Some("north"),
            Some("south"),
            None,
            Some("west"),
            Some("south"),
        ][(i % 5) as usize],
        time: (number as i64 / 2) * 31 * DAY + i,
    }
}

fn write(folder: &Path, number: u64) -> WaveFile {
    let rows: Vec<Row> = (0..ROWS).map(|i| row(number, i)).collect();
    let times = rows.iter().map(|r| r.time).collect::<Vec<_>>();
    let batch = RecordBatch::try_from_iter_with_nullable([
        (
            "x",
            Arc::new(Float64Array::from_iter(rows.iter().map(|r| Some(r.x)))) as ArrayRef,
            true,
        ),
        (
            "y",
            Arc::new(Float64Array::from_iter(rows.iter().map(|r| Some(r.y)))),
            true,
        ),
        (
            "area",
            Arc::new(StringArray::from_iter(rows.iter().map(|r| r.area))),
            true,
        ),
        (
            "_partition",
            Arc::new(Int32Array::from(vec![0; ROWS as usize])),
            false,
        ),
        (
            "_offset",
            Arc::new(Int64Array::from_iter_values(0..ROWS)),
            false,
        ),
        (
            "_timestamp",
            Arc::new(TimestampMillisecondArray::from(times).with_timezone("UTC")),
            true,
        ),
    ])
    .unwrap();
    files::write(folder, number, &batch)
}

fn plan(key: Option<String>) -> FeaturePlan {
    let columns = [
        column("x", ColumnType::Float64),
        column("y", ColumnType::Float64),
        column("area", ColumnType::Utf8),
    ];
    let features = [Feature::column("x"), Feature::column("y")];
    let expressions = Expressions {
        condition: Some("x >= 0"),
        features: &features,
        weight_col: None,
        key: key.map(Cow::Owned),
    };
    FeaturePlan::new(&columns, OtherColumns::Drop, &expressions).unwrap()
}

type Centers = BTreeMap<String, Vec<Vec<f64>>>;

async fn run(key: Option<String>, files: &[WaveFile], groups: usize) -> Centers {
    let keys: Vec<String> = match &key {
        None => vec!["last-9".to_owned()],
        Some(_) => {
            let census = census(key.clone(), files, groups).await;
            census.into_keys().flatten().collect()
        }
    };
    fitted(key, &keys, files, groups).await
}

async fn census(
    key: Option<String>,
    files: &[WaveFile],
    groups: usize,
) -> BTreeMap<Option<String>, WindowRows> {
    let plan = census_plan(&plan(key), "file:///", files, groups).unwrap();
    let found = collect(plan, Arc::new(TaskContext::default())).await;
    read_census(&found.unwrap()).unwrap()
}

async fn fitted(
    key: Option<String>,
    keys: &[String],
    files: &[WaveFile],
    groups: usize,
) -> Centers {
    let settings = settings(3, Weighting::Uniform);
    let plan = window_plan(&plan(key), settings, keys, "file:///", files, groups).unwrap();
    let batches = collect(plan, Arc::new(TaskContext::default()))
        .await
        .unwrap();
    let mut found = BTreeMap::new();
    for batch in batches {
        let keys = batch
            .column_by_name(WINDOW_COLUMN)
            .unwrap()
            .as_string::<i32>()
            .clone();
        let outcomes = batch.column_by_name(OUTCOME_COLUMN).unwrap();
        for (index, key) in keys.iter().enumerate() {
            let FitOutcome::Trained(fitted) = FitOutcome::read(outcomes.as_ref(), index).unwrap()
            else {
                panic!("window {key:?} failed")
            };
            let key = key.unwrap().to_owned();
            assert!(
                found.insert(key.clone(), fitted.model.middles()).is_none(),
                "window {key} came twice"
            );
        }
    }
    found
}

/// Each window's rows in order of batch and offset, fitted.
fn expected(numbers: &[u64], key: impl Fn(u64, &Row) -> Option<String>) -> Centers {
    let mut windows: BTreeMap<String, Rows> = BTreeMap::new();
    for number in numbers {
        for i in 0..ROWS {
            let row = row(*number, i);
            if let Some(key) = key(*number, &row) {
                let rows = windows
                    .entry(key)
                    .or_insert_with(|| Rows::new(2, RowForm::Assembled));
                rows.push(&[row.x, row.y]);
            }
        }
    }
    let params = params(3);
    let fitted = |rows: Rows| {
        fit(&params, &rows, None, &Partitions::one())
            .unwrap()
            .model
            .centers
    };
    windows
        .into_iter()
        .map(|(key, rows)| (key, fitted(rows)))
        .collect()
}

#[tokio::test]
async fn a_window_is_fitted_as_its_rows_alone_however_files_are_grouped() {
    let folder = tempfile::tempdir().unwrap();
    let numbers: Vec<u64> = (1..=9).collect();
    let mut files: Vec<WaveFile> = numbers.iter().map(|n| write(folder.path(), *n)).collect();
    let areas = expected(&numbers, |_, row| row.area.map(str::to_owned));
    assert_eq!(areas.len(), 3);
    for groups in [1, 2, 7, 64] {
        assert_eq!(
            run(Some("area".to_owned()), &files, groups).await,
            areas,
            "{groups} groups"
        );
    }
    files.reverse();
    assert_eq!(
        run(Some("area".to_owned()), &files, 2).await,
        areas,
        "backwards"
    );
    let all = expected(&numbers, |_, _| Some("last-9".to_owned()));
    assert_eq!(run(None, &files, 3).await, all);
}

#[tokio::test]
async fn windows_of_the_calendar_are_cut_by_the_time_of_the_record() {
    let folder = tempfile::tempdir().unwrap();
    let numbers: Vec<u64> = (1..=5).collect();
    let files: Vec<WaveFile> = numbers.iter().map(|n| write(folder.path(), *n)).collect();
    let window = Window::By {
        by: Period::Month,
        column: "_timestamp".to_owned(),
    };
    // Batches 1 | 2, 3 | 4, 5 begin 0, 31 and 62 days after 1 January 1970.
    let months = expected(&numbers, |number, _| {
        Some(["1970-01", "1970-02", "1970-03"][number as usize / 2].to_owned())
    });
    assert_eq!(run(window.key_sql(), &files, 2).await, months);
    // Its records are of December 9999: nanoseconds since 1970 would end in 2262.
    let far = [write(folder.path(), 189_218)];
    let keys = census(window.key_sql(), &far, 1).await.into_keys();
    assert_eq!(keys.collect::<Vec<_>>(), [Some("9999-12".to_owned())]);
}

#[tokio::test]
async fn the_census_counts_every_row_once_and_tells_where_windows_lie() {
    let folder = tempfile::tempdir().unwrap();
    let files: Vec<WaveFile> = (4..=9).map(|n| write(folder.path(), n)).collect();
    let rows = |rows, first, last| WindowRows { rows, first, last };
    let key = |text: &str| Some(text.to_owned());
    let fifth = ROWS as u64 / 5;
    for groups in [1, 4, 64] {
        let areas = census(key("area"), &files, groups).await;
        let expected = [
            (None, rows(6 * fifth, 4, 9)),
            (key("north"), rows(6 * fifth, 4, 9)),
            (key("south"), rows(12 * fifth, 4, 9)),
            (key("west"), rows(6 * fifth, 4, 9)),
        ];
        assert_eq!(areas, BTreeMap::from(expected), "{groups} groups");
        let months = census(key("to_char(_timestamp, '%m')"), &files, groups).await;
        let months: Vec<_> = months.into_values().collect();
        let two = 2 * ROWS as u64;
        assert_eq!(months, [rows(two, 4, 5), rows(two, 6, 7), rows(two, 8, 9)]);
    }
}

#[tokio::test]
async fn only_the_windows_asked_for_are_fitted() {
    let folder = tempfile::tempdir().unwrap();
    let files: Vec<WaveFile> = (1..=3).map(|n| write(folder.path(), n)).collect();
    let key = || Some("area".to_owned());
    let all = run(key(), &files, 2).await;
    let some = fitted(key(), &["west".to_owned()], &files, 2).await;
    assert_eq!(
        some,
        BTreeMap::from([("west".to_owned(), all["west"].clone())])
    );
}
