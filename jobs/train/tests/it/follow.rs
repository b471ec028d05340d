//! Batches that come while they are followed.

use std::sync::Arc;

use gugus_error::Kind;
use gugus_models::Extent;
use gugus_spec::{BatchNumber, Job};
use gugus_train::Outcome::{Failed, Trained};

use crate::following::{Gate, Seen, following};
use crate::kit::{Row, Work, borrowed, job, scattered, three_batches};

const EACH: &str = "[[models]]\nname = \"each\"\nfeatures = [\"x\", \"y\"]\nk = 3\nseed = 1\n";
const CHAIN: &str = "[[models]]\nname = \"chain\"\nalgorithm = \"minibatch\"\nfeatures = [\"x\", \"y\"]\nk = 3\nseed = 5\n";

fn number(number: u64) -> BatchNumber {
    BatchNumber::new(number).unwrap()
}

/// Appends these batches of 60 rows.
async fn append(work: &Work, job: &Job, batches: std::ops::Range<u64>) {
    let rows = scattered(60 * batches.start..60 * batches.end);
    work.append(job, &borrowed(&rows)).await;
}

/// A model over all batches that is trained again as `retrain` says.
fn over_all(retrain: &str) -> String {
    format!(
        "[[models]]\nname = \"over_all\"\nfeatures = [\"x\", \"y\"]\nk = 3\nseed = 3\nscope = \"all\"\n{retrain}\n"
    )
}

#[tokio::test]
async fn batches_get_the_models_that_train_would_give_them_as_they_come() {
    let (work, other) = (Work::new(), Work::new());
    let windows = "[[models]]\nname = \"last\"\nfeatures = [\"x\"]\nk = 2\nseed = 7\nscope = \"window\"\nwindow = { last = 2 }\n";
    let all = over_all("retrain = { batches = 1 }");
    let job = job(60, &format!("{EACH}{CHAIN}{windows}{all}"));
    let seen = Arc::new(Seen::default());
    let script = async {
        seen.until("a look at the empty folder", |seen| seen.caught_up() == 1)
            .await;
        for batches in [0..2, 2..3, 3..7] {
            append(&work, &job, batches.clone()).await;
            for model in ["each", "chain"] {
                seen.until_trained(model, batches.end as usize).await;
            }
        }
        seen.until("the model over all", |seen| {
            seen.rows("over_all").last() == Some(&420)
        })
        .await;
    };
    let report = following(&work, &job, &work.cluster, &seen, script).await;
    let report = report.unwrap();
    assert_eq!((report.failed, report.models.len()), (0, 0), "{report:?}");
    assert_eq!(seen.caught_up(), 1);
    assert_eq!(seen.trained("chain"), [1, 2, 3, 4, 5, 6, 7], "in order");

    append(&other, &job, 0..7).await;
    let trained = other.train(&job).await;
    assert_eq!(trained.failed, 0, "{trained:?}");
    for batch in (1..=7).map(number) {
        for model in ["each", "chain"] {
            let centers = other.centers(model, batch).await;
            assert_eq!(work.centers(model, batch).await, centers, "{model} {batch}");
        }
    }
    for (model, of) in [
        ("over_all", Extent::All),
        ("last", Extent::Window("last-2".parse().unwrap())),
    ] {
        let centers = other.centers(model, of.clone()).await;
        assert_eq!(work.centers(model, of).await, centers, "{model}");
    }
    assert_eq!(work.train(&job).await.trained, 0, "nothing is left to do");
}

#[tokio::test]
async fn a_batch_does_not_wait_for_a_slow_one() {
    let work = Work::new();
    let job = job(60, EACH);
    let gate = Gate::new(&work.cluster);
    gate.held.send_replace(Some("batches 1-1"));
    append(&work, &job, 0..1).await;
    let seen = Arc::new(Seen::default());
    let script = async {
        for batch in 1..4 {
            append(&work, &job, batch..batch + 1).await;
            let trained = (2..=batch + 1).collect::<Vec<_>>();
            seen.until("later batches", |seen| seen.trained("each") == trained)
                .await;
            assert_eq!(seen.caught_up(), 0, "the first batch is held up");
        }
        seen.until("the lag", |seen| seen.lag().batches == 1).await;
        gate.held.send_replace(None);
        seen.until_trained("each", 4).await;
        seen.until("all that was there", |seen| seen.caught_up() == 1)
            .await;
    };
    following(&work, &job, &gate, &seen, script).await.unwrap();
    assert_eq!(seen.trained("each"), [2, 3, 4, 1]);
}

