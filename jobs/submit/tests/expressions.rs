//! Expressions that fail on rows, or ask for too much, in plans that are sent and run.

// Helpers fail a test as the test itself does; the lint knows only functions marked as tests.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int32Array, RecordBatch, StringArray};
use gugus_features::{
    Expressions, FeaturePlan, FitOutcome, FitSettings, OUTCOME_COLUMN, PlanError, WaveFile,
    wave_plan,
};
use gugus_kmeans::Params;
use gugus_spec::{
    Algorithm, Column, ColumnType, Feature, HandleInvalid, Nullability, OtherColumns,
};
use gugus_submit::{InProcess, Submit, SubmitError};
use tokio_util::sync::CancellationToken;

fn columns() -> Vec<Column> {
    [
        ("d", ColumnType::Utf8),
        ("n", ColumnType::Int32),
        ("x", ColumnType::Float64),
    ]
    .map(|(name, data_type)| Column {
        name: name.to_owned(),
        data_type,
        nullability: Nullability::Optional,
    })
    .to_vec()
}

fn write(folder: &Path) -> WaveFile {
    let rows = RecordBatch::try_from_iter([
        (
            "d",
            Arc::new(StringArray::from(vec!["2024-01-31", "unknown", "5"])) as ArrayRef,
        ),
        (
            "n",
            Arc::new(Int32Array::from(vec![Some(0), Some(4), None])),
        ),
        ("x", Arc::new(Float64Array::from(vec![1.0, 2.0, 3.0]))),
    ]);
    let rows = rows.unwrap();
    let path = folder.join("batch.parquet");
    let file = File::create(&path).unwrap();
    let mut writer =
        datafusion::parquet::arrow::ArrowWriter::try_new(file, rows.schema(), None).unwrap();
    writer.write(&rows).unwrap();
    writer.close().unwrap();
    WaveFile {
        batch: 1,
        path: path.to_str().unwrap().trim_start_matches('/').to_owned(),
        size: path.metadata().unwrap().len(),
    }
}

/// How a feature and a condition end, run as an executor would.
async fn run(condition: Option<&str>, sql: &str) -> Result<FitOutcome, String> {
    let features = [Feature {
        name: "at".to_owned(),
        sql: sql.to_owned(),
    }];
    let expressions = Expressions {
        condition,
        ..Expressions::features(&features)
    };
    let plan = FeaturePlan::new(&columns(), OtherColumns::Drop, &expressions);
    let plan = plan.map_err(|error| error.to_string())?;
    let settings = FitSettings {
        algorithm: Algorithm::KMeans(Params::default()),
        features: vec!["at".to_owned()],
        weighting: plan.weighting(),
        handle_invalid: HandleInvalid::Skip,
    };
    let folder = tempfile::tempdir().unwrap();
    let plan = wave_plan(&plan, settings, "file:///", &[write(folder.path())], 1).unwrap();
    let cluster = InProcess::new(1);
    match cluster.run(plan, "j", &CancellationToken::new()).await {
        Ok(rows) => {
            let outcome = rows[0].column_by_name(OUTCOME_COLUMN).unwrap();
            Ok(FitOutcome::read(outcome.as_ref(), 0).unwrap())
        }
        Err(SubmitError::Data { reason }) => Err(reason),
        Err(other) => panic!("{sql}: {other:?}"),
    }
}

#[tokio::test]
async fn an_expression_that_fails_on_a_row_is_named_and_about_the_data() {
    for (sql, word) in [
        ("extract(epoch from to_timestamp(d, '%Y-%m-%d'))", "unknown"),
        (
            "extract(hour from to_timestamp(d) AT TIME ZONE 'America/Los_Angles')",
            "Los_Angles",
        ),
        ("date_part('day', make_date(2024, n, 1))", "Month"),
        ("ascii(chr(n - 1))", "chr"),
        ("CAST(d AS INT)", "2024-01-31"),
        ("100 / n", "divide by zero"),
        ("100 % n", "divide by zero"),
        ("extract(day from CAST(d AS DATE))", "unknown"),
        ("length(repeat(d, 100000000))", "32 MiB"),
        ("length(lpad(d, 2000000000))", "32 MiB"),
        ("length(replace(d, '', repeat(d, 5000000)))", "32 MiB"),
        (
            "length(concat(repeat(d, 2000000), repeat(d, 2000000)))",
            "32 MiB",
        ),
        ("cardinality(array_repeat(n, 900000000))", "32 MiB"),
        ("cardinality(range(n, 9000000000))", "not offered"),
        ("length(repeat('x', 2000000000)) * x", "32 MiB"),
        (
            "levenshtein(repeat(d, 100000), repeat(d, 100001))",
            "32 MiB",
        ),
    ] {
        let reason = run(None, sql).await.unwrap_err();
        assert!(reason.starts_with("feature \"at\""), "{sql}: {reason}");
        assert!(reason.contains(word), "{sql}: {reason}");
        for debug in ["Execution(", "External(", "DataFusionError", "error: "] {
            assert!(!reason.contains(debug), "{sql}: {reason}");
        }
    }
    let reason = run(Some("CAST(d AS INT) > 3"), "x").await.unwrap_err();
    assert!(reason.starts_with("where fails on a row: "), "{reason}");
}

