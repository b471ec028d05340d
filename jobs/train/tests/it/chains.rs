//! Models that go on from one another: `minibatch`.

use gugus_models::{CarriedFrom, ModelStore};
use gugus_spec::{BatchNumber, Job, Scope};
use gugus_train::Outcome::{Failed, Skipped, Trained};

use crate::kit::{Work, borrowed, by_batch, job, scattered, three_batches};

const MINI_BATCH: &str = "[[models]]\nname = \"m\"\nalgorithm = \"minibatch\"\nfeatures = [\"x\", \"y\"]\nk = 3\nseed = 5\n";

fn number(number: u64) -> BatchNumber {
    BatchNumber::new(number).unwrap()
}

async fn append(work: &Work, job: &Job, rows: std::ops::Range<u64>) {
    work.append(job, &borrowed(&scattered(rows))).await;
}

async fn uid(work: &Work, batch: u64) -> String {
    work.about("m", number(batch)).await.uid
}

async fn carried_from(work: &Work, batch: u64) -> Option<CarriedFrom> {
    work.about("m", number(batch)).await.carried_from
}

#[tokio::test]
async fn more_than_a_batch_is_refused() {
    let work = Work::new();
    let mut job = job(3, MINI_BATCH);
    append(&work, &job, 0..3).await;
    // The parser of job files refuses this, too.
    job.models[0].scope = Scope::All;
    let refused = work.refused(&job).await;
    assert!(refused.contains("kmeans"), "{refused}");
}

#[tokio::test]
async fn each_batch_moves_the_centers_of_the_one_before() {
    let work = Work::new();
    let job = job(60, MINI_BATCH);
    append(&work, &job, 0..180).await;
    let report = work.train(&job).await;
    let expected = [(1, Trained), (2, Trained), (3, Trained)];
    assert_eq!(by_batch(&report, "m"), expected);
    assert_eq!(carried_from(&work, 1).await, None);
    let first = CarriedFrom {
        batch: number(1),
        uid: uid(&work, 1).await,
    };
    assert_eq!(carried_from(&work, 2).await, Some(first));
    let counts = work.about("m", number(3)).await.counts;
    assert!(counts.iter().sum::<u64>() >= 180, "{counts:?}");

    // The same stream, one batch a run: a run goes on where the one before ended.
    let steps = Work::new();
    for rows in [0..60, 60..120, 120..180] {
        append(&steps, &job, rows).await;
        assert_eq!(steps.train(&job).await.trained, 1);
    }
    for batch in (1..=3).map(number) {
        let centers = steps.centers("m", batch).await;
        assert_eq!(work.centers("m", batch).await, centers, "batch {batch}");
    }

    // A batch that is gone has left its model, from which the oldest batch goes on.
    steps.keep_newest(&job).await;
    append(&steps, &job, 180..240).await;
    let more = steps.train(&job).await;
    assert_eq!(by_batch(&more, "m"), [(3, Skipped), (4, Trained)]);
    assert_eq!(carried_from(&steps, 4).await.unwrap().batch, number(3));
}

#[tokio::test]
async fn what_comes_after_a_model_that_was_trained_again_is_trained_again() {
    let work = Work::new();
    let job = job(60, MINI_BATCH);
    append(&work, &job, 0..180).await;
    work.train(&job).await;
    let (centers, third) = (work.centers("m", number(3)).await, uid(&work, 3).await);
    let retrained = work.retrain(&job).await;
    assert_eq!(retrained.trained, 3);
    assert_eq!(work.centers("m", number(3)).await, centers);
    assert_ne!(uid(&work, 3).await, third);
    assert_eq!(work.train(&job).await.skipped, 3);

    let mut other = job.clone();
    other.models = crate::kit::job(60, &MINI_BATCH.replace("seed = 5", "seed = 6")).models;
    let refused = work.refused(&other).await;
    assert!(refused.contains("seed 6"), "{refused}");
}

#[tokio::test]
async fn a_batch_that_allows_no_model_is_passed_by() {
    let work = Work::new();
    let job = job(3, &MINI_BATCH.replace("k = 3", "k = 2"));
    work.append(&job, &three_batches()).await;
    let report = work.train(&job).await;
    // Later batches need no k points of their own.
    let expected = [(1, Trained), (2, Failed), (3, Trained)];
    assert_eq!(by_batch(&report, "m"), expected, "{report:?}");
    assert_eq!(carried_from(&work, 3).await.unwrap().batch, number(1));
    let again = work.train(&job).await;
    let expected = [(1, Skipped), (2, Failed), (3, Skipped)];
    assert_eq!(by_batch(&again, "m"), expected);
    let listed = ModelStore::new(work.models.clone()).list().await.unwrap();
    assert_eq!(listed[0].batches, [number(1), number(3)]);
}
