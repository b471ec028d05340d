//! New models take an alias if they are good enough, and batches whose models were pruned are left out.

use std::num::NonZeroU64;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};

use gugus_models::{Direction, Existing, Keep, ModelStore, Prune};
use gugus_spec::{BatchNumber, Job, ModelName};
use gugus_train::Outcome::{Planned, Skipped, Trained};
use gugus_train::{ModelReport, Observer, Report};
use tokio_util::sync::CancellationToken;

use crate::following::{Gate, Seen, following};
use crate::kit::{Work, borrowed, by_batch, job, lines, places, scattered};

/// Two clusters of the same size.
const EVEN: [[&str; 2]; 4] = [["0", "0"], ["1", "0"], ["10", "0"], ["11", "0"]];
/// The same places, one of them with three rows of four.
const UNEVEN: [[&str; 2]; 4] = [["0", "0"], ["1", "0"], ["1", "0"], ["10", "0"]];

fn promoting(condition: &str) -> Job {
    let promote = format!("promote = {{ if = \"{condition}\", alias = \"production\" }}");
    let model = "[[models]]\nname = \"m\"\nfeatures = [\"x\"]\nk = 2\nseed = 1\n";
    job(4, &format!("{model}{promote}\n"))
}

fn m() -> ModelName {
    "m".parse().unwrap()
}

/// The batch that `production` stands for.
async fn production(work: &Work) -> Option<u64> {
    let aliases = ModelStore::new(work.models.clone()).aliases(&m()).await;
    aliases.unwrap().batch("production").map(BatchNumber::get)
}

/// Lets `production` stand for this batch, whatever it stands for.
async fn set_by_hand(work: &Work, batch: u64) {
    let models = ModelStore::new(work.models.clone());
    let (model, alias) = (m(), "production".parse().unwrap());
    let batch = BatchNumber::new(batch).unwrap();
    let set = models.set_alias(&model, &alias, batch, Direction::Any);
    set.await.unwrap();
}

/// Prunes all models of `m` but the newest.
async fn keep_newest_model(work: &Work) {
    let (keep, go_on) = (Keep::Newest(NonZeroU64::MIN), |_| ControlFlow::Continue(()));
    let models = ModelStore::new(work.models.clone());
    models
        .prune(&m(), keep, Prune::Delete, go_on)
        .await
        .unwrap();
}

/// For each trained model of `m`: its batch, whether it was promoted, and why not.
fn promotions(report: &Report) -> Vec<(u64, bool, String)> {
    let lines = lines(report, "m").into_iter();
    let judged = lines.filter_map(|line| Some((line.batch?, line.promotion.clone()?)));
    judged
        .map(|(batch, of)| (batch, of.promoted, of.reason.unwrap_or_default()))
        .collect()
}

#[tokio::test]
async fn a_good_model_takes_the_alias_and_a_worse_one_does_not() {
    let work = Work::new();
    let job = promoting("silhouette >= 0.5 and drift <= 0.2");
    let add = async |batches: &[[[&str; 2]; 4]]| {
        for rows in batches {
            work.append(&job, &places(rows)).await;
        }
        work.train(&job).await
    };
    assert_eq!(promotions(&add(&[EVEN]).await), [(1, true, String::new())]);
    assert_eq!(promotions(&add(&[EVEN]).await), [(2, true, String::new())]);
    assert_eq!(production(&work).await, Some(2));

    let report = add(&[UNEVEN]).await;
    let line = lines(&report, "m")[2];
    let judged = line.promotion.as_ref().unwrap();
    assert_eq!((line.status, judged.promoted), (Trained, false));
    assert_eq!(judged.metrics["drift"], Some(0.25));
    assert_eq!(judged.metrics.len(), 2, "those that the condition reads");
    assert!(judged.metrics["silhouette"].is_some_and(|s| s > 0.7));
    let reason = judged.reason.as_deref().unwrap();
    assert!(
        reason.contains("does not hold: drift = 0.25, silhouette = "),
        "{reason}"
    );
    assert_eq!(production(&work).await, Some(2));

    // The newest that is good takes it, and those before it are not judged.
    let report = add(&[EVEN, EVEN, UNEVEN]).await;
    let (newer, drift) = (
        "production stands for batch 5, which is newer",
        "drift = 0.25",
    );
    let judged = promotions(&report);
    assert_eq!(
        judged[..2],
        [(4, false, newer.to_owned()), (5, true, String::new())]
    );
    assert!(judged[2].2.contains(drift), "{judged:?}");
    assert_eq!(production(&work).await, Some(5));

    // Nothing is trained, nothing is judged.
    assert_eq!(promotions(&work.train(&job).await), []);
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["models"][4]["promotion"]["promoted"], true);
    assert_eq!(json["models"][0].get("promotion"), None);
}

