//! What becomes of batches that allow no model, and of models that are there.

use serde_json::json;

use crate::kit::process::run;
use crate::kit::work::{Work, job, model};

#[test]
fn a_model_that_differs_is_named_and_nothing_is_begun() {
    let work = Work::new();
    let csv = work.numbers("in.csv", 1..6);
    let model = |k: u32| model("m", &format!("k = {k}\nseed = 1\n"));
    let ours = work.job(5, &model(3));
    work.imported(&ours, &csv);
    work.train(&ours, &[]).expect(0);
    let before = work.centers("models", "m", 1);

    let changed = work.job(5, &model(2));
    let refused = work.train(&changed, &[]).expect(2);
    refused.says(&["parameters", "--retrain"]);
    assert_eq!(work.centers("models", "m", 1), before);

    // The same model under another job's name, over batches of that job.
    let other = job("test", 5, &model(3)).replacen("\"test\"", "\"other\"", 1);
    let other = work.write("other.toml", other);
    let (batches, models) = (work.path("other_batch"), work.path("models"));
    run(format!(
        "batches import {csv} --job {other} --batches {batches}"
    ))
    .expect(0);
    let refused = run(format!(
        "train --job {other} --batches {batches} --models {models}"
    ));
    refused
        .expect(2)
        .says(&["job: test in the folder, other in this run"]);

    let changed = work.job(5, &model(2));
    let replaced = work.train(&changed, &["--retrain"]).expect(0).json();
    assert_eq!(replaced["trained"], json!(1));
    assert_eq!(work.centers("models", "m", 1).len(), 2);
}
