//! What becomes of batches that allow no model, and of models that are there.

use serde_json::json;

use crate::kit::process::run;
use crate::kit::work::Work;

const MODEL: &str = "[[models]]\nname = \"m\"\nfeatures = [\"x\", \"y\"]\nk = 3\nseed = 1\n";

/// Five rows for one batch; the last one is odd.
fn batch_of<'a>(x: &'a str, y: &'a str) -> Vec<[&'a str; 2]> {
    vec![["1", "1"], ["2", "2"], ["8", "8"], ["9", "9"], [x, y]]
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