#[tokio::test]
async fn a_batch_that_failed_is_told_once_until_the_job_file_changes() {
    let work = Work::new();
    // The second batch has a null.
    let as_it_was = job(3, &EACH.replace("k = 3", "k = 2"));
    work.append(&as_it_was, &three_batches()[3..6]).await;
    let followed = async |job: &Job, rows: &[Row<'_>], trained: usize| {
        let seen = Arc::new(Seen::default());
        let script = async {
            seen.until("a look", |seen| seen.caught_up() == 1).await;
            work.append(job, rows).await;
            seen.until_trained("each", trained).await;
        };
        let report = following(&work, job, &work.cluster, &seen, script).await;
        (seen, report.unwrap())
    };
    let (seen, report) = followed(&as_it_was, &[], 0).await;
    assert_eq!(seen.of("each", Failed).len(), 1);
    assert_eq!((report.trained, report.failed), (0, 1));
    let (seen, report) = followed(&as_it_was, &[], 0).await;
    assert_eq!(seen.of("each", Failed).len(), 0, "{seen:?}");
    assert_eq!(report.failed, 0, "it was told before");

    // With a lenient model the batch is tried again.
    let lenient = format!(
        "{}handle_invalid = \"skip\"\n",
        EACH.replace("k = 3", "k = 2")
    );
    let lenient = job(3, &lenient);
    let (seen, _) = followed(&lenient, &three_batches()[..3], 2).await;
    assert_eq!(seen.trained("each"), [1, 2]);
    // `train` tries what failed, whoever tried before.
    assert_eq!(work.train(&lenient).await.trained, 0);
}

#[tokio::test]
async fn a_model_that_failed_is_tried_again_without_the_batch_to_blame() {
    let work = Work::new();
    let job = job(3, &over_all("").replace("k = 3", "k = 2"));
    // The first of two batches has a null.
    work.append(&job, &three_batches()[3..]).await;
    for (status, times) in [(Failed, 1), (Failed, 0), (Trained, 1)] {
        let seen = Arc::new(Seen::default());
        let script = seen.until("a look", |seen| seen.caught_up() == 1);
        let followed = following(&work, &job, &work.cluster, &seen, script).await;
        followed.unwrap();
        assert_eq!(seen.of("over_all", status).len(), times, "{seen:?}");
        if times == 0 {
            work.keep_newest(&job).await;
        }
    }
}

#[tokio::test]
async fn windows_are_trained_again_when_a_batch_touched_them() {
    let work = Work::new();
    let by_area = "[[models]]\nname = \"area\"\nfeatures = [\"x\"]\nk = 2\nseed = 7\nscope = \"window\"\nwindow = { sql = \"area\" }\n";
    let job = job(4, by_area);
    let rows = |areas: [&'static str; 2]| {
        let row = |i: usize| [["1", "5"][i / 2], "0", areas[i % 2]];
        [row(0), row(1), row(2), row(3)]
    };
    work.append(&job, &rows(["a", "b"])).await;
    let seen = Arc::new(Seen::default());
    let keys = |seen: &Seen| -> Vec<(String, u64)> {
        let lines = seen.of("area", Trained).into_iter();
        lines
            .map(|line| (line.window.unwrap(), line.rows))
            .collect()
    };
    let script = async {
        seen.until("the first windows", |seen| keys(seen).len() == 2)
            .await;
        work.append(&job, &rows(["b", "c"])).await;
        seen.until("touched windows", |seen| keys(seen).len() == 4)
            .await;
        work.append(&job, &rows(["c", "c"])).await;
        seen.until("one window", |seen| keys(seen).len() == 5).await;
    };
    let followed = following(&work, &job, &work.cluster, &seen, script).await;
    followed.unwrap();
    let mut trained = keys(&seen);
    trained.sort();
    let expected = [("a", 2), ("b", 2), ("b", 4), ("c", 2), ("c", 6)];
    let expected = expected.map(|(key, rows)| (key.to_owned(), rows));
    assert_eq!(trained, expected);
    assert_eq!(work.train(&job).await.trained, 0, "nothing is left to do");
}

