//! Models of windows: `scope = "window"`.

use std::collections::BTreeMap;
use std::ops::Range;

use gugus_models::{Existing, Extent, ModelStore};
use gugus_progress::ReportScope;
use gugus_spec::{BatchNumber, Job, OffsetRange};
use gugus_train::Outcome::{self, Failed, Skipped, Trained};
use gugus_train::Report;

use crate::kit::{Work, assert_failed, borrowed, job, lines};

/// A model with `keys` of the table `window`.
fn model(window: &str) -> String {
    format!(
        "[[models]]\nname = \"w\"\nfeatures = [\"x\", \"y\"]\nk = 2\nseed = 7\nscope = \"window\"\nwindow = {{ {window} }}\n"
    )
}

/// Appends these rows, each in one of `areas` in turn.
async fn append(work: &Work, job: &Job, rows: Range<u64>, areas: &[&str]) {
    let row = |i: u64| {
        let noise = |salt: u64| ((i * 7_919 + salt) % 1_009) as f64 / 1_009.0;
        let x = noise(1) + 10.0 * (i / areas.len() as u64 % 2) as f64;
        let area = areas[i as usize % areas.len()];
        [x.to_string(), noise(2).to_string(), area.to_owned()]
    };
    let rows: Vec<[String; 3]> = rows.map(row).collect();
    work.append(job, &borrowed(&rows)).await;
}

fn of(key: &str) -> Extent {
    Extent::Window(key.parse().unwrap())
}

fn offsets(first: i64, next: i64) -> [OffsetRange; 1] {
    [OffsetRange {
        partition: 0,
        first,
        next,
    }]
}

/// The status of each window.
fn statuses(report: &Report) -> BTreeMap<String, Outcome> {
    let lines = lines(report, "w").into_iter();
    let key = |window: &Option<String>| window.clone().unwrap_or_else(|| "none".to_owned());
    lines.map(|line| (key(&line.window), line.status)).collect()
}

fn expected<const N: usize>(statuses: [(&str, Outcome); N]) -> BTreeMap<String, Outcome> {
    statuses
        .map(|(key, status)| (key.to_owned(), status))
        .into()
}

#[tokio::test]
async fn the_last_batches_are_one_window_and_it_moves_on() {
    let work = Work::new();
    let last = job(50, &model("last = 3"));
    let areas = ["north"];
    append(&work, &last, 0..250, &areas).await;
    let planned = work.prepare(&last, Existing::Keep).await.unwrap().dry_run();
    let planned = planned.models[0].path.as_deref();
    assert_eq!(planned, Some("w/window_last-3"));
    let report = work.train(&last).await;
    let line = lines(&report, "w")[0];
    let window = line.window.as_deref();
    assert_eq!((window, line.rows, line.batch), (Some("last-3"), 150, None));
    let about = work.about("w", of("last-3")).await;
    assert_eq!(about.offsets, offsets(100, 250));

    let alone = Work::new();
    let batch = job(
        250,
        "[[models]]\nname = \"w\"\nfeatures = [\"x\", \"y\"]\nk = 2\nseed = 7\n",
    );
    append(&alone, &batch, 100..250, &areas).await;
    alone.train(&batch).await;
    assert_eq!(
        work.centers("w", of("last-3")).await,
        alone.centers("w", BatchNumber::new(1)).await
    );

    let again = work.train(&last).await;
    assert_eq!(statuses(&again), expected([("last-3", Skipped)]));
    // One batch more, and the window is over others.
    append(&work, &last, 250..300, &areas).await;
    let moved = work.train(&last).await;
    assert_eq!(statuses(&moved), expected([("last-3", Trained)]));
    assert_eq!(work.about("w", of("last-3")).await.offsets[0].first, 150);
}

