//! Cases that only folders on this machine have.

use std::io::Write as _;
use std::{
    fs,
    num::NonZeroU64,
    ops::ControlFlow,
    os::unix::fs::PermissionsExt,
    path::Path,
    time::{Duration, Instant, SystemTime},
};

use gugus_batches::{BatchLog, FOOTER_KEY, Footer, Keep, LogError, Prune, Pruned};
use gugus_files::StoreError;
use gugus_files::conformance::{folder, names};
use gugus_spec::BatchNumber;

use crate::kit::{self, commit, draft, found};

async fn open(path: &Path) -> Result<BatchLog, LogError> {
    BatchLog::open(folder(path), &kit::JOB.parse().unwrap(), kit::TOPIC).await
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_made_by_writers_only() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a/b");
    let missing = BatchLog::read(folder(&path)).await.unwrap_err();
    assert!(matches!(missing, LogError::NoFolder { .. }), "{missing}");
    assert!(matches!(
        gugus_batches::verify(&folder(&path), |_| ()).await,
        Err(LogError::NoFolder { .. })
    ));
    assert!(!path.exists());
    open(&path).await.unwrap();
    assert!(
        BatchLog::read(folder(&path))
            .await
            .unwrap()
            .head()
            .is_none()
    );
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
            BatchLog::read(folder(&path)).await.unwrap_err(),
        ];
        for error in errors {
            assert_is!(error, LogError::Store(StoreError::NotAFolder { .. }));
            assert!(
                error.to_string().contains("file where a folder is needed"),
                "{error}"
            );
        }
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
        BatchLog::read(folder(&path)).await.unwrap_err(),
    ];
    fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
    for error in errors {
        assert_is!(error, LogError::Store(StoreError::Denied { .. }));
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
async fn a_half_written_temporary_file_is_ignored_and_cleaned() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = open(dir.path()).await.unwrap();
    commit(&mut log, &draft(0, 0, 1)).await;
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
    let found = found(&folder(dir.path())).await;
    assert_eq!((found.problems.len(), found.batches), (0, 1));
    assert!(old.exists(), "readers remove nothing");
    open(dir.path()).await.unwrap();
    assert!(!old.exists() && young.exists());
}

fn age(path: &Path, hours: u64) {
    let changed = SystemTime::now() - Duration::from_secs(3600 * hours);
    let file = fs::File::options().write(true).open(path).unwrap();
    file.set_modified(changed).unwrap();
}

/// The first batches go for as long as they are old; one in the middle does not go alone.
#[tokio::test]
async fn batches_are_pruned_by_age() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = open(dir.path()).await.unwrap();
    for (first, hours) in [(0, 5), (1, 4), (2, 1), (3, 6), (4, 0)] {
        let footer = commit(&mut log, &draft(0, first, first + 1)).await;
        age(&dir.path().join(footer.number.file_name()), hours);
    }
    let keep = Keep::Since(SystemTime::now() - Duration::from_secs(3 * 3600));
    let pruned = log
        .prune(keep, Prune::Delete, |_| ControlFlow::Continue(()))
        .await
        .unwrap();
    assert_eq!((pruned.batches, pruned.last), (2, BatchNumber::new(2)));
    let left: Vec<_> = log
        .numbers()
        .await
        .unwrap()
        .iter()
        .map(|n| n.get())
        .collect();
    assert_eq!(left, [3, 4, 5]);
}

/// Reject files of killed writers are removed when they are old. Files that a batch names stay at any age.
#[tokio::test]
async fn old_reject_files_that_no_batch_names_are_pruned() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = open(dir.path()).await.unwrap();
    let mut named = Vec::new();
    for first in [0, 5] {
        let draft = kit::draft_with_reject(0, first, first + 5, first);
        let footer = commit(&mut log, &draft).await;
        named.push(dir.path().join(footer.rejected.unwrap().file));
    }
    let rejected = dir.path().join("rejected");
    let (old, young, other) = (
        rejected.join("a.parquet"),
        rejected.join("b.parquet"),
        rejected.join("c.txt"),
    );
    for path in [&old, &young, &other] {
        fs::write(path, "12345").unwrap();
    }
    for path in [&old, &other, &named[0], &named[1]] {
        age(path, 2);
    }
    let all = Keep::Newest(NonZeroU64::MAX);
    for mode in [Prune::DryRun, Prune::Delete] {
        let pruned = log
            .prune(all, mode, |_| ControlFlow::Continue(()))
            .await
            .unwrap();
        let expected = Pruned {
            bytes: 5,
            unreferenced: 1,
            ..Pruned::default()
        };
        assert_eq!(pruned, expected);
        assert_eq!(old.exists(), mode == Prune::DryRun);
    }
    assert!(young.exists() && other.exists());
    // A reject file of a batch that would be removed has a name in a batch.
    let one = Keep::Newest(NonZeroU64::MIN);
    let dry = log
        .prune(one, Prune::DryRun, |_| ControlFlow::Continue(()))
        .await
        .unwrap();
    assert_eq!((dry.batches, dry.rejects, dry.unreferenced), (1, 1, 0));
    assert!(log.verify(|_| ()).await.unwrap().problems.is_empty());
}