#[tokio::test]
async fn a_model_over_all_is_trained_again_as_the_job_file_says() {
    // After how many batches it is trained, of six.
    for (retrain, expected) in [
        ("retrain = { batches = 2 }", [60, 180, 300].as_slice()),
        ("retrain = { growth = 1.0 }", &[60, 120, 240]),
        ("retrain = { every = \"1h\" }", &[60]),
        ("retrain = { every = \"500000000000 years\" }", &[60]),
        ("", &[60, 120, 180, 240, 300, 360]),
    ] {
        let work = Work::new();
        let job = job(60, &format!("{}{EACH}", over_all(retrain)));
        append(&work, &job, 0..1).await;
        let seen = Arc::new(Seen::default());
        let script = async {
            for batch in 1..=6 {
                seen.until_trained("each", batch as usize).await;
                // One that is due is under way, and ends before the next batch comes.
                let due = expected.iter().filter(|rows| **rows <= 60 * batch);
                let due = due.count();
                seen.until("the model over all", |seen| {
                    seen.rows("over_all").len() >= due
                })
                .await;
                if batch < 6 {
                    append(&work, &job, batch..batch + 1).await;
                }
            }
        };
        let followed = following(&work, &job, &work.cluster, &seen, script).await;
        followed.unwrap();
        assert_eq!(seen.rows("over_all"), expected, "{retrain}");
    }
}

#[tokio::test]
async fn a_model_over_all_is_trained_again_after_a_time_and_from_its_last_centers() {
    let work = Work::new();
    let job = job(
        60,
        &over_all("retrain = { every = \"50ms\" }\nwarm_start = true"),
    );
    append(&work, &job, 0..3).await;
    let seen = Arc::new(Seen::default());
    let script = async {
        seen.until("the first", |seen| seen.rows("over_all") == [180])
            .await;
        assert!(seen.steps().iter().any(|step| step == "sample"), "{seen:?}");
        append(&work, &job, 3..5).await;
        seen.until("the second", |seen| seen.rows("over_all").contains(&300))
            .await;
    };
    let followed = following(&work, &job, &work.cluster, &seen, script).await;
    followed.unwrap();
    let steps = seen.steps();
    let again = steps.iter().rposition(|step| step == "summarize").unwrap();
    assert!(
        again > 0 && steps[again..].iter().all(|step| step != "sample"),
        "{steps:?}"
    );
}

#[tokio::test]
async fn a_model_over_all_is_up_to_date_after_a_restart_and_counts_from_there() {
    let work = Work::new();
    let all = over_all("retrain = { batches = 2 }\nwarm_start = true");
    let job = job(60, &format!("{all}{EACH}"));
    append(&work, &job, 0..1).await;
    work.train(&job).await;
    append(&work, &job, 1..2).await;
    let followed = async |came: &[std::ops::Range<u64>], expected: &'static [u64]| {
        let seen = Arc::new(Seen::default());
        let script = async {
            seen.until("a look", |seen| seen.caught_up() == 1).await;
            for batches in came {
                append(&work, &job, batches.clone()).await;
                let number = batches.end;
                seen.until("the batch", |seen| {
                    seen.trained("each").last() == Some(&number) && seen.lag().batches == 0
                })
                .await;
            }
            seen.until("all trainings", |seen| seen.rows("over_all") == expected)
                .await;
        };
        let ended = following(&work, &job, &work.cluster, &seen, script).await;
        ended.unwrap();
        seen.steps()
    };
    // One batch that came between two runs is trained on at once, and then two of those that come.
    let steps = followed(&[2..3, 3..4], &[120, 240]).await;
    assert!(steps.iter().all(|step| step != "sample"), "{steps:?}");
    // Nothing came between.
    followed(std::slice::from_ref(&(4..5)), &[]).await;
    followed(&[], &[300]).await;
}

#[tokio::test]
async fn a_model_over_all_begins_with_the_first_rows() {
    let work = Work::new();
    let job = job(60, &over_all("retrain = { growth = 0.5 }"));
    work.append_no_rows(&job).await;
    let seen = Arc::new(Seen::default());
    let script = async {
        seen.until("a look", |seen| seen.caught_up() == 1).await;
        for batch in 0..2 {
            append(&work, &job, batch..batch + 1).await;
            let rows = 60 * (batch + 1);
            seen.until("the model", |seen| {
                seen.rows("over_all").last() == Some(&rows)
            })
            .await;
        }
    };
    let followed = following(&work, &job, &work.cluster, &seen, script).await;
    assert_eq!(followed.unwrap().trained, 2);
}

