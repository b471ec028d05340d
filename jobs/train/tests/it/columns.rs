//! Columns that neither the job file nor any batch has.

use crate::kit::{Work, job, lines, three_batches};

/// A model over `x` and a feature of this SQL.
fn model(sql: &str) -> String {
    format!(
        "[[models]]\nname = \"m\"\nfeatures = [\"x\", {{ name = \"f\", sql = '{sql}' }}]\nk = 2\nhandle_invalid = \"skip\"\n"
    )
}

#[tokio::test]
async fn a_column_that_nobody_has_is_refused_with_the_nearest_name() {
    let work = Work::new();
    work.append(&job(3, ""), &three_batches()).await;
    for (sql, column, hint) in [
        (
            "CASE WHEN \"areaa\" IS NULL THEN 1 ELSE 0 END",
            "\"areaa\"",
            "; did you mean \"area\"",
        ),
        ("length(\"Area\")", "\"Area\"", "; did you mean \"area\""),
        ("length(nothing_like_it)", "\"nothing_like_it\"", ""),
    ] {
        let refused = work.refused(&job(3, &model(sql))).await;
        let whose = "which neither the job file nor any batch has";
        assert_eq!(
            refused,
            format!("model \"m\" reads the column {column}, {whose}{hint}")
        );
    }
    // Without quotes it is the column `area`, which is there.
    assert_eq!(
        gugus_train::check(&job(3, &model("length(Area)"))).unwrap(),
        []
    );
}

#[tokio::test]
async fn a_column_that_only_the_batches_have_is_trained_with() {
    let work = Work::new();
    let declared = job(3, "");
    work.append(&declared, &three_batches()).await;
    let text = "name = \"test\"\n[source]\ntopic = \"test\"\n[source.columns]\n\"x\" = { type = \"float64\" }\n\
                \"Y\" = { type = \"float64\" }\n";
    let parse =
        |models: &str| gugus_spec::Job::parse(&format!("{text}{models}"), "test.toml").unwrap();
    let there = parse(&model("CASE WHEN area IS NULL THEN 1 ELSE 0 END"));
    let warned = gugus_train::check(&there).unwrap();
    assert_eq!(
        warned.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["model \"m\" reads the column \"area\", which the job file does not have"]
    );
    let report = work.train(&there).await;
    assert_eq!(lines(&report, "m").len(), 3);
    // A name in lower case is what SQL makes of one without quotes.
    let warned = gugus_train::check(&parse(&model("length(y)"))).unwrap();
    let warned = warned[0].to_string();
    assert!(
        warned.ends_with(
            "; write \"Y\" in double quotes, because SQL reads other names in lower case"
        ),
        "{warned}"
    );
}