/// However long the log: opening lists the folder and reads the end of one file.
#[tokio::test]
async fn a_log_of_100_000_batches_opens_in_under_a_second() {
    const COUNT: u64 = 100_000;
    // File systems allow few links to one file: ext4 65,000.
    const LINKS: u64 = 30_000;
    let dir = tempfile::tempdir().unwrap();
    let path = |number: u64| {
        dir.path()
            .join(BatchNumber::new(number).unwrap().file_name())
    };
    let mut log = open(dir.path()).await.unwrap();
    let footer = commit(&mut log, &draft(0, 0, 10)).await;
    // The batches between are never read, so they may be links.
    for number in 2..COUNT {
        if number % LINKS == 0 {
            fs::copy(path(1), path(number)).unwrap();
        } else {
            fs::hard_link(path((number / LINKS * LINKS).max(1)), path(number)).unwrap();
        }
    }
    let newest = Footer {
        number: BatchNumber::new(COUNT).unwrap(),
        // As an earlier build wrote it.
        previous_hash: None,
        hash: None,
        ..footer
    };
    write_batch(&path(COUNT), &newest);

    // Other tests run at the same time, so the best of a few tries counts.
    const TRIES: usize = 5;
    let mut best = [Duration::MAX; 4];
    for _ in 0..TRIES {
        let mut took = Vec::new();
        let started = Instant::now();
        let log = open(dir.path()).await.unwrap();
        took.push(started.elapsed());
        assert_eq!((log.head(), log.end_of(0)), (Some(&newest), Some(10)));
        let started = Instant::now();
        let mut reader = BatchLog::read(folder(dir.path())).await.unwrap();
        took.push(started.elapsed());
        let started = Instant::now();
        assert_eq!(reader.numbers().await.unwrap().len() as u64, COUNT);
        took.push(started.elapsed());
        let started = Instant::now();
        assert_eq!(reader.refresh().await.unwrap(), Some(&newest));
        took.push(started.elapsed());
        for (best, took) in best.iter_mut().zip(took) {
            *best = took.min(*best);
        }
    }
    println!("{COUNT} batches: to append, to read, numbers, refresh: {best:?}");
    for took in best {
        assert!(took < Duration::from_secs(1), "{best:?}");
    }
    assert!(
        best[3] < Duration::from_millis(100),
        "refreshing lists nothing: {best:?}"
    );
    let mut log = open(dir.path()).await.unwrap();
    let mut reader = BatchLog::read(folder(dir.path())).await.unwrap();
    let started = Instant::now();
    commit(&mut log, &draft(0, 10, 11)).await;
    println!("append: {:?}", started.elapsed());
    assert_eq!(
        reader.refresh().await.unwrap().unwrap().number.get(),
        COUNT + 1
    );
}

/// A batch file with a footer that no log was asked about.
fn write_batch(path: &Path, footer: &Footer) {
    use parquet::{
        arrow::ArrowWriter,
        file::{metadata::KeyValue, properties::WriterProperties},
    };
    let text = serde_json::to_string(footer).unwrap();
    let entry = KeyValue::new(FOOTER_KEY.to_owned(), text);
    let properties = WriterProperties::builder()
        .set_key_value_metadata(Some(vec![entry]))
        .build();
    let rows = kit::rows(&[]);
    let file = fs::File::create(path).unwrap();
    let mut writer = ArrowWriter::try_new(file, rows.schema(), Some(properties)).unwrap();
    writer.write(&rows).unwrap();
    writer.close().unwrap();
}

/// How long a large folder takes. Run with `--ignored --nocapture`; prints, and asserts only what would hurt.
#[tokio::test]
#[ignore = "takes a minute: ten thousand synced commits"]
async fn ten_thousand_batches() {
    const COUNT: u64 = 10_000;
    let dir = tempfile::tempdir().unwrap();
    let batches = dir.path().join("batch");
    let mut log = open(&batches).await.unwrap();
    let started = Instant::now();
    for number in 0..COUNT as i64 {
        commit(&mut log, &draft(0, 10 * number, 10 * number + 10)).await;
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
    assert!(opened < Duration::from_secs(2));
}