#[tokio::test]
async fn a_batch_that_is_being_copied_counts_as_not_there_yet() {
    let work = Work::new();
    let job = job(60, EACH);
    append(&work, &job, 0..3).await;
    let names = [2, 3].map(|batch| number(batch).file_name());
    let mut whole = Vec::new();
    for name in &names {
        whole.push(work.batches.get(name).await.unwrap());
        work.batches.delete(name).await.unwrap();
    }
    let copy = async |at: usize, bytes: usize| {
        work.batches.delete(&names[at]).await.unwrap();
        let part = whole[at].slice(..bytes);
        work.batches.create(&names[at], part).await.unwrap();
    };
    // The first look finds half a file, later ones find it grow, and the next one begins.
    let size = whole[0].len();
    copy(0, size / 2).await;
    let seen = Arc::new(Seen::default());
    let script = async {
        seen.until("the first batch", |seen| seen.caught_up() == 1)
            .await;
        for bytes in [0, size / 3, size - 1] {
            copy(0, bytes).await;
            // Time for more looks than those after which the log tells of the file.
            tokio::time::sleep(std::time::Duration::from_millis(150)).await;
            assert_eq!(seen.trained("each"), [1]);
        }
        copy(1, 100).await;
        copy(0, size).await;
        seen.until_trained("each", 2).await;
        copy(1, whole[1].len()).await;
        seen.until_trained("each", 3).await;
    };
    let report = following(&work, &job, &work.cluster, &seen, script).await;
    let report = report.unwrap();
    assert_eq!((report.trained, report.failed), (3, 0));
    assert_eq!(seen.trained("each"), [1, 2, 3]);
}

#[tokio::test]
async fn a_first_batch_that_is_being_copied_is_waited_for() {
    let work = Work::new();
    let job = job(60, EACH);
    append(&work, &job, 0..1).await;
    let name = number(1).file_name();
    let whole = work.batches.get(&name).await.unwrap();
    work.batches.delete(&name).await.unwrap();
    work.batches.create(&name, whole.slice(..64)).await.unwrap();
    let refused = work.prepare(&job, gugus_models::Existing::Keep).await;
    assert_eq!(refused.unwrap_err().kind(), Kind::Usage, "`train` ends");
    let seen = Arc::new(Seen::default());
    let script = async {
        seen.until("a look", |seen| seen.caught_up() == 1).await;
        work.batches.delete(&name).await.unwrap();
        work.batches.create(&name, whole).await.unwrap();
        seen.until_trained("each", 1).await;
    };
    following(&work, &job, &work.cluster, &seen, script)
        .await
        .unwrap();
}

#[tokio::test]
async fn what_is_there_is_told_once_however_often_it_is_looked_at() {
    let work = Work::new();
    let job = job(60, EACH);
    append(&work, &job, 0..2).await;
    work.train(&job).await;
    let seen = Arc::new(Seen::default());
    let script = async {
        seen.until("a look", |seen| seen.caught_up() == 1).await;
        // The newest batch that the run knows goes, so that it looks at everything anew.
        let second = number(2).file_name();
        let whole = work.batches.get(&second).await.unwrap();
        work.batches.delete(&second).await.unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        work.batches.create(&second, whole).await.unwrap();
        append(&work, &job, 2..3).await;
        seen.until_trained("each", 1).await;
    };
    let report = following(&work, &job, &work.cluster, &seen, script).await;
    let report = report.unwrap();
    assert_eq!((report.trained, report.skipped), (1, 2));
    assert_eq!(seen.of("each", gugus_train::Outcome::Skipped).len(), 2);
}

#[tokio::test]
async fn a_cluster_that_is_away_is_waited_for() {
    let work = Work::new();
    let job = job(60, &format!("{EACH}{CHAIN}"));
    let gate = Gate::new(&work.cluster);
    gate.set_away(true);
    append(&work, &job, 0..2).await;
    let seen = Arc::new(Seen::default());
    let script = async {
        seen.until("some tries", |_| gate.refused() >= 4).await;
        append(&work, &job, 2..3).await;
        assert_eq!(seen.caught_up(), 0);
        gate.set_away(false);
        seen.until_trained("each", 3).await;
        seen.until_trained("chain", 3).await;
    };
    let report = following(&work, &job, &gate, &seen, script).await;
    assert_eq!((report.unwrap().trained, seen.caught_up()), (6, 1));
    assert_eq!(seen.trained("chain"), [1, 2, 3]);
}