#[tokio::test]
async fn an_alias_that_was_set_by_hand_is_never_moved_back() {
    let work = Work::new();
    work.append(&promoting("k = 2"), &places(&EVEN)).await;
    work.append(&promoting("k = 2"), &places(&EVEN)).await;
    assert_eq!(promotions(&work.train(&promoting("k = 3")).await).len(), 2);
    assert_eq!(production(&work).await, None);
    set_by_hand(&work, 2).await;
    // The model of batch 1 is removed by hand and trained again.
    for file in ["_SUCCESS", "model.json"] {
        work.models
            .delete(&format!("m/batch_00000001/{file}"))
            .await
            .unwrap();
    }
    let report = work
        .train(&promoting(
            "k = 2 and clusters = 2 and rows = 4 and training_cost < 9 and iterations > 0",
        ))
        .await;
    assert_eq!(by_batch(&report, "m"), [(1, Trained), (2, Skipped)]);
    let newer = "production stands for batch 2, which is newer".to_owned();
    assert_eq!(promotions(&report), [(1, false, newer)]);
    assert_eq!(production(&work).await, Some(2));
}

/// The lines that were told of promotions.
#[derive(Debug, Default)]
struct Told(Mutex<Vec<ModelReport>>);

impl Observer for Told {
    fn promotion(&self, line: &ModelReport) {
        self.0.lock().unwrap().push(line.clone());
    }
}

#[tokio::test]
async fn an_observer_is_told_of_each_decision() {
    let (work, told) = (Work::new(), Arc::new(Told::default()));
    // A cluster of one place has no silhouette.
    let job = promoting("silhouette > 0");
    work.append(&job, &places(&[["4", "4"]; 4])).await;
    let prepared = work.prepare_observed(&job, Existing::Keep, told.clone());
    let prepared = prepared.await.unwrap();
    let report = prepared.train(&work.cluster, CancellationToken::new());
    let report = report.await.unwrap();
    assert_eq!(*told.0.lock().unwrap(), report.models);
    let reason = &promotions(&report)[0].2;
    assert!(
        reason.ends_with("does not hold: silhouette is null"),
        "{reason}"
    );
}

/// Trains as a run that is killed between writing a model and judging it.
async fn train_without_judging(work: &Work, job: &Job) {
    let mut job = job.clone();
    job.models[0].promote = None;
    assert_eq!(work.train(&job).await.trained, 1);
}

