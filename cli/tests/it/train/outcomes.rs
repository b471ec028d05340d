//! What becomes of batches that allow no model, and of models that are there.

use serde_json::json;

use crate::kit::process::run;
use crate::kit::work::{Work, lines};

const MODEL: &str = "[[models]]\nname = \"m\"\nfeatures = [\"x\", \"y\"]\nk = 3\nseed = 1\n";

/// Five rows for one batch; the last one is odd.
fn batch_of<'a>(x: &'a str, y: &'a str) -> Vec<[&'a str; 2]> {
    vec![["1", "1"], ["2", "2"], ["8", "8"], ["9", "9"], [x, y]]
}

#[test]
fn every_outcome_is_named_and_the_other_batches_train() {
    let work = Work::new();
    let models = format!(
        "{MODEL}[[models]]\nname = \"positive\"\nwhere = \"x > 0\"\nfeatures = [\"x\", \"y\"]\nk = 3\n\
         [[models]]\nname = \"lenient\"\nfeatures = [\"x\", \"y\"]\nk = 3\nhandle_invalid = \"skip\"\n\
         [[models]]\nname = \"angle\"\nfeatures = [\"x\", \"y\"]\nk = 2\ndistance_measure = \"cosine\"\n\
         [[models]]\nname = \"divided\"\nfeatures = [{{ name = \"d\", sql = \"100 / cast(x as bigint)\" }}, \"y\"]\nk = 2\n"
    );
    let job = work.job(5, &models);
    let mut rows = batch_of("5", "5"); // 1: nothing odd
    rows.extend([["1", "1"], ["1", "1"], ["2", "2"], ["2", "2"], ["2", "2"]]); // 2: two distinct points
    rows.extend(batch_of("NaN", "5")); // 3: a NaN
    rows.extend(batch_of("5", "inf")); // 4: an infinity
    rows.extend([["", "1"]; 5]); // 5: x is null throughout
    rows.extend([
        ["-1", "1"],
        ["-2", "2"],
        ["-3", "3"],
        ["-4", "4"],
        ["-5", "5"],
    ]); // 6: empty after `where`
    rows.extend(batch_of("0", "0")); // 7: a zero vector, and a division by zero
    rows.extend(batch_of("6", "6")); // 8: nothing odd
    let csv = work.csv("odd.csv", &rows);
    work.import(&job, &csv, &[]).expect(0);

    let report = work.train(&job, &[]).expect(3).json();
    let outcome = |model: &str, batch: usize| {
        let line = lines(&report, model)[batch - 1];
        assert_eq!(line["batch"], batch);
        let status = line["status"].as_str().unwrap();
        (
            status.to_owned(),
            line["reason"].as_str().unwrap_or_default().to_owned(),
        )
    };
    let failed = |model: &str, batch: usize, words: &str| {
        let (status, reason) = outcome(model, batch);
        assert!(
            status == "failed" && reason.contains(words),
            "{model} {batch}: {status}: {reason}"
        );
    };
    for batch in [1, 2, 6, 7, 8] {
        assert_eq!(outcome("m", batch).0, "trained", "batch {batch}");
    }
    assert_eq!(lines(&report, "m")[1]["sizes"].as_array().unwrap().len(), 2);
    failed("m", 3, "feature \"x\": 1 of 5 rows");
    failed("m", 4, "feature \"y\": 1 of 5 rows are infinite");
    failed("m", 5, "feature \"x\": 5 of 5 rows");
    failed("positive", 6, "no row is left by `where`");
    assert_eq!(outcome("positive", 7).0, "trained");
    assert_eq!(outcome("lenient", 3).0, "trained");
    assert_eq!(lines(&report, "lenient")[2]["rows"], 4);
    failed("lenient", 4, "infinite");
    failed("lenient", 5, "feature \"x\": 5 of 5 rows");
    failed("angle", 7, "zero");
    assert_eq!(outcome("angle", 8).0, "trained");
    // The expression fails on a row of batch 7 only, and that is found out.
    failed("divided", 7, "ivide by zero");
    for batch in [1, 2, 6, 8] {
        assert_eq!(outcome("divided", batch).0, "trained", "batch {batch}");
    }
}

#[test]
fn a_commit_without_rows_is_skipped() {
    let work = Work::new();
    let text = "name = \"test\"\n[source]\ntopic = \"test\"\n[source.columns]\n\"x\" = { type = \"float64\", required = true }\n\
                \"y\" = { type = \"float64\" }\n[batches]\nrows = 2\n";
    let job = work.write("strict.toml", format!("{text}{MODEL}"));
    let csv = work.csv("nothing.csv", &[["", "1"], ["text", "2"]]);
    work.import(&job, &csv, &[]).expect(0);
    let report = work.train(&job, &[]).expect(0).json();
    assert_eq!(report["skipped"], 1);
    assert_eq!(lines(&report, "m")[0]["reason"], "the batch has no rows");
}

#[test]
fn a_model_that_differs_is_named_and_nothing_is_begun() {
    let work = Work::new();
    let csv = work.csv("in.csv", &batch_of("5", "5"));
    let job = work.job(5, MODEL);
    work.import(&job, &csv, &[]).expect(0);
    work.train(&job, &[]).expect(0);
    let before = work.centers("models", "m", 1);

    let changed = work.job(5, &MODEL.replace("k = 3", "k = 2"));
    let refused = work.train(&changed, &[]).expect(2);
    refused.says(&["parameters", "--retrain"]);
    assert_eq!(work.centers("models", "m", 1), before);

    // The same model under another job's name, over batches of that job.
    let other = std::fs::read_to_string(work.job(5, MODEL))
        .unwrap()
        .replace("\"test\"\n[source]", "\"other\"\n[source]");
    let other = work.write("other.toml", other);
    let batches = work.path("other_batch");
    run([
        "batches",
        "import",
        &csv,
        "--job",
        &other,
        "--batches",
        &batches,
    ])
    .expect(0);
    let refused = run([
        "train",
        "--job",
        &other,
        "--batches",
        &batches,
        "--models",
        &work.path("models"),
    ])
    .expect(2);
    refused.says(&["job: test in the folder, other in this run"]);

    let changed = work.job(5, &MODEL.replace("k = 3", "k = 2"));
    let replaced = work.train(&changed, &["--retrain"]).expect(0).json();
    assert_eq!(replaced["trained"], json!(1));
    assert_eq!(work.centers("models", "m", 1).len(), 2);
}