#[tokio::test]
async fn a_run_that_starts_again_goes_on_where_it_was() {
    let work = Work::new();
    let job = job(60, &format!("{EACH}{CHAIN}"));
    for part in 0..3_u64 {
        append(&work, &job, 2 * part..2 * part + 1).await;
        let seen = Arc::new(Seen::default());
        let script = async {
            seen.until_trained("chain", 1).await;
            append(&work, &job, 2 * part + 1..2 * part + 2).await;
            seen.until_trained("each", 2).await;
            seen.until_trained("chain", 2).await;
        };
        let followed = following(&work, &job, &work.cluster, &seen, script).await;
        followed.unwrap();
        assert_eq!(seen.trained("chain"), [2 * part + 1, 2 * part + 2]);
    }
    let carried = work.about("chain", number(6)).await.carried_from;
    assert_eq!(carried.unwrap().batch, number(5));
}

#[tokio::test]
async fn batches_may_be_pruned_while_they_are_followed() {
    let work = Work::new();
    let job = job(
        60,
        &format!("{EACH}{}", over_all("retrain = { batches = 1 }")),
    );
    append(&work, &job, 0..4).await;
    let seen = Arc::new(Seen::default());
    let script = async {
        seen.until("the first", |seen| seen.rows("over_all") == [240])
            .await;
        seen.until_trained("each", 4).await;
        work.keep_newest(&job).await;
        append(&work, &job, 4..5).await;
        seen.until("what is left", |seen| seen.rows("over_all") == [240, 120])
            .await;
    };
    let followed = following(&work, &job, &work.cluster, &seen, script).await;
    followed.unwrap();
}

#[tokio::test]
async fn what_was_there_may_be_pruned_before_it_is_trained() {
    let work = Work::new();
    let job = job(60, EACH);
    append(&work, &job, 0..2).await;
    work.train(&job).await;
    // Only the first batch wants a model.
    let folder = "each/batch_00000001";
    let removed = work.models.remove_folder(folder, "_SUCCESS").await;
    removed.unwrap();
    let gate = Gate::new(&work.cluster);
    gate.set_away(true);
    let seen = Arc::new(Seen::default());
    let script = async {
        seen.until("a try", |_| gate.refused() >= 1).await;
        assert_eq!(seen.caught_up(), 0);
        work.keep_newest(&job).await;
        seen.until("nothing that is left to do", |seen| seen.caught_up() == 1)
            .await;
    };
    let report = following(&work, &job, &gate, &seen, script).await;
    assert_eq!((report.unwrap().trained, seen.lag().batches), (0, 0));
}

#[tokio::test]
async fn another_log_in_the_same_folder_is_no_part_of_the_first_one() {
    let work = Work::new();
    let job = job(60, EACH);
    append(&work, &job, 0..1).await;
    let seen = Arc::new(Seen::default());
    let script = async {
        seen.until_trained("each", 1).await;
        let first = number(1).file_name();
        work.batches.delete(&first).await.unwrap();
        append(&work, &job, 0..2).await;
        std::future::pending().await
    };
    let ended = following(&work, &job, &work.cluster, &seen, script).await;
    let error = ended.unwrap_err().to_string();
    assert!(error.contains("commit_id of the batch"), "{error}");
}

#[tokio::test]
async fn a_mistake_ends_the_run_and_nothing_is_begun() {
    let work = Work::new();
    let seen = Arc::new(Seen::default());
    let refused = async |job: &Job| {
        let never = std::future::pending();
        let ended = following(&work, job, &work.cluster, &seen, never).await;
        let error = ended.unwrap_err();
        assert_eq!(error.kind(), Kind::Usage, "{error}");
        error.to_string()
    };
    let wrong = EACH.replace("\"y\"]", "{ name = \"a\", sql = \"x +\" }]");
    let said = refused(&job(60, &wrong)).await;
    assert!(
        said.contains("each"),
        "a mistake shows before there is a batch: {said}"
    );

    let first = job(60, EACH);
    append(&work, &first, 0..1).await;
    work.train(&first).await;
    let said = refused(&job(60, &EACH.replace("k = 3", "k = 2"))).await;
    assert!(said.contains("--retrain"), "{said}");
    assert_eq!(seen.of("each", Trained), []);
}
