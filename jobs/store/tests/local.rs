//! What only folders on this machine can get wrong.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "a test")]

use std::io::Write as _;
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, SystemTime},
};

use gugus_store::{
    Appended, BatchLog, BatchNumber, Existing, LogError, ModelDraft, ModelError, ModelStore, Store,
    StoreError,
    conformance::{self, draft, models::model},
};

fn store(path: &Path) -> Store {
    Store::open(path.to_str().unwrap()).unwrap()
}

async fn open(path: &Path) -> Result<BatchLog, LogError> {
    BatchLog::open(
        store(path),
        &conformance::JOB.parse().unwrap(),
        conformance::TOPIC,
    )
    .await
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_made_by_writers_only() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a/b");
    let missing = BatchLog::read(store(&path)).await.unwrap_err();
    assert!(matches!(missing, LogError::NoFolder { .. }), "{missing}");
    assert!(matches!(
        gugus_store::verify(&store(&path), |_| ()).await,
        Err(LogError::NoFolder { .. })
    ));
    assert_eq!(ModelStore::new(store(&path)).list().await.unwrap(), []);
    assert!(!path.exists());
    open(&path).await.unwrap();
    assert!(BatchLog::read(store(&path)).await.unwrap().head().is_none());
    assert_eq!(names(&path), [""; 0]);
}

#[tokio::test]
async fn a_file_in_the_way_of_a_folder_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    for path in [file.clone(), file.join("below")] {
        let errors = [
            open(&path).await.unwrap_err(),
            BatchLog::read(store(&path)).await.unwrap_err(),
        ];
        for error in errors {
            assert!(
                matches!(error, LogError::Store(StoreError::NotAFolder { .. })),
                "{error:?}"
            );
            assert!(
                error.to_string().contains("file where a folder is needed"),
                "{error}"
            );
        }
        let models = ModelStore::new(store(&path));
        let error = models
            .write(&model("m", None), Existing::Keep)
            .await
            .unwrap_err();
        assert!(
            matches!(error, ModelError::Store(StoreError::NotAFolder { .. })),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn a_folder_that_may_not_be_read_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("closed");
    open(&path).await.unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    if fs::read_dir(&path).is_ok() {
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED: this user may read every folder, so none can be closed to it"
        );
        return;
    }
    let errors = [
        open(&path).await.unwrap_err(),
        BatchLog::read(store(&path)).await.unwrap_err(),
    ];
    fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
    for error in errors {
        assert!(
            matches!(error, LogError::Store(StoreError::Denied { .. })),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn a_folder_named_like_a_batch_is_no_batch() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join(BatchNumber::FIRST.file_name())).unwrap();
    let mut log = open(dir.path()).await.unwrap();
    assert!(log.head().is_none(), "a listing takes files only");
    // It is in the way of number 1 all the same.
    let error = log.append(&draft(0, 0, 1)).await.unwrap_err();
    assert!(
        error.to_string().contains("batch_00000001.parquet"),
        "{error}"
    );
}

#[tokio::test]
async fn half_written_files_are_ignored_and_swept_when_old() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = open(dir.path()).await.unwrap();
    assert!(matches!(
        log.append(&draft(0, 0, 1)).await.unwrap(),
        Appended::Committed(_)
    ));
    let (old, young) = (
        dir.path().join(".batch_00000002.parquet.a.tmp"),
        dir.path().join(".batch_00000002.parquet.b.tmp"),
    );
    fs::write(&old, "half").unwrap();
    fs::write(&young, "half").unwrap();
    fs::File::open(&old)
        .unwrap()
        .set_modified(SystemTime::now() - Duration::from_secs(7200))
        .unwrap();
    let found = gugus_store::verify(&store(dir.path()), |_| ())
        .await
        .unwrap();
    assert_eq!((found.problems.len(), found.batches), (0, 1));
    assert!(old.exists(), "readers remove nothing");
    open(dir.path()).await.unwrap();
    assert!(!old.exists() && young.exists());
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
    let models = ModelStore::new(store(dir.path()));
    assert_eq!(models.list().await.unwrap(), []);
    models
        .write(&model("m", Some(BatchNumber::FIRST)), Existing::Keep)
        .await
        .unwrap();
    assert_eq!(names(&dir.path().join("m")), ["batch_00000001"]);
}

