//! Cases that only folders on this machine have.

use std::{
    fs,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant, SystemTime},
};

use gugus_files::StoreError;
use gugus_files::conformance::{folder, names};
use gugus_models::{Existing, Known, ModelError, ModelStore};
use gugus_spec::BatchNumber;

use crate::models::{centers, keep, model, with_centers};

#[tokio::test]
async fn a_folder_that_is_not_there_holds_no_models() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a/b");
    assert_eq!(ModelStore::new(folder(&path)).list().await.unwrap(), []);
    assert!(!path.exists());
}

#[tokio::test]
async fn a_file_in_the_way_of_a_folder_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    for path in [file.clone(), file.join("below")] {
        let models = ModelStore::new(folder(&path));
        let error = models
            .write(&model("m", None), Existing::Keep)
            .await
            .unwrap_err();
        assert_is!(error, ModelError::Store(StoreError::NotAFolder { .. }));
    }
}

/// Old temporary model folders of a killed run go with the first write of that model.
#[tokio::test]
async fn half_built_models_are_swept_when_old() {
    let dir = tempfile::tempdir().unwrap();
    let half = dir.path().join("m/.batch_00000001.0.tmp");
    fs::create_dir_all(half.join("data")).unwrap();
    fs::File::open(&half)
        .unwrap()
        .set_modified(SystemTime::now() - Duration::from_secs(7200))
        .unwrap();
    let models = ModelStore::new(folder(dir.path()));
    assert_eq!(models.list().await.unwrap(), []);
    keep(&models, &model("m", Some(BatchNumber::FIRST))).await;
    assert_eq!(names(&dir.path().join("m")), ["batch_00000001"]);
}

/// A reader gets the old model or the new one while a model is replaced.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replacing_is_never_seen_half_way() {
    let dir = tempfile::tempdir().unwrap();
    let models = ModelStore::new(folder(dir.path()));
    let draft = |x: f64| {
        let mut draft = with_centers(model("m", None), vec![vec![x, x]]);
        draft.about.summary.training_cost = x;
        draft
    };
    keep(&models, &draft(0.0)).await;
    let done = std::sync::Arc::new(AtomicBool::new(false));
    let (reading, finished) = (models.clone(), done.clone());
    let reader = tokio::spawn(async move {
        let mut reads = 0_u32;
        while !finished.load(Ordering::Relaxed) || reads == 0 {
            let saved = reading.read("m", None).await.unwrap();
            let centers = saved.fitted.centers().unwrap();
            assert_eq!(centers[0][0], saved.about.unwrap().summary.training_cost);
            reads += 1;
        }
    });
    for x in 1..100 {
        let draft = draft(f64::from(x));
        models.write(&draft, Existing::Replace).await.unwrap();
    }
    done.store(true, Ordering::Relaxed);
    reader.await.unwrap();
    assert_eq!(
        models.read("m", None).await.unwrap().fitted,
        centers(vec![vec![99.0, 99.0]])
    );
    assert_eq!(
        names(&dir.path().join("m")),
        ["all"],
        "the old folders are gone"
    );
}

/// How long a large folder takes. Run with `--ignored --nocapture`; prints, and asserts only what would hurt.
#[tokio::test]
#[ignore = "takes a minute"]
async fn ten_thousand_models() {
    const COUNT: u64 = 10_000;
    let dir = tempfile::tempdir().unwrap();
    let store = ModelStore::new(folder(dir.path()));
    let started = Instant::now();
    for number in 1..=COUNT {
        keep(&store, &model("m", BatchNumber::new(number))).await;
    }
    println!("write {COUNT} models: {:?}", started.elapsed());
    let started = Instant::now();
    let listed = store.list().await.unwrap();
    let listing = started.elapsed();
    println!("list {} models: {listing:?}", listed[0].batches.len());
    assert!(listing < Duration::from_secs(2));
}

/// What is known of a folder is used only while it is so.
#[tokio::test]
async fn a_second_survey_finds_what_changed() {
    let dir = tempfile::tempdir().unwrap();
    let models = ModelStore::new(folder(dir.path()));
    for name in ["kept", "grows", "shrinks", "torn", "aliased", "replaced"] {
        for batch in 1..=2 {
            keep(&models, &model(name, BatchNumber::new(batch))).await;
        }
    }
    fs::write(dir.path().join("aliased/aliases.json"), "{}").unwrap();
    // A folder's time tells nothing in the first tenth of a second.
    tokio::time::sleep(Duration::from_millis(150)).await;
    let mut known = Known::default();
    let first = models.survey_again(&mut known).await.unwrap();
    assert_eq!(first.models.len(), 6);
    assert_eq!(models.survey_again(&mut known).await.unwrap(), first);

    keep(&models, &model("grows", BatchNumber::new(3))).await;
    keep(&models, &model("new", BatchNumber::new(1))).await;
    fs::remove_dir_all(dir.path().join("shrinks/batch_00000002")).unwrap();
    fs::remove_file(dir.path().join("torn/batch_00000001/_SUCCESS")).unwrap();
    fs::rename(
        dir.path().join("aliased/aliases.json"),
        dir.path().join("kept/aliases.json"),
    )
    .unwrap();
    fs::rename(dir.path().join("replaced"), dir.path().join("other")).unwrap();
    fs::rename(dir.path().join("shrinks"), dir.path().join("replaced")).unwrap();
    let second = models.survey_again(&mut known).await.unwrap();
    assert_eq!(second, models.survey().await.unwrap());
    let listed: Vec<_> = second
        .models
        .iter()
        .map(|it| (it.model.as_str(), it.batches.len()))
        .collect();
    let expected = [("aliased", 2), ("grows", 3), ("kept", 2), ("new", 1)];
    let expected = expected
        .into_iter()
        .chain([("other", 2), ("replaced", 1), ("torn", 1)]);
    assert_eq!(listed, expected.collect::<Vec<_>>());
    assert_eq!(second.aliased, ["kept".parse().unwrap()]);
}