#[tokio::test]
async fn what_a_killed_run_left_unjudged_is_judged_by_the_next() {
    let work = Work::new();
    let job = promoting("silhouette >= 0.5 and drift <= 0.2");
    // A model that was there before the job file had a promotion is not judged.
    work.append(&job, &places(&EVEN)).await;
    train_without_judging(&work, &job).await;
    assert_eq!(promotions(&work.train(&job).await), []);
    work.append(&job, &places(&UNEVEN)).await;
    assert_eq!(
        promotions(&work.train(&job).await),
        [(2, true, String::new())]
    );

    work.append(&job, &places(&UNEVEN)).await;
    train_without_judging(&work, &job).await;
    let dry = work.prepare(&job, Existing::Keep).await.unwrap();
    assert!(dry.pending() == 0 && !dry.is_idle());
    assert_eq!(promotions(&dry.dry_run()), [], "nothing is judged");
    let report = work.train(&job).await;
    assert_eq!((report.trained, report.skipped), (0, 3));
    assert_eq!(promotions(&report), [(3, true, String::new())]);
    assert_eq!(production(&work).await, Some(3));

    // Once.
    work.append(&job, &places(&EVEN)).await;
    train_without_judging(&work, &job).await;
    let refused = promotions(&work.train(&job).await);
    assert!(
        refused.len() == 1 && refused[0].2.contains("drift = 0.25"),
        "{refused:?}"
    );
    assert!(work.prepare(&job, Existing::Keep).await.unwrap().is_idle());

    // An alias that was moved back by hand stays there.
    set_by_hand(&work, 2).await;
    assert_eq!(promotions(&work.train(&job).await), []);
    assert_eq!(production(&work).await, Some(2));
}

#[tokio::test]
async fn a_standing_run_judges_what_a_killed_one_left() {
    let work = Work::new();
    let job = promoting("silhouette >= 0.5");
    work.append(&job, &places(&EVEN)).await;
    work.train(&job).await;
    work.append(&job, &places(&EVEN)).await;
    train_without_judging(&work, &job).await;
    let seen = Arc::new(Seen::default());
    let script = seen.until("all is judged", |seen| seen.caught_up() == 1);
    let followed = following(&work, &job, &work.cluster, &seen, script).await;
    assert_eq!(followed.unwrap().trained, 0);
    assert_eq!(production(&work).await, Some(2));
}

#[tokio::test]
async fn a_cluster_that_fails_while_a_model_is_judged_is_asked_again() {
    let work = Work::new();
    let job = promoting("silhouette >= 0.5");
    work.append(&job, &places(&EVEN)).await;
    let gate = Gate::new(&work.cluster);
    gate.refuse(Some(" pass "));
    let seen = Arc::new(Seen::default());
    let script = async {
        seen.until("some tries", |_| gate.refused() >= 2).await;
        assert_eq!((seen.trained("m"), seen.caught_up()), (vec![1], 0));
        assert_eq!(production(&work).await, None);
        gate.refuse(None);
        seen.until("all is judged", |seen| seen.caught_up() == 1)
            .await;
    };
    let followed = following(&work, &job, &gate, &seen, script).await;
    assert_eq!(followed.unwrap().trained, 1);
    assert_eq!(production(&work).await, Some(1));
}

#[tokio::test]
async fn what_could_not_be_judged_is_judged_with_the_next_model() {
    const ALIASES: &str = "m/aliases.json";
    let work = Work::new();
    let job = promoting("silhouette >= 0.5 and drift <= 0.2");
    work.append(&job, &places(&EVEN)).await;
    let seen = Arc::new(Seen::default());
    let replace = async |content: bytes::Bytes| {
        work.models.delete(ALIASES).await.unwrap();
        work.models.create(ALIASES, content).await.unwrap();
    };
    let script = async {
        seen.until_trained("m", 1).await;
        assert_eq!(production(&work).await, Some(1));
        let whole = work.models.get(ALIASES).await.unwrap();
        replace("{".into()).await;
        work.append(&job, &places(&EVEN)).await;
        seen.until_trained("m", 2).await;
        replace(whole).await;
        // This one is not good enough.
        work.append(&job, &places(&UNEVEN)).await;
        seen.until_trained("m", 3).await;
    };
    let followed = following(&work, &job, &work.cluster, &seen, script).await;
    assert_eq!(followed.unwrap().trained, 3);
    assert_eq!(production(&work).await, Some(2));
}

#[tokio::test]
async fn without_promote_nothing_changes() {
    let work = Work::new();
    let mut job = promoting("k = 2");
    job.models[0].promote = None;
    work.append(&job, &places(&EVEN)).await;
    let report = serde_json::to_value(work.train(&job).await).unwrap();
    assert_eq!(report["models"][0].get("promotion"), None);
    assert!(!work.models.exists("m/aliases.json").await.unwrap());
}