/// Whoever reads while a model is replaced gets the old one or the new one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replacing_is_never_seen_half_way() {
    let dir = tempfile::tempdir().unwrap();
    let models = ModelStore::new(store(dir.path()));
    let draft = |x: f64| ModelDraft {
        centers: vec![vec![x, x]],
        sizes: vec![1],
        training_cost: x,
        ..model("m", None)
    };
    models.write(&draft(0.0), Existing::Keep).await.unwrap();
    let done = std::sync::Arc::new(AtomicBool::new(false));
    let (reading, finished) = (models.clone(), done.clone());
    let reader = tokio::spawn(async move {
        let mut reads = 0_u32;
        while !finished.load(Ordering::Relaxed) || reads == 0 {
            let saved = reading.read("m", None).await.unwrap();
            assert_eq!(saved.centers[0][0], saved.about.unwrap().training_cost);
            reads += 1;
        }
    });
    for x in 1..100 {
        models
            .write(&draft(f64::from(x)), Existing::Replace)
            .await
            .unwrap();
    }
    done.store(true, Ordering::Relaxed);
    reader.await.unwrap();
    assert_eq!(
        models.read("m", None).await.unwrap().centers,
        [[99.0, 99.0]]
    );
    assert_eq!(
        names(&dir.path().join("m")),
        ["all"],
        "the old folders are gone"
    );
}

/// How long a large folder takes. Run with `--ignored --nocapture`; prints, and asserts only what would hurt.
#[tokio::test]
#[ignore = "takes a minute: ten thousand synced commits"]
async fn ten_thousand_batches_and_models() {
    use std::time::Instant;
    const COUNT: u64 = 10_000;
    let dir = tempfile::tempdir().unwrap();
    let (batches, models) = (dir.path().join("batch"), dir.path().join("models"));
    let mut log = open(&batches).await.unwrap();
    let started = Instant::now();
    for number in 0..COUNT as i64 {
        let appended = log
            .append(&draft(0, 10 * number, 10 * number + 10))
            .await
            .unwrap();
        assert!(matches!(appended, Appended::Committed(_)));
    }
    println!("{COUNT} commits: {:?}", started.elapsed());
    let started = Instant::now();
    let log = open(&batches).await.unwrap();
    let opened = started.elapsed();
    println!("open to append: {opened:?}");
    let started = Instant::now();
    let files = log.batches().await.unwrap();
    println!("list {} with sizes: {:?}", files.len(), started.elapsed());
    let started = Instant::now();
    let numbers: Vec<_> = files.iter().map(|file| file.number).collect();
    let footers = log.footers(&numbers).await.unwrap();
    println!("read {} footers: {:?}", footers.len(), started.elapsed());
    let started = Instant::now();
    let found = log.verify(|_| ()).await.unwrap();
    println!("verify: {:?}", started.elapsed());
    assert_eq!((found.problems.len(), found.records), (0, 10 * COUNT));

    let store = ModelStore::new(store(&models));
    let started = Instant::now();
    for number in 1..=COUNT {
        store
            .write(&model("m", BatchNumber::new(number)), Existing::Keep)
            .await
            .unwrap();
    }
    println!("write {COUNT} models: {:?}", started.elapsed());
    let started = Instant::now();
    let listed = store.list().await.unwrap();
    let listing = started.elapsed();
    println!("list {} models: {listing:?}", listed[0].batches.len());
    assert!(opened < Duration::from_secs(2) && listing < Duration::from_secs(2));
}
