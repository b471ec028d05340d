//! Aliases of models: set by hand, moved by training, and safe from pruning.

use serde_json::{Value, json};

use crate::kit::process::{Output, run};
use crate::kit::same::holds;
use crate::kit::work::{Work, lines, model};

/// A command about the models.
fn on(work: &Work, words: &str) -> Output {
    run(format!("models {words} --models {}", work.path("models")))
}

#[track_caller]
fn told(work: &Work, words: &str) -> Value {
    on(work, &format!("{words} --output json")).expect(0).json()
}

#[test]
fn good_models_take_an_alias_that_prune_respects() {
    let work = Work::new();
    let promote = "k = 2\nseed = 1\npromote = { if = \"silhouette >= 0.5 and drift <= 0.2\", alias = \"production\" }\n";
    let job = work.job(4, &model("m", promote));
    run(["job", "check", &job])
        .expect(0)
        .prints(&["becomes production if silhouette"]);
    let even = work.csv(
        "even.csv",
        &[["0", "0"], ["1", "0"], ["10", "0"], ["11", "0"]],
    );
    let uneven = work.csv(
        "uneven.csv",
        &[["0", "0"], ["1", "0"], ["1", "0"], ["10", "0"]],
    );
    for (csv, again) in [(&even, &[][..]), (&uneven, &[]), (&even, &["--again"])] {
        work.import(&job, csv, again).expect(0);
    }
    let trained = work.train(&job, &[]).expect(0);
    let report = trained.json();
    let judged = lines(&report, "m")
        .into_iter()
        .map(|line| line["promotion"]["promoted"].clone());
    assert_eq!(
        judged.collect::<Vec<_>>(),
        [json!(false), json!(false), json!(true)]
    );
    holds(
        &told(&work, "list")["models"][0],
        json!({"aliases": {"production": 3}}),
    );

    work.import(&job, &uneven, &["--again"]).expect(0);
    let trained = work.train(&job, &[]).expect(0);
    trained.says(&["does not take the alias", "drift = 0.25"]);
    let report = trained.json();
    let judged = &lines(&report, "m")[3]["promotion"];
    holds(judged, json!({"promoted": false}));
    holds(&judged["metrics"], json!({"drift": 0.25}));

    let set = told(&work, "alias m canary latest");
    assert_eq!(
        set,
        json!({"model": "m", "alias": "canary", "batch": 4, "before": null})
    );
    on(&work, "alias m production 1")
        .expect(0)
        .prints(&["production stands for batch 1 of m, before: batch 3"]);
    on(&work, "alias m canary --remove").expect(0);
    on(&work, "alias m canary --remove")
        .expect(2)
        .says(&["no alias"]);
    on(&work, "alias m production 7")
        .expect(2)
        .says(&["no model", "batch 7"]);
    on(&work, "alias gone production latest")
        .expect(2)
        .says(&["no model \"gone\""]);
    on(&work, "alias m latest 1").expect(2);
    holds(
        &told(&work, "alias m --list")["aliases"]["production"],
        json!({"batch": 1}),
    );

    on(&work, "prune").expect(2);
    on(&work, "prune gone --keep 1").expect(2).says(&["gone"]);
    on(&work, "prune --keep 1 --dry-run")
        .expect(0)
        .prints(&["would remove 2 models", "m: 2, of batches 2 to 3"]);
    let pruned = told(&work, "prune m --keep 1");
    assert_eq!(
        pruned,
        json!({"removed": 2, "models": [{"model": "m", "batches": [2, 3]}]})
    );
    let listed = told(&work, "list");
    holds(
        &listed["models"][0],
        json!({"batches": [1, 4], "aliases": {"production": 1}}),
    );
    on(&work, "alias m production 3")
        .expect(2)
        .says(&["was pruned"]);
    let report = work.train(&job, &[]).expect(0).json();
    holds(&report, json!({"trained": 0, "skipped": 4}));
    on(&work, "prune --older-than 0s").expect(0);
    assert_eq!(told(&work, "list")["models"][0]["batches"], json!([1, 4]));
}

#[test]
fn a_condition_is_checked_before_anything_is_trained() {
    let work = Work::new();
    let promote = "promote = { if = \"silhouete > 0.4\", alias = \"production\" }\n";
    let job = work.job(4, &model("m", promote));
    run(["job", "check", &job])
        .expect(2)
        .says(&["promote.if", "silhouete"]);
}