#[tokio::test]
async fn conditions_that_no_model_can_meet_are_refused() {
    let work = Work::new();
    work.append(&promoting("k = 2"), &places(&EVEN)).await;
    let refused = |condition: &'static str, also: &'static str| {
        let mut job = promoting(condition);
        if !also.is_empty() {
            let text = format!("[[models]]\nname = \"m\"\nfeatures = [\"x\"]\n{also}\n");
            job.models[0].algorithm = crate::kit::job(4, &text).models[0].algorithm.clone();
        }
        let work = &work;
        async move {
            let refused = work.prepare(&job, Existing::Keep).await.unwrap_err();
            assert_eq!(refused.kind(), gugus_error::Kind::Usage);
            gugus_error::chain(&refused)
        }
    };
    let dbscan = "algorithm = \"dbscan\"\neps = 1";
    for (condition, also, words) in [
        ("silhouete > 0.4", "", "promote.if"),
        ("drift", "", "a condition is wanted"),
        (
            "drift < 0.1",
            dbscan,
            "promote.if reads drift, which needs centers",
        ),
    ] {
        let refused = refused(condition, also).await;
        assert!(
            refused.contains(words) && refused.contains("\"m\""),
            "{refused}"
        );
    }
}

#[tokio::test]
async fn batches_whose_models_were_pruned_are_left_out() {
    let work = Work::new();
    let job = promoting("k = 3");
    for _ in 0..3 {
        work.append(&job, &places(&EVEN)).await;
    }
    work.train(&job).await;
    keep_newest_model(&work).await;
    work.append(&job, &places(&EVEN)).await;
    let report = work.train(&job).await;
    let expected = [(1, Skipped), (2, Skipped), (3, Skipped), (4, Trained)];
    assert_eq!(by_batch(&report, "m"), expected);
    let reasons = lines(&report, "m")
        .into_iter()
        .filter_map(|line| line.reason.clone());
    let pruned = reasons.filter(|reason| reason == "its model was pruned");
    assert_eq!(pruned.count(), 2);
    let expected = [(1, Skipped), (2, Skipped), (3, Trained), (4, Trained)];
    assert_eq!(by_batch(&work.retrain(&job).await, "m"), expected);
    let dry = work
        .prepare(&job, Existing::Replace)
        .await
        .unwrap()
        .dry_run();
    let expected = [(1, Skipped), (2, Skipped), (3, Planned), (4, Planned)];
    assert_eq!(by_batch(&dry, "m"), expected);
}

/// The newest model of a chain always stays, so the chain goes on from it.
#[tokio::test]
async fn a_chain_goes_on_after_a_prune() {
    const CHAIN: &str = "[[models]]\nname = \"m\"\nalgorithm = \"minibatch\"\nfeatures = [\"x\", \"y\"]\nk = 3\nseed = 5\n";
    let (work, whole) = (Work::new(), Work::new());
    let job = job(60, CHAIN);
    for work in [&work, &whole] {
        work.append(&job, &borrowed(&scattered(0..180))).await;
        work.train(&job).await;
    }
    keep_newest_model(&work).await;
    for work in [&work, &whole] {
        work.append(&job, &borrowed(&scattered(180..240))).await;
    }
    let report = work.train(&job).await;
    whole.train(&job).await;
    let expected = [(1, Skipped), (2, Skipped), (3, Skipped), (4, Trained)];
    assert_eq!(by_batch(&report, "m"), expected);
    let fourth = BatchNumber::new(4).unwrap();
    let centers = whole.centers("m", fourth).await;
    assert_eq!(
        work.centers("m", fourth).await,
        centers,
        "as without the prune"
    );
    // Nothing is left to do.
    assert_eq!(work.train(&job).await.trained, 0);
}