#[tokio::test]
async fn a_guard_keeps_the_rest_from_rows_that_it_decides() {
    // Of the rows, n is 0, 4 and null.
    for (condition, rows) in [
        ("n > 0 AND 100 / n < 60", 1),
        ("n = 0 OR 100 / n > 60", 1),
        ("NOT (n = 0 OR 100 / n > 60)", 1),
        ("x > 0 AND n > 0 AND 100 / n < 60 AND 100 % n = 0", 1),
        (
            "CASE WHEN n > 0 AND 100 / n < 60 THEN true ELSE false END",
            1,
        ),
        ("(n > 0 AND 100 / n < 60) IS NOT TRUE", 2),
        ("(n > 0 AND 100 / n < 60) IS NULL", 1),
        ("x = 3 OR n > 0 AND 100 / n < 60", 2),
    ] {
        let FitOutcome::Trained(fit) = run(Some(condition), "x").await.unwrap() else {
            panic!("{condition}");
        };
        assert_eq!(fit.summary.rows, rows, "{condition}");
    }
    let FitOutcome::Trained(fit) = run(None, "n > 0 AND 100 / n < 60").await.unwrap() else {
        panic!("a value");
    };
    assert_eq!((fit.summary.rows, fit.summary.dropped), (2, 1));
    let late = run(Some("100 / n < 60 AND n > 0"), "x").await.unwrap_err();
    assert!(late.contains("nullif"), "{late}");
}

/// An expression with something repeated in it.
fn repeated(begin: &str, part: &str, times: usize, end: &str) -> String {
    format!("{begin}{}{end}", part.repeat(times))
}

#[tokio::test]
async fn a_long_or_deep_expression_runs_or_is_refused() {
    for times in [9, 18, 24, 40, 90, 500, 2_000, 8_000, 100_000] {
        for sql in [
            repeated("x", " + x", times, ""),
            repeated("x", " + x - x", times, ""),
            repeated("x > 0", " OR x > 1", times, ""),
            repeated("x > 0", " AND x > 1 OR x > 2", times, ""),
            repeated("n", " + n * x", times, ""),
            repeated("", "(", times, &repeated("x", ")", times, "")),
            repeated("", "-", times, "x"),
            repeated("", "- ", times, "x"),
            repeated("", "NOT ", times, "x > 0"),
            repeated("", "abs(", times, &repeated("x", ")", times, "")),
            repeated(
                "",
                "CASE WHEN x > 0 THEN ",
                times,
                &repeated("1", " END", times, ""),
            ),
            repeated(
                "",
                "CASE WHEN x > ",
                times,
                &repeated("1", " THEN 1 ELSE 2 END", times, ""),
            ),
            repeated("CASE", " WHEN x > 9 THEN 1", times, " ELSE 2 END"),
            repeated("n IN (1", ", 2", times, ")"),
            repeated("length(d", " || d", times, ")"),
            repeated("length(concat(d", ", d", times, "))"),
            repeated(
                "CAST(",
                "[",
                times,
                &repeated("x", "]", times, " AS DOUBLE)"),
            ),
            repeated("x", "[1]", times, ""),
            repeated("x", "::double", times, ""),
            repeated("x BETWEEN 0 AND 1", " BETWEEN true AND true", times, ""),
            // Wrong texts, which the parser tries again and again.
            repeated("", "NOT -(n) + ", times, "("),
            repeated("", "(n OR NOT ", times, "("),
            repeated(
                "",
                "POSITION(",
                times,
                &repeated("n +", " IN 'a')", times, ""),
            ),
            repeated("", "CAST(", times, &repeated("n +", " AS INT)", times, "")),
            repeated("", "CEIL(n, ", times, "["),
            repeated("", "CASE WHEN x THEN ", times, "x x"),
            repeated("", "NOT CASE WHEN x THEN ", times, "x x"),
            repeated("", "INTERVAL ", times, ""),
            repeated("", "x.", times, ""),
            repeated("", "x[1].y.", times, ""),
            repeated("", "x.y[", times, ""),
        ] {
            let began = std::time::Instant::now();
            let ended = run(None, &sql).await;
            assert!(began.elapsed().as_secs() < 10, "{}", &sql[..60]);
            if let Err(reason) = ended {
                assert!(reason.starts_with("feature \"at\""), "{reason}");
                assert!(reason.len() < 40_000, "{}", &reason[..200]);
            }
        }
    }
    // What people write is not refused.
    let sum = repeated("x", " + x", 60, "");
    assert!(run(None, &sum).await.is_ok());
    let list = repeated("n IN (100000", ", 100001", 1_500, ")");
    assert!(run(None, &list).await.is_ok());
    let casts = repeated("0.0", " + CAST(NOT (x > 1) AS DOUBLE)", 12, "");
    assert!(run(None, &casts).await.is_ok());
    let days = repeated(
        "DATE '2024-03-01' > DATE '2024-01-01'",
        " + INTERVAL '1 day'",
        30,
        "",
    );
    assert!(run(None, &days).await.is_ok());
    let refused = |sql: &str| {
        let features = [Feature {
            name: "at".to_owned(),
            sql: sql.to_owned(),
        }];
        FeaturePlan::new(
            &columns(),
            OtherColumns::Drop,
            &Expressions::features(&features),
        )
        .unwrap_err()
    };
    for sql in [
        repeated("x", " + x", 2_000, ""),
        repeated("x", " + x", 100_000, ""),
        repeated(
            "",
            "CASE WHEN x > 0 THEN ",
            400,
            &repeated("1", " END", 400, ""),
        ),
        repeated("", "- ", 60, "x"),
    ] {
        assert!(matches!(refused(&sql), PlanError::TooLarge { .. }));
    }
}