#[tokio::test]
async fn windows_are_trained_again_when_there_are_rows_for_them() {
    let work = Work::new();
    let by_area = job(40, &model("sql = \"area\""));
    // Every third record has no area, and is in no window.
    append(&work, &by_area, 0..120, &["a", "b", ""]).await;
    let prepared = work.prepare(&by_area, Existing::Keep).await.unwrap();
    assert_eq!(prepared.dry_run().planned, 1);
    let first = work.train(&by_area).await;
    assert_eq!(
        statuses(&first),
        expected([("none", Skipped), ("a", Trained), ("b", Trained)])
    );
    let without = lines(&first, "w")[0];
    assert_eq!(without.rows, 40);
    assert!(
        without.reason.as_deref().unwrap().contains("null"),
        "{without:?}"
    );

    let same = work.train(&by_area).await;
    assert_eq!((same.trained, same.skipped), (0, 3));
    let kept = work.about("w", of("a")).await;
    append(&work, &by_area, 0..40, &["b", "c"]).await;
    let more = work.train(&by_area).await;
    assert_eq!(
        statuses(&more),
        expected([
            ("none", Skipped),
            ("a", Skipped),
            ("b", Trained),
            ("c", Trained)
        ])
    );
    assert_eq!(work.about("w", of("a")).await, kept, "nothing came for it");
    assert_eq!(work.about("w", of("b")).await.summary.rows, 60);
    assert_eq!(work.about("w", of("c")).await.offsets, offsets(120, 160));

    // What was pruned is in the models still.
    work.keep_newest(&by_area).await;
    let pruned = work.train(&by_area).await;
    assert_eq!(
        statuses(&pruned),
        expected([("b", Skipped), ("c", Skipped)])
    );
    assert_eq!(work.about("w", of("b")).await.summary.rows, 60);
}

#[tokio::test]
async fn one_window_fails_alone() {
    let work = Work::new();
    let divided = model("sql = \"area\"").replace(
        "\"y\"]",
        "{ name = \"d\", sql = \"100 / cast(y as bigint)\" }]",
    );
    let by_area = job(4, &divided);
    let rows = [
        ["1", "1", "good"],
        ["", "2", "null"],
        ["2", "0", "zero"],
        ["3", "2", "good"],
        ["4", "3", "null"],
        ["5", "4", "zero"],
        ["6", "5", "good"],
        ["7", "8", "fine"],
        ["9", "4", "fine"],
    ];
    work.append(&by_area, &rows).await;
    let report = work.train(&by_area).await;
    assert_eq!(
        statuses(&report),
        expected([
            ("good", Trained),
            ("fine", Trained),
            ("null", Failed),
            ("zero", Failed)
        ]),
        "{report:?}"
    );
    for (key, words) in [
        ("null", "1 of 2 rows are null or NaN"),
        ("zero", "divide by zero"),
    ] {
        let mut lines = lines(&report, "w").into_iter();
        let line = lines.find(|line| line.window.as_deref() == Some(key));
        assert_failed(line.unwrap(), words);
    }

    let empty = model("sql = \"area\"").replace("k = 2", "k = 2\nwhere = \"x > 100\"");
    let others = Work {
        batches: work.batches,
        cluster: work.cluster,
        ..Work::new()
    };
    let none = others.train(&job(4, &empty)).await;
    assert_failed(&none.models[0], "no row is left by `where`");
}

#[tokio::test]
async fn a_key_that_fails_on_a_row_fails_the_model_and_not_one_over_all_batches() {
    let work = Work::new();
    let key = "sql = \"'from ' || CAST(100 / cast(y as bigint) AS text)\"";
    let divided = job(4, &model(key));
    work.append(&divided, &[["1", "1", ""], ["2", "0", ""], ["3", "3", ""]])
        .await;
    let report = work.train(&divided).await;
    let [line] = report.models.as_slice() else {
        panic!("{report:?}")
    };
    assert_eq!((line.scope, &line.window), (ReportScope::Window, &None));
    assert_eq!(line.data(), "by window");
    assert_failed(line, "window fails on a row: divide by zero; ");
    assert_failed(line, "'from ' || CAST(100 / cast(y as bigint) AS text)");
}

#[tokio::test]
async fn other_parameters_are_refused_before_anything_is_written() {
    let work = Work::new();
    let by_area = model("sql = \"area\"");
    let first = job(40, &by_area);
    append(&work, &first, 0..120, &["a", "b"]).await;
    work.train(&first).await;

    let other = "[[models]]\nname = \"other\"\nfeatures = [\"x\"]\nk = 2\n";
    for (changed, words) in [
        (by_area.replace("seed = 7", "seed = 8"), "seed 8"),
        (
            by_area.replace("sql = \"area\"", "sql = \"lower(area)\""),
            "one model for each lower(area)",
        ),
    ] {
        let refused = work.refused(&job(40, &format!("{other}{changed}"))).await;
        for words in [words, "w/window_a", "--retrain"] {
            assert!(refused.contains(words), "{words}: {refused}");
        }
    }
    let listed = ModelStore::new(work.models.clone()).list().await.unwrap();
    assert!(listed.iter().all(|of| of.model != "other"), "{listed:?}");
    let seed = by_area.replace("seed = 7", "seed = 8");
    assert_eq!(work.retrain(&job(40, &seed)).await.trained, 2);
    assert_eq!(work.about("w", of("b")).await.seed, 8);
}
